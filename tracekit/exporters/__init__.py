"""Where spans go. EXPORTERS is the registry: one line a name that OTEL_TRACES_EXPORTER may take."""

from __future__ import annotations

from tracekit.guard import say
from tracekit.target import DEFAULT_ENDPOINT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from tracekit.config import Config
    from tracekit.exporters.base import Exporter
    from tracekit.target import Target

    Encode = Callable[[list[Any], Mapping[str, Any], int], bytes]


def _otlp(config: Config) -> Exporter:
    from tracekit.otlp import encode

    return otlp(config.traces_target, encode, "spans")


def otlp(target: Target, encode: Encode, signal: str) -> Exporter:
    """An exporter of one signal ("spans", "logs", "metrics") for the protocol its target names."""
    exporter = _of_protocol(target, encode, signal)
    exporter.timeout_s = target.timeout_ms / 1000
    return exporter


def _of_protocol(target: Target, encode: Encode, signal: str) -> Exporter:
    if target.protocol == "grpc":
        from tracekit.exporters.otlp_grpc import OtlpGrpcExporter

        return OtlpGrpcExporter(target, encode, signal)
    from tracekit.exporters.otlp_http import OtlpHttpExporter, TlsFiles

    kind = OtlpHttpExporter
    if target.protocol == "http/json":
        from tracekit.exporters.otlp_json import OtlpJsonExporter as kind

    zipped = target.compression == "gzip"
    tls = TlsFiles(target.certificate, target.client_certificate, target.client_key)
    try:
        return kind(target.url, target.headers, zipped, tls, encode, signal)
    except ValueError as error:
        path = {"spans": "traces"}.get(signal, signal)
        say(f"OTEL_EXPORTER_OTLP_ENDPOINT: {error}; using {DEFAULT_ENDPOINT}")
        return kind(f"{DEFAULT_ENDPOINT}/v1/{path}", target.headers, zipped, None, encode, signal)


def _file(config: Config) -> Exporter:
    from tracekit.exporters.file import FileExporter

    return FileExporter(config.file)


def _console(config: Config) -> Exporter:
    from tracekit.exporters.console import ConsoleExporter

    return ConsoleExporter()


def _memory(config: Config) -> Exporter:
    from tracekit.exporters.memory import MemoryExporter

    return MemoryExporter()


# Names that are not here are looked up among the installed opentelemetry exporters.
EXPORTERS: dict[str, Callable[[Config], Exporter]] = {
    "otlp": _otlp,
    "file": _file,
    "console": _console,
    "memory": _memory,
}


def choose(config: Config) -> Exporter | None:
    """The exporter the configuration names, or all of them; None for "none"."""
    names = [name.strip() for name in config.exporter.split(",")]
    wanted = [name for name in dict.fromkeys(names) if name not in ("", "none")]
    found = [EXPORTERS[name](config) if name in EXPORTERS else _official(name) for name in wanted]
    if len(found) < 2:
        return found[0] if found else None
    from tracekit.exporters.several import SeveralExporters

    return SeveralExporters(found)


def _official(name: str) -> Exporter:
    from tracekit.exporters.opentelemetry import OfficialExporter

    return OfficialExporter(name)
