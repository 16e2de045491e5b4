"""Parts of a window in SQL: the arithmetic of base.bucket_index, whatever the window's length."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from collector.storage.base import SeriesQuery, Window, bucket_index, bucket_start
from collector.storage.duckdb import open_storage
from tests.collector.batches import batch, row, trace

NEARLY_ALL = 2**63 - 2 * 10**18


@pytest.mark.parametrize("buckets", [1, 7, 60, 500])
@pytest.mark.parametrize("end_ns", [1_000, 86_400 * 10**9, 2**63 // 60 - 1, 2**63 // 60 + 1, NEARLY_ALL])
def test_each_moment_is_in_the_part_that_the_contract_says(tmp_path: Path, end_ns: int, buckets: int) -> None:
    window = Window(0, end_ns)
    starts = sorted({0, 1, end_ns // 7, end_ns // 2, end_ns - end_ns // buckets, end_ns - 1})
    with contextlib.closing(open_storage(tmp_path)) as storage:
        spans = [
            row(n, 1, 0) | {"trace_id": trace(n), "start_ns": start} for n, start in enumerate(starts, 1)
        ]
        storage.writer.write([batch(*spans)])
        points = storage.reader.series(SeriesQuery(window, buckets=buckets))
    expected = {bucket_start(window, buckets, bucket_index(window, buckets, start)) for start in starts}
    assert {point.start_ns for point in points} == expected
    assert sum(point.calls for point in points) == len(starts)
