"""How much memory a decoded batch takes, so that what waits is bounded by what it really is."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from collector.batch import Batch
from collector.model_metrics import MetricBatch

# Rows looked at: enough to tell what rows share from what each has of its own.
_SAMPLE = 16
_POINTER_BYTES = 8
# Of a series beside its attributes: the object, its id and its place in two dictionaries.
_SERIES_BYTES = 300


def weight(batch: Batch) -> int:
    """Bytes, about: a batch outside Python's lists says so itself, of others a few rows are measured."""
    known = getattr(batch, "nbytes", None)
    if isinstance(known, int):
        return known
    found = sum(_of_column(values) for values in batch.columns.values())
    return found + (_of_series(batch) if isinstance(batch, MetricBatch) else 0)


def _of_column(values: Sequence[Any]) -> int:
    sample = values[:: max(len(values) // _SAMPLE, 1)]
    return len(values) * _POINTER_BYTES + _scaled(sample, len(values))


def _of_series(batch: MetricBatch) -> int:
    count = len(batch.series)
    texts = [one.attributes_json for one in islice(batch.series.values(), _SAMPLE)]
    return count * _SERIES_BYTES + _scaled(texts, count)


def _scaled(sample: Sequence[Any], count: int) -> int:
    """Bytes of `count` values that are like these. One that several rows share is there once."""
    if not sample:
        return 0
    return _bytes_of({id(value): value for value in sample}.values()) * count // len(sample)


def _bytes_of(values: Iterable[Any]) -> int:
    return sum(sys.getsizeof(value) for value in values)
