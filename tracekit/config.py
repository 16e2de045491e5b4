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
    from typing import Any

    from tracekit.target import Target

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
# Where things go. Read by tracekit.target when something is about to go, which no call waits for.
_LATE = (
    "certificate",
    "client_certificate",
    "client_key",
    "compression",
    "endpoint",
    "headers",
    "logs_target",
    "metrics_target",
    "protocol",
    "timeout_ms",
)
# Of a span: the setting, its variable (with OTEL_SPAN for OTEL the one that wins), default, least and most.
_LIMITS = (
    ("attribute_length", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", 16_384, 1, 1 << 24),
    ("attribute_count", "OTEL_ATTRIBUTE_COUNT_LIMIT", 128, 1, 10_000),
    ("event_count", "OTEL_SPAN_EVENT_COUNT_LIMIT", 128, 0, 100_000),
    ("link_count", "OTEL_SPAN_LINK_COUNT_LIMIT", 1024, 0, 100_000),
)
DEFAULT_SAMPLER = "parentbased_always_on"
# Of all variables that are read here and in tracekit.target.
_PREFIXES = ("OTEL_", "TRACEKIT_", "AWS_LAMBDA_INITIALIZATION_TYPE")
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class Config:
    """What the environment asks for. Read-only after construction."""

    _env: Mapping[str, str]
    disabled: bool
    service_name: str
    resource_attributes: dict[str, str]
    exporter: str
    protocol: str
    timeout_ms: int
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
        put(self, "_env", env)
        put(self, "disabled", flag(env, "OTEL_SDK_DISABLED", False))
        put(self, "service_name", env.get("OTEL_SERVICE_NAME", ""))
        put(self, "resource_attributes", pairs(env, "OTEL_RESOURCE_ATTRIBUTES"))
        put(self, "exporter", env.get("OTEL_TRACES_EXPORTER", "").strip() or "otlp")
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
        put(self, "spool", env.get("TRACEKIT_SPOOL", "").strip())
        put(self, "spool_bytes", number(env, "TRACEKIT_SPOOL_BYTES", 64 << 20, 1 << 20, 1 << 40))
        put(self, "flush_budget_ms", number(env, "TRACEKIT_FLUSH_BUDGET_MS", 100, 0, 60_000))
        put(self, "queue_bytes", number(env, "TRACEKIT_QUEUE_BYTES", 4 << 20, 64 << 10, 1 << 30))
        for field, name, default, low, high in _LIMITS:
            specific = f"OTEL_SPAN{name.removeprefix('OTEL')}"
            put(self, field, number(env, specific if env.get(specific) else name, default, low, high))
        put(self, "resource_detectors", bool(env.get("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "").strip()))
        put(self, "capture", _some_of(env, "TRACEKIT_CAPTURE", ("request", "response")))
        put(self, "capture_bytes", number(env, "TRACEKIT_CAPTURE_BYTES", 4096, 64, 1 << 20))
        put(self, "logs", flag(env, "TRACEKIT_LOGS", env.get("OTEL_LOGS_EXPORTER", "").strip() == "otlp"))
        put(self, "metrics", env.get("OTEL_METRICS_EXPORTER", "").strip().lower() == "otlp")
        put(self, "otel_share", flag(env, "TRACEKIT_OTEL_SHARE", True))
        put(self, "stdout", flag(env, "TRACEKIT_STDOUT", False))
        put(self, "locals", flag(env, "TRACEKIT_LOCALS", False))
        put(self, "redact_keys", _names(env, "TRACEKIT_REDACT_KEYS"))
        put(self, "sql_parameters", flag(env, "TRACEKIT_SQL_PARAMETERS", False))
        usage = one_of(env, "TRACEKIT_USAGE", ("basic", "full", "none"), "basic")
        put(self, "usage", "" if usage == "none" else usage)
        put(self, "timeout_margin_ms", number(env, "TRACEKIT_TIMEOUT_MARGIN_MS", 500, 0, 3_600_000))
        put(self, "snapshot_after_ms", number(env, "TRACEKIT_SNAPSHOT_AFTER_MS", 1000, 0, 86_400_000))
        put(self, "import_profile", flag(env, "TRACEKIT_IMPORT_PROFILE", True))
        # Lambda gives a start ten seconds, unless somebody prepares instances beforehand.
        known = 10_000 if env.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "on-demand" else 0
        put(self, "init_timeout_ms", number(env, "TRACEKIT_INIT_TIMEOUT_MS", known, 0, 3_600_000))
        put(self, "snapshots", bool(self.timeout_margin_ms or self.snapshot_after_ms))
        named = self.propagators or ()
        put(self, "xray_parent", flag(env, "TRACEKIT_XRAY_PARENT", "xray-lambda" in named))

    def __getattr__(self, name: str) -> Any:
        if name not in _LATE:
            raise AttributeError(f"there is no setting {name!r}")
        # By name: what it is read with is here.
        target = __import__("tracekit.target", fromlist=("targets",))
        for late, value in target.targets(self._env).items():
            object.__setattr__(self, late, value)
        return getattr(self, name)

    @property
    def traces_target(self) -> Target:
        """Where spans go."""
        target = __import__("tracekit.target", fromlist=("Target",))
        made: Target = target.Target(self.endpoint, *[getattr(self, part) for part in target.PARTS])
        return made

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("configuration is read-only: set the environment before the first span")


_config: Config | None = None


def get() -> Config:
    """The process's configuration, read from the environment at the first call."""
    global _config
    if _config is None:
        # os.environ decodes at each look, and there are some eighty: that alone was half of this.
        _config = Config({name: os.environ[name] for name in os.environ if name.startswith(_PREFIXES)})
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


def flag(env: Mapping[str, str], name: str, default: bool) -> bool:
    """A setting that is on or off."""
    text = env.get(name, "").strip().lower()
    if text in _YES:
        return True
    if text and text not in _NO:
        say(f"{name}={text!r} is neither true nor false; using {str(default).lower()}")
        return default
    return False if text else default


def number(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """A setting that is a whole number between two bounds."""
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


def one_of(env: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str) -> str:
    """A setting that has one of a few values, which are lower-case words."""
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


def pairs(env: Mapping[str, str], name: str) -> dict[str, str]:
    """A setting of the form `key=value,key2=value2`, percent-encoded."""
    found: dict[str, str] = {}
    for item in env.get(name, "").split(","):
        key, equals, value = item.partition("=")
        if equals and key.strip():
            found[percent_decode(key.strip())] = percent_decode(value.strip())
        elif item.strip():
            say(f"{name}: {item.strip()!r} is not key=value; ignoring it")
    return found
