"""Where the signals go, and how: the part of the environment that is read when something is about to go.

Errors of it are said as those of tracekit.config are, whose `Config` holds what is found here.
"""

from __future__ import annotations

from tracekit.config import flag, number, one_of, pairs
from tracekit.guard import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# Paths of PEM files, which are opened only when a connection needs them.
FILES = ("certificate", "client_certificate", "client_key")
# Of a target: everything but its URL, in the order in which it takes them.
PARTS = ("headers", "compression", "protocol", "timeout_ms", *FILES)
PROTOCOLS = ("http/protobuf", "http/json", "grpc")
TIMEOUT_MS = 10_000  # the specification's
DEFAULT_ENDPOINT = "http://127.0.0.1:4318"
DEFAULT_GRPC_ENDPOINT = "http://127.0.0.1:4317"


class Target:
    """Where one signal goes, and how. `url` is empty where none is to be sent; the last three are paths.
    `timeout_ms` is what one request may take at most, whoever waits for it or nobody."""

    __slots__ = ("url", *PARTS)

    def __init__(
        self,
        url: str,
        headers: dict[str, str],
        compression: str,
        protocol: str = PROTOCOLS[0],
        timeout_ms: int = TIMEOUT_MS,
        certificate: str = "",
        client_certificate: str = "",
        client_key: str = "",
    ) -> None:
        self.url = url
        self.headers = headers
        self.compression = compression
        self.protocol = protocol
        self.timeout_ms = timeout_ms
        self.certificate = certificate
        self.client_certificate = client_certificate
        self.client_key = client_key


def targets(env: Mapping[str, str]) -> dict[str, Any]:
    """What `Config` has of each signal's target, by attribute; of spans' also the parts one by one."""
    traces = _target(env, "TRACES")
    return {
        "endpoint": traces.url,
        **{part: getattr(traces, part) for part in PARTS},
        "logs_target": _target(env, "LOGS"),
        "metrics_target": _target(env, "METRICS"),
    }


def _target(env: Mapping[str, str], signal: str) -> Target:
    # Spans have exporters of several kinds, which config.exporter names.
    wanted = signal == "TRACES" or env.get(f"OTEL_{signal}_EXPORTER", "").strip().lower() != "none"
    files = [_path(env, field, signal) for field in FILES]
    url = _endpoint(env, signal) if wanted else ""
    how = (_headers(env, signal), _compression(env, signal), _protocol(env, signal), _timeout_ms(env, signal))
    return Target(url, *how, *files)


def _path(env: Mapping[str, str], field: str, signal: str) -> str:
    name = field.upper()
    specific = env.get(f"OTEL_EXPORTER_OTLP_{signal}_{name}")
    return (specific or env.get(f"OTEL_EXPORTER_OTLP_{name}", "")).strip()


def _headers(env: Mapping[str, str], signal: str) -> dict[str, str]:
    specific = f"OTEL_EXPORTER_OTLP_{signal}_HEADERS"
    found = pairs(env, specific if env.get(specific) else "OTEL_EXPORTER_OTLP_HEADERS")
    broken = [key for key, value in found.items() if "\n" in key + value or "\r" in key + value]
    for key in broken:
        say(f"OTEL_EXPORTER_OTLP_HEADERS: header {key!r} holds a line break; ignoring it")
        del found[key]
    return found


def _protocol(env: Mapping[str, str], signal: str) -> str:
    specific = f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL"
    name = specific if env.get(specific) else "OTEL_EXPORTER_OTLP_PROTOCOL"
    return one_of(env, name, PROTOCOLS, "http/protobuf")


def _compression(env: Mapping[str, str], signal: str) -> str:
    specific = f"OTEL_EXPORTER_OTLP_{signal}_COMPRESSION"
    name = specific if env.get(specific) else "OTEL_EXPORTER_OTLP_COMPRESSION"
    return one_of(env, name, ("none", "gzip"), "none")


def _timeout_ms(env: Mapping[str, str], signal: str) -> int:
    specific = f"OTEL_EXPORTER_OTLP_{signal}_TIMEOUT"
    name = specific if env.get(specific) else "OTEL_EXPORTER_OTLP_TIMEOUT"
    return number(env, name, TIMEOUT_MS, 1, 3_600_000)


def _endpoint(env: Mapping[str, str], signal: str) -> str:
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
    return f"{'http' if flag(env, name, False) else 'https'}://{endpoint}"
