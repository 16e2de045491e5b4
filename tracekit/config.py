"""The environment, read once, as one frozen object. docs/sdk.md lists every variable (a test compares).

A setting that cannot be understood gives one line on stderr saying what to do, and its default. It never
stops the host.
"""

from __future__ import annotations

import os

from tracekit.guard import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SAMPLERS = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
    "tracekit.rate",
    "parentbased_tracekit.rate",
)
_PROPAGATORS = (
    "tracecontext",
    "baggage",
    "b3",
    "b3multi",
    "jaeger",
    "xray",
    "xray-lambda",
    "fc",
    "google",
    "sw8",
)
# Paths of PEM files, which are opened only when a connection needs them.
_FILES = ("certificate", "client_certificate", "client_key")
_PROTOCOLS = ("http/protobuf", "http/json", "grpc")
# Of a span: the setting, its variable (with OTEL_SPAN for OTEL the one that wins), default, least and most.
_LIMITS = (
    ("attribute_length", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", 16_384, 1, 1 << 24),
    ("attribute_count", "OTEL_ATTRIBUTE_COUNT_LIMIT", 128, 1, 10_000),
    ("event_count", "OTEL_SPAN_EVENT_COUNT_LIMIT", 128, 0, 100_000),
    ("link_count", "OTEL_SPAN_LINK_COUNT_LIMIT", 1024, 0, 100_000),
)
DEFAULT_SAMPLER = "parentbased_always_on"
DEFAULT_ENDPOINT = "http://127.0.0.1:4318"
DEFAULT_GRPC_ENDPOINT = "http://127.0.0.1:4317"
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class Target:
    """Where one signal goes, and how. `url` is empty where none is to be sent; the last three are paths."""

    __slots__ = (
        "certificate",
        "client_certificate",
        "client_key",
        "compression",
        "headers",
        "protocol",
        "url",
    )

    def __init__(
        self,
        url: str,
        headers: dict[str, str],
        compression: str,
        protocol: str = _PROTOCOLS[0],
        certificate: str = "",
        client_certificate: str = "",
        client_key: str = "",
    ) -> None:
        self.url = url
        self.headers = headers
        self.compression = compression
        self.protocol = protocol
        self.certificate = certificate
        self.client_certificate = client_certificate
        self.client_key = client_key


class Config:
    """What the environment asks for. Read-only after construction."""

    __slots__ = (
        "attribute_count",
        "attribute_length",
        "capture",
        "capture_bytes",
        "certificate",
        "client_certificate",
        "client_key",
        "compression",
        "disabled",
        "endpoint",
        "event_count",
        "exporter",
        "file",
        "flush_budget_ms",
        "headers",
        "import_profile",
        "init_timeout_ms",
        "keep",
        "link_count",
        "locals",
        "logs",
        "logs_target",
        "metrics",
        "metrics_target",
        "otel_share",
        "profile_after",
        "propagators",
        "protocol",
        "queue_bytes",
        "redact_keys",
        "resource_attributes",
        "resource_detectors",
        "sampler",
        "sampler_argument",
        "sampler_rate",
        "sampler_ratio",
        "service_name",
        "snapshot_after_ms",
        "snapshots",
        "spool",
        "spool_bytes",
        "sql_parameters",
        "stdout",
        "timeout_margin_ms",
        "usage",
        "xray_parent",
    )

    disabled: bool
    service_name: str
    resource_attributes: dict[str, str]
    exporter: str
    protocol: str
    endpoint: str
    headers: dict[str, str]
    compression: str
    # What OTEL_PROPAGATORS names, in its order; None where it is not set.
    propagators: tuple[str, ...] | None
    file: str
    # One of SAMPLERS, or the name of one that an installed package provides.
    sampler: str
    sampler_argument: str
    sampler_ratio: float
    sampler_rate: float
    keep: str
    profile_after: str
    certificate: str
    client_certificate: str
    client_key: str
    spool: str
    spool_bytes: int
    flush_budget_ms: int
    queue_bytes: int
    attribute_length: int
    attribute_count: int
    event_count: int
    link_count: int
    resource_detectors: bool
    usage: str
    timeout_margin_ms: int
    snapshot_after_ms: int
    snapshots: bool
    import_profile: bool
    init_timeout_ms: int
    capture: frozenset[str]
    capture_bytes: int
    redact_keys: frozenset[str]
    locals: bool
    logs: bool
    logs_target: Target
    metrics: bool
    metrics_target: Target
    otel_share: bool
    stdout: bool
    sql_parameters: bool
    xray_parent: bool

    def __init__(self, env: Mapping[str, str]) -> None:
        put = object.__setattr__
        put(self, "disabled", _flag(env, "OTEL_SDK_DISABLED", False))
        put(self, "service_name", env.get("OTEL_SERVICE_NAME", ""))
        put(self, "resource_attributes", _pairs(env, "OTEL_RESOURCE_ATTRIBUTES"))
        put(self, "exporter", env.get("OTEL_TRACES_EXPORTER", "").strip() or "otlp")
        put(self, "protocol", _protocol(env))
        put(self, "endpoint", _endpoint(env))
        put(self, "headers", _headers(env))
        put(self, "compression", _compression(env))
        put(self, "propagators", _propagators(env))
        put(self, "file", env.get("TRACEKIT_FILE", "") or "tracekit-spans.jsonl")
        put(self, "sampler", env.get("OTEL_TRACES_SAMPLER", "").strip().lower() or DEFAULT_SAMPLER)
        put(self, "sampler_argument", env.get("OTEL_TRACES_SAMPLER_ARG", "").strip())
        is_rate = self.sampler.endswith("tracekit.rate")
        is_ratio = not is_rate and self.sampler in SAMPLERS
        put(self, "sampler_ratio", _real(env, "OTEL_TRACES_SAMPLER_ARG", 1.0, 1.0) if is_ratio else 1.0)
        put(self, "sampler_rate", _real(env, "OTEL_TRACES_SAMPLER_ARG", 10.0, 1e6) if is_rate else 0.0)
        put(self, "keep", env.get("TRACEKIT_KEEP", "").strip().lower())
        put(self, "profile_after", env.get("TRACEKIT_PROFILE_AFTER_MS", "").strip().lower())
        for field in _FILES:
            put(self, field, _path(env, field))
        put(self, "spool", env.get("TRACEKIT_SPOOL", "").strip())
        put(self, "spool_bytes", _number(env, "TRACEKIT_SPOOL_BYTES", 64 << 20, 1 << 20, 1 << 40))
        put(self, "flush_budget_ms", _number(env, "TRACEKIT_FLUSH_BUDGET_MS", 100, 0, 60_000))
        put(self, "queue_bytes", _number(env, "TRACEKIT_QUEUE_BYTES", 4 << 20, 64 << 10, 1 << 30))
        for field, name, default, low, high in _LIMITS:
            specific = f"OTEL_SPAN{name.removeprefix('OTEL')}"
            put(self, field, _number(env, specific if env.get(specific) else name, default, low, high))
        put(self, "resource_detectors", bool(env.get("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "").strip()))
        put(self, "capture", _some_of(env, "TRACEKIT_CAPTURE", ("request", "response")))
        put(self, "capture_bytes", _number(env, "TRACEKIT_CAPTURE_BYTES", 4096, 64, 1 << 20))
        put(self, "logs", _flag(env, "TRACEKIT_LOGS", env.get("OTEL_LOGS_EXPORTER", "").strip() == "otlp"))
        put(self, "logs_target", _target(env, "LOGS"))
        put(self, "metrics", env.get("OTEL_METRICS_EXPORTER", "").strip().lower() == "otlp")
        put(self, "metrics_target", _target(env, "METRICS"))
        put(self, "otel_share", _flag(env, "TRACEKIT_OTEL_SHARE", True))
        put(self, "stdout", _flag(env, "TRACEKIT_STDOUT", False))
        put(self, "locals", _flag(env, "TRACEKIT_LOCALS", False))
        put(self, "redact_keys", _names(env, "TRACEKIT_REDACT_KEYS"))
        put(self, "sql_parameters", _flag(env, "TRACEKIT_SQL_PARAMETERS", False))
        usage = _one_of(env, "TRACEKIT_USAGE", ("basic", "full", "none"), "basic")
        put(self, "usage", "" if usage == "none" else usage)
        put(self, "timeout_margin_ms", _number(env, "TRACEKIT_TIMEOUT_MARGIN_MS", 500, 0, 3_600_000))
        put(self, "snapshot_after_ms", _number(env, "TRACEKIT_SNAPSHOT_AFTER_MS", 1000, 0, 86_400_000))
        put(self, "import_profile", _flag(env, "TRACEKIT_IMPORT_PROFILE", True))
        # Lambda gives a start ten seconds, unless somebody prepares instances beforehand.
        known = 10_000 if env.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "on-demand" else 0
        put(self, "init_timeout_ms", _number(env, "TRACEKIT_INIT_TIMEOUT_MS", known, 0, 3_600_000))
        put(self, "snapshots", bool(self.timeout_margin_ms or self.snapshot_after_ms))
        named = self.propagators or ()
        put(self, "xray_parent", _flag(env, "TRACEKIT_XRAY_PARENT", "xray-lambda" in named))

    @property
    def traces_target(self) -> Target:
        """Where spans go."""
        files = [getattr(self, field) for field in _FILES]
        return Target(self.endpoint, self.headers, self.compression, self.protocol, *files)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("configuration is read-only: set the environment before the first span")


_config: Config | None = None


def get() -> Config:
    """The process's configuration, read from the environment at the first call."""
    global _config
    if _config is None:
        # os.environ decodes at each look, and there are some eighty: that alone was half of this.
        _config = Config(dict(os.environ))
    return _config


def forget() -> None:
    """Makes the next `get` read the environment again. For tests, which change it."""
    global _config
    _config = None


def percent_decode(text: str) -> str:
    """`%41` becomes `A`; broken escapes stay as they are."""
    if "%" not in text:
        return text
    head, *rest = text.encode("utf-8", "replace").split(b"%")
    out = bytearray(head)
    for part in rest:
        try:
            out += bytes((int(part[:2].decode("ascii"), 16),)) + part[2:]
        except ValueError:
            out += b"%" + part
    return out.decode("utf-8", "replace")


def _flag(env: Mapping[str, str], name: str, default: bool) -> bool:
    text = env.get(name, "").strip().lower()
    if text in _YES:
        return True
    if text and text not in _NO:
        say(f"{name}={text!r} is neither true nor false; using {str(default).lower()}")
        return default
    return False if text else default


def _number(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name, "").strip()
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if low <= value <= high:
        return value
    say(f"{name}={text!r} must be a whole number from {low} to {high}; using {default}")
    return default


def _real(env: Mapping[str, str], name: str, default: float, high: float) -> float:
    text = env.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if 0.0 <= value <= high:
        return value
    say(f"{name}={text!r} must be a number from 0 to {high:g}; using {default}")
    return default


def _one_of(env: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str) -> str:
    text = env.get(name, "").strip().lower()
    if not text or text in allowed:
        return text or default
    say(f"{name}={text!r} is not one of {', '.join(allowed)}; using {default}")
    return default


def _propagators(env: Mapping[str, str]) -> tuple[str, ...] | None:
    asked = [name.strip().lower() for name in env.get("OTEL_PROPAGATORS", "").split(",") if name.strip()]
    for name in asked:
        if name not in (*_PROPAGATORS, "none"):
            say(f"OTEL_PROPAGATORS: {name!r} is not one of {', '.join(_PROPAGATORS)}, none; ignoring it")
    known = [name for name in asked if name in _PROPAGATORS]
    if not known and "none" not in asked:
        return None
    return () if "none" in asked else tuple(dict.fromkeys(known))


def _names(env: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(item.strip() for item in env.get(name, "").split(",") if item.strip())


def _some_of(env: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> frozenset[str]:
    asked = frozenset(item.lower() for item in _names(env, name))
    for item in asked.difference(allowed):
        say(f"{name}: {item!r} is not one of {', '.join(allowed)}; ignoring it")
    return asked.intersection(allowed)


def _pairs(env: Mapping[str, str], name: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for item in env.get(name, "").split(","):
        key, equals, value = item.partition("=")
        if equals and key.strip():
            pairs[percent_decode(key.strip())] = percent_decode(value.strip())
        elif item.strip():
            say(f"{name}: {item.strip()!r} is not key=value; ignoring it")
    return pairs


def _target(env: Mapping[str, str], signal: str) -> Target:
    wanted = env.get(f"OTEL_{signal}_EXPORTER", "").strip().lower() != "none"
    files = [_path(env, field, signal) for field in _FILES]
    url = _endpoint(env, signal) if wanted else ""
    return Target(url, _headers(env, signal), _compression(env, signal), _protocol(env, signal), *files)


def _path(env: Mapping[str, str], field: str, signal: str = "TRACES") -> str:
    name = field.upper()
    specific = env.get(f"OTEL_EXPORTER_OTLP_{signal}_{name}")
    return (specific or env.get(f"OTEL_EXPORTER_OTLP_{name}", "")).strip()


def _headers(env: Mapping[str, str], signal: str = "TRACES") -> dict[str, str]:
    specific = f"OTEL_EXPORTER_OTLP_{signal}_HEADERS"
    pairs = _pairs(env, specific if env.get(specific) else "OTEL_EXPORTER_OTLP_HEADERS")
    broken = [key for key, value in pairs.items() if "\n" in key + value or "\r" in key + value]
    for key in broken:
        say(f"OTEL_EXPORTER_OTLP_HEADERS: header {key!r} holds a line break; ignoring it")
        del pairs[key]
    return pairs


def _protocol(env: Mapping[str, str], signal: str = "TRACES") -> str:
    specific = f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL"
    name = specific if env.get(specific) else "OTEL_EXPORTER_OTLP_PROTOCOL"
    return _one_of(env, name, _PROTOCOLS, "http/protobuf")


def _compression(env: Mapping[str, str], signal: str = "TRACES") -> str:
    specific = f"OTEL_EXPORTER_OTLP_{signal}_COMPRESSION"
    name = specific if env.get(specific) else "OTEL_EXPORTER_OTLP_COMPRESSION"
    return _one_of(env, name, ("none", "gzip"), "none")


def _endpoint(env: Mapping[str, str], signal: str = "TRACES") -> str:
    exact = env.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT", "").strip()
    path = f"/v1/{signal.lower()}"
    base = env.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    if _protocol(env, signal) == "grpc":
        return _grpc_endpoint(env, exact or base or DEFAULT_GRPC_ENDPOINT, signal)
    url = exact or (base or DEFAULT_ENDPOINT).rstrip("/") + path
    if url.startswith(("http://", "https://")):
        return url
    say(f"the OTLP endpoint {exact or base!r} must start with http:// or https://; using {DEFAULT_ENDPOINT}")
    return DEFAULT_ENDPOINT + path


def _grpc_endpoint(env: Mapping[str, str], endpoint: str, signal: str) -> str:
    """A URL without a path. Without a scheme it is a secure one unless that is refused, as specified."""
    if "://" in endpoint:
        return endpoint.rstrip("/")
    specific = f"OTEL_EXPORTER_OTLP_{signal}_INSECURE"
    name = specific if env.get(specific) else "OTEL_EXPORTER_OTLP_INSECURE"
    return f"{'http' if _flag(env, name, False) else 'https'}://{endpoint}"
