"""Rows of log and metric batches, or of an engine's tables, as the objects of the model."""

from __future__ import annotations

from typing import Any

from collector import jsonvalue
from collector.model import Attributes, hex_span_id
from collector.model_logs import LogRecord
from collector.model_metrics import Exemplar


def log_from_row(row: dict[str, Any], resource: Attributes) -> LogRecord:
    """One record from a row in the shape of LOG_COLUMNS (the span id as a number, JSON as text)."""
    made = row | {
        "span_id": hex_span_id(row["span_id"]),
        "body": jsonvalue.loads(row["body"]),
        "attributes": jsonvalue.loads(row["attributes"]) or {},
    }
    return LogRecord(**made, resource=resource)


def exemplars_from_json(text: str) -> tuple[Exemplar, ...]:
    """What the column `exemplars` holds."""
    return tuple(Exemplar(**({"value": None} | found)) for found in jsonvalue.loads(text) or ())


def as_text(attributes: Attributes, key: str) -> str | None:
    """An attribute's value as queries compare it: strings as they are, the rest as JSON. None for one that is
    absent or null."""
    value = attributes.get(key)
    return value if value is None or isinstance(value, str) else jsonvalue.dumps(value)


def escaped(word: str) -> str:
    """A word as it stands inside JSON text, so that it is found there."""
    return jsonvalue.dumps(word)[1:-1]
