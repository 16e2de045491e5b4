"""Configuration of `tracekit serve`: flags over environment over file over defaults, read once, frozen."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


class SettingsError(ValueError):
    """A setting makes no sense. The message names it and says what it takes."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How long and how much of a signal is kept. Whichever is passed first counts; 0 is no limit."""

    age_s: float = 0.0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. Port 0 takes any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """`HOST:PORT`, `[IPv6]:PORT`, or `:PORT` for loopback."""
        host, colon, port = text.strip().rpartition(":")
        host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
        if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
            raise SettingsError(f"{text!r} is not HOST:PORT")
        return cls(host, int(port))

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


_UNITS = {"": 1, "B": 1, "KB": 2**10, "KIB": 2**10, "MB": 2**20, "MIB": 2**20, "GB": 2**30, "GIB": 2**30}


def parse_size(text: str) -> int:
    """`64MiB`, `1GB`, `65536`: powers of 1024."""
    digits = text.strip().rstrip("BKMGIbkmgi ")
    unit = text.strip()[len(digits) :].strip().upper()
    if not (digits.isascii() and digits.isdigit()) or unit not in _UNITS:
        raise SettingsError(f"{text!r} is not a size in whole numbers, such as 64MiB")
    return int(digits) * _UNITS[unit]


def _at_least(least: str) -> Callable[[str], int]:
    """A size below which nothing would be taken any more."""

    def parse(text: str) -> int:
        found = parse_size(text)
        if found < parse_size(least):
            raise SettingsError(f"{text!r} is too little to work with: the least is {least}")
        return found

    return parse


def _count(text: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit()):
        raise SettingsError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def _one_or_more(text: str) -> int:
    found = _count(text)
    if not found:
        raise SettingsError("0 of them is none: the least is 1")
    return found


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 86_400:
        raise SettingsError(f"{text!r} is not a number of seconds above 0")
    return value


def _switch(text: str) -> bool:
    if text.strip().lower() not in ("1", "true", "yes", "on", "0", "false", "no", "off", ""):
        raise SettingsError(f"{text!r} is neither on nor off")
    return text.strip().lower() in ("1", "true", "yes", "on")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _path_or_none(text: str) -> Path | None:
    return Path(text.strip()) if text.strip() else None


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.strip().lower() not in choices:
            raise SettingsError(f"{text!r} is none of {', '.join(choices)}")
        return text.strip().lower()

    return parse


def _http_url(text: str) -> str:
    url = urlsplit(text.strip())
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
        raise SettingsError(f"{text!r} is not a URL such as https://backend.example:4318")
    return text.strip().rstrip("/")


def _header_pairs(text: str) -> tuple[tuple[str, str], ...]:
    """`name=value,name=value`, values percent-encoded where they must be, as OTEL_EXPORTER_OTLP_HEADERS."""
    pairs = []
    for part in _names(text):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise SettingsError("a header is not NAME=VALUE")  # its text may be a secret
        pairs.append((name.strip(), unquote(value.strip())))
    return tuple(pairs)


def _address_or_off(text: str) -> Address | None:
    return None if text.strip().lower() == "off" else Address.parse(text)


_AGES = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def _limit(text: str) -> Limit:
    """`30d`, `50GiB`, `30d,50GiB`, or `off`."""
    if text.strip().lower() == "off":
        return Limit()
    given: dict[str, Any] = {}
    for word in filter(None, (word.strip() for word in text.split(","))):
        if word[:-1].isascii() and word[:-1].isdigit() and word[-1] in _AGES:
            given["age_s"] = float(int(word[:-1]) * _AGES[word[-1]])
        elif word[0].isdigit() and word[-1] in "bB0123456789":
            given["bytes"] = parse_size(word)
        else:
            given = {}
            break
    if not any(given.values()):
        raise SettingsError(f"{text!r} is neither an age such as 30d, nor a size such as 50GiB, nor off")
    return Limit(**given)


def _auto_on_off(text: str) -> str:
    if text.strip().lower() not in ("auto", "on", "off"):
        raise SettingsError(f"{text!r} is neither auto, on nor off")
    return text.strip().lower()


def _acknowledge(text: str) -> str:
    if text.strip().lower() not in ("journal", "commit"):
        raise SettingsError(f"{text!r} is neither journal nor commit")
    return text.strip().lower()


# What collector.analysis.cost.Price knows; a test compares.
PRICE_PARTS = ("gb_second", "request", "vcpu_second", "vcpus_per_gb", "step_ms")
Prices = tuple[tuple[str, tuple[tuple[str, float], ...]], ...]


def _prices(text: str) -> Prices:
    """`aws_lambda gb_second=0.0000133334 request=0.0000002; other_platform ...`."""
    return tuple(_price(entry) for entry in text.split(";") if entry.strip())


def _price(entry: str) -> tuple[str, tuple[tuple[str, float], ...]]:
    platform, *parts = entry.split()
    found = []
    for part in parts:
        name, _, amount = part.partition("=")
        try:
            value = float(amount)
        except ValueError:
            value = -1.0
        if name not in PRICE_PARTS or not 0 <= value < 1e9 or (name == "step_ms" and not value):
            raise SettingsError(f"{part!r} is not one of {', '.join(PRICE_PARTS)} with =AMOUNT")
        found.append((name, value))
    return platform, tuple(found)


def _currency(text: str) -> str:
    if not (text.strip().isascii() and text.strip().isalpha() and len(text.strip()) == 3):
        raise SettingsError(f"{text!r} is not the three letters of a currency, such as USD")
    return text.strip().upper()


def _setting(env: str, parse: Callable[[str], Any], meaning: str) -> dict[str, Any]:
    return {"env": env, "parse": parse, "meaning": meaning}


_MIB = 2**20
_MONTH = Limit(age_s=30 * 86_400.0)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. docs/collector.md lists the same (a test compares)."""

    data_dir: Path = field(
        default=Path("tracekit-data"), metadata=_setting("TRACEKIT_DATA", Path, "folder of the store")
    )
    otlp_http: Address = field(
        default=Address("127.0.0.1", 4318),
        metadata=_setting("TRACEKIT_OTLP_HTTP", Address.parse, "where OTLP/HTTP is taken"),
    )
    otlp_grpc: Address | None = field(
        default=Address("127.0.0.1", 4317),
        metadata=_setting("TRACEKIT_OTLP_GRPC", _address_or_off, "where OTLP/gRPC is taken, or `off`"),
    )
    ui: Address = field(
        default=Address("127.0.0.1", 7318),
        metadata=_setting("TRACEKIT_UI", Address.parse, "where the dashboards are served"),
    )
    allow_public: bool = field(
        default=False,
        metadata=_setting(
            "TRACEKIT_ALLOW_PUBLIC", _switch, "listen where other machines reach it, without authentication"
        ),
    )
    ui_hosts: tuple[str, ...] = field(
        default=(),
        metadata=_setting(
            "TRACEKIT_UI_HOSTS", _names, "host names the dashboards answer to besides loopback; `*` for any"
        ),
    )
    sql: str = field(
        default="auto",
        metadata=_setting(
            "TRACEKIT_SQL",
            _auto_on_off,
            "SQL in the dashboards: `on`, `off`, or `auto`: where they are on loopback",
        ),
    )
    sql_timeout_s: float = field(
        default=30.0,
        metadata=_setting("TRACEKIT_SQL_TIMEOUT", _seconds, "after how long a query in SQL is ended"),
    )
    allow_private_webhooks: bool = field(
        default=False,
        metadata=_setting(
            "TRACEKIT_ALLOW_PRIVATE_WEBHOOKS", _switch, "let alerts call loopback and private addresses"
        ),
    )
    tls_cert: Path | None = field(
        default=None,
        metadata=_setting(
            "TRACEKIT_TLS_CERT", _path_or_none, "certificate chain (PEM): OTLP is taken over TLS"
        ),
    )
    tls_key: Path | None = field(
        default=None, metadata=_setting("TRACEKIT_TLS_KEY", _path_or_none, "its private key (PEM)")
    )
    tls_client_ca: Path | None = field(
        default=None,
        metadata=_setting(
            "TRACEKIT_TLS_CLIENT_CA", _path_or_none, "certificates (PEM) whose clients alone may send"
        ),
    )
    tokens_file: Path | None = field(
        default=None,
        metadata=_setting("TRACEKIT_TOKENS", _path_or_none, "file of the tokens that may send, with quotas"),
    )
    cors_origins: tuple[str, ...] = field(
        default=(),
        metadata=_setting(
            "TRACEKIT_CORS_ORIGINS", _names, "origins whose pages may send OTLP from a browser; `*` for any"
        ),
    )
    log_format: str = field(
        default="text",
        metadata=_setting(
            "TRACEKIT_LOG_FORMAT", _one_of("text", "json"), "`text`, or `json`: one object a line"
        ),
    )
    forward_url: str = field(
        default="",
        metadata=_setting("TRACEKIT_FORWARD", _http_url, "OTLP/HTTP base URL that gets a copy of everything"),
    )
    forward_headers: tuple[tuple[str, str], ...] = field(
        default=(),
        metadata=_setting(
            "TRACEKIT_FORWARD_HEADERS", _header_pairs, "headers for it: `name=value,name=value`"
        ),
    )
    forward_max_bytes: int = field(
        default=1024 * _MIB,
        metadata=_setting(
            "TRACEKIT_FORWARD_MAX", _at_least("1MiB"), "disk that waiting copies may take; the oldest go"
        ),
    )
    max_body_bytes: int = field(
        default=64 * _MIB,
        metadata=_setting(
            "TRACEKIT_MAX_BODY", _at_least("64KiB"), "largest request, counted after decompression"
        ),
    )
    max_grpc_bytes: int = field(
        default=16 * _MIB,
        metadata=_setting(
            "TRACEKIT_MAX_GRPC",
            _at_least("64KiB"),
            "largest message over gRPC, if that is less than TRACEKIT_MAX_BODY",
        ),
    )
    max_queue_bytes: int = field(
        default=128 * _MIB,
        metadata=_setting(
            "TRACEKIT_MAX_QUEUE", parse_size, "payloads held at once, from first byte to answer"
        ),
    )
    max_waiting_bytes: int = field(
        default=384 * _MIB,
        metadata=_setting(
            "TRACEKIT_MAX_WAITING",
            _at_least("16MiB"),
            "memory of what is acknowledged and waits for its insert",
        ),
    )
    decoder: str = field(
        default="auto",
        metadata=_setting(
            "TRACEKIT_DECODER",
            _one_of("auto", "c", "python"),
            "what reads spans in protobuf: `c`, `python`, or the faster that is there",
        ),
    )
    acknowledge: str = field(
        default="journal",
        metadata=_setting(
            "TRACEKIT_ACKNOWLEDGE", _acknowledge, "answer once the `journal` has it, or after the `commit`"
        ),
    )
    max_journal_bytes: int = field(
        default=512 * _MIB,
        metadata=_setting("TRACEKIT_MAX_JOURNAL", _at_least("128MiB"), "largest journal before a checkpoint"),
    )
    header_timeout_s: float = field(
        default=10.0,
        metadata=_setting("TRACEKIT_HEADER_TIMEOUT", _seconds, "longest wait for a request's headers"),
    )
    body_timeout_s: float = field(
        default=30.0,
        metadata=_setting("TRACEKIT_BODY_TIMEOUT", _seconds, "longest wait for a request's whole body"),
    )
    store_memory_bytes: int = field(
        default=512 * _MIB,
        metadata=_setting(
            "TRACEKIT_STORE_MEMORY", _at_least("128MiB"), "memory DuckDB may use, readers and writer together"
        ),
    )
    store_threads: int = field(
        default=0,
        metadata=_setting("TRACEKIT_STORE_THREADS", _count, "threads DuckDB may use; 0 is one a core"),
    )
    dedup_spans: int = field(
        default=1_000_000,
        metadata=_setting("TRACEKIT_DEDUP_SPANS", _count, "span keys remembered to notice retries"),
    )
    disk_floor_bytes: int = field(
        default=512 * _MIB,
        metadata=_setting(
            "TRACEKIT_DISK_FLOOR", parse_size, "free disk below which writes are refused with 503"
        ),
    )
    retain_traces: Limit = field(
        default=_MONTH,
        metadata=_setting("TRACEKIT_RETAIN_TRACES", _limit, "how long, and how much, of traces is kept"),
    )
    retain_logs: Limit = field(
        default=_MONTH, metadata=_setting("TRACEKIT_RETAIN_LOGS", _limit, "the same for logs")
    )
    retain_metrics: Limit = field(
        default=_MONTH, metadata=_setting("TRACEKIT_RETAIN_METRICS", _limit, "the same for metrics")
    )
    keep_one_of: int = field(
        default=1,
        metadata=_setting(
            "TRACEKIT_KEEP_ONE_OF",
            _one_or_more,
            "of ordinary traces one in so many stays; errors, slow, cold and rare ones all do",
        ),
    )
    unfinished_grace_s: float = field(
        default=60.0,
        metadata=_setting(
            "TRACEKIT_UNFINISHED_GRACE", _seconds, "silence after which a running span is stored as failed"
        ),
    )
    timeout_grace_s: float = field(
        default=10.0,
        metadata=_setting(
            "TRACEKIT_TIMEOUT_GRACE",
            _seconds,
            "the same for one last seen just before its function's timeout",
        ),
    )
    prices: Prices = field(
        default=(),
        metadata=_setting(
            "TRACEKIT_PRICES", _prices, "what platforms charge, over the list prices that are built in"
        ),
    )
    currency: str = field(
        default="USD", metadata=_setting("TRACEKIT_CURRENCY", _currency, "what those prices are in")
    )
    ui_team_attribute: str = field(
        default="service.namespace",
        metadata=_setting(
            "TRACEKIT_UI_TEAM_ATTRIBUTE", str.strip, "the resource attribute that names a function's team"
        ),
    )
    ui_tag_attributes: tuple[str, ...] = field(
        default=("deployment.environment.name",),
        metadata=_setting(
            "TRACEKIT_UI_TAG_ATTRIBUTES", _names, "resource attributes that functions are tagged with"
        ),
    )
    ui_boards: str = field(
        default="",
        metadata=_setting("TRACEKIT_UI_BOARDS", str.strip, "the folder of dashboards that are files of YAML"),
    )

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str],
        overrides: Mapping[str, str | None] | None = None,
        file: Mapping[str, str] | None = None,
    ) -> Settings:
        """`overrides` (from flags) are texts by field name; None leaves a field to the environment. `file`
        has what a configuration file says, by variable of the environment (collector/configfile.py)."""
        overrides, file = overrides or {}, file or {}
        unknown = set(overrides) - {f.name for f in fields(cls)}
        if unknown:
            raise SettingsError(f"there is no setting {', '.join(sorted(unknown))}")
        given: dict[str, Any] = {}
        for setting in fields(cls):
            env = setting.metadata["env"]
            text, origin = overrides.get(setting.name), setting.name
            if text is None:
                text, origin = environ.get(env), env
                if not text:
                    text, origin = file.get(env), f"{env} in the configuration file"
            if text is not None and text.strip():
                given[setting.name] = _parsed(setting.metadata["parse"], text, origin)
        settings = cls(**given)
        settings.require_room()
        settings.require_whole_tls()
        settings.require_safe_addresses()
        return settings

    @property
    def serves_sql(self) -> bool:
        """Whether people may ask in SQL. Who reaches the dashboards from elsewhere has shown no password."""
        return self.sql == "on" or (self.sql == "auto" and self.ui.is_loopback)

    @property
    def knows_senders(self) -> bool:
        """Whether strangers can neither send nor listen: TLS, with tokens or client certificates."""
        return self.tls_cert is not None and (self.tokens_file is not None or self.tls_client_ca is not None)

    def require_room(self) -> None:
        """SettingsError where a payload may be larger than the journal can ever take."""
        if self.max_journal_bytes < 2 * self.max_body_bytes:
            raise SettingsError(
                "max_journal_bytes (TRACEKIT_MAX_JOURNAL) must be at least twice max_body_bytes "
                "(TRACEKIT_MAX_BODY): a payload larger than the journal could never be taken"
            )

    def require_whole_tls(self) -> None:
        """SettingsError for a certificate without its key, or the reverse."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingsError("tls_cert and tls_key (TRACEKIT_TLS_CERT, TRACEKIT_TLS_KEY) go together")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise SettingsError("tls_client_ca (TRACEKIT_TLS_CLIENT_CA) needs tls_cert and tls_key")

    def require_safe_addresses(self) -> None:
        """SettingsError for an address other machines reach, unless `allow_public` says so or, for OTLP,
        senders are known."""
        receivers = () if self.knows_senders else ("otlp_http", "otlp_grpc")
        for name in (*receivers, "ui"):
            address: Address | None = getattr(self, name)
            if address is not None and not address.is_loopback and not self.allow_public:
                remedy = "TLS with tokens (TRACEKIT_TLS_CERT, TRACEKIT_TLS_KEY, TRACEKIT_TOKENS)"
                own = (
                    "the dashboards have no authentication"
                    if name == "ui"
                    else f"it is open without {remedy}"
                )
                raise SettingsError(
                    f"{name} {address} is reachable from other machines, {own}: use a loopback address, or "
                    "set TRACEKIT_ALLOW_PUBLIC=1 (--allow-public) if the network itself keeps strangers out"
                )


def _parsed(parse: Callable[[str], Any], text: str, origin: str) -> Any:
    try:
        return parse(text)
    except SettingsError as error:
        raise SettingsError(f"{origin}: {error}") from None
