"""What `tracekit doctor` says of the server that is installed here, if one is."""

from __future__ import annotations

import importlib.util

_NEEDED = ("duckdb", "google.protobuf", "nanoarrow", "opentelemetry.proto", "orjson")
_DECODERS = {
    "c": "OTLP protobuf is read in C",
    "python": "OTLP protobuf is read in Python: install with a C compiler at hand for the fast decoder",
}


def facts() -> list[str]:
    """Sentences; one that says so where the server is not installed."""
    try:
        missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    except ModuleNotFoundError as error:  # a package whose parent is not there either
        missing = [str(error.name)]
    if missing:
        return ["not installed here: pip install 'tracekit[server]'"]
    from collector.decode import decoder_name

    return [_DECODERS[decoder_name()]]


def variables() -> frozenset[str]:
    """The server's own settings, which are none of the SDK's."""
    from dataclasses import fields

    from collector.settings import Settings

    return frozenset({"TRACEKIT_CONFIG", *(f.metadata["env"] for f in fields(Settings))})
