"""Where spans go. EXPORTERS is the registry: one line a name that OTEL_TRACES_EXPORTER may take."""

from __future__ import annotations

from tracekit.config import DEFAULT_ENDPOINT
from tracekit.guard import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tracekit.config import Config
    from tracekit.exporters.base import Exporter


def _otlp(config: Config) -> Exporter:
    if config.protocol != "http/protobuf":
        return _official(config)
    from tracekit.exporters.otlp_http import OtlpHttpExporter, TlsFiles

    zipped = config.compression == "gzip"
    tls = TlsFiles(config.certificate, config.client_certificate, config.client_key)
    try:
        return OtlpHttpExporter(config.endpoint, config.headers, zipped, tls)
    except ValueError as error:
        say(f"OTEL_EXPORTER_OTLP_ENDPOINT: {error}; using {DEFAULT_ENDPOINT}")
        return OtlpHttpExporter(f"{DEFAULT_ENDPOINT}/v1/traces", config.headers, zipped)


def _official(config: Config) -> Exporter:
    from tracekit.exporters.opentelemetry import OfficialExporter

    return OfficialExporter(config.exporter, config.protocol)


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
    """The exporter the configuration names; None for "none"."""
    if config.exporter == "none":
        return None
    if "," in config.exporter:
        say("OTEL_TRACES_EXPORTER names several exporters; only the first is used")
    return EXPORTERS.get(config.exporter.split(",")[0].strip(), _official)(config)
