"""Sums of a sample of calls stand for all of them, over time as of the whole range."""

from __future__ import annotations

import pytest

from collector.model import COLUMN_NAMES, Resource, SpanBatch
from collector.storage.base import Window
from collector.storage.memory import MemoryStorage
from dashboards import functionlist
from dashboards.callmeasures import call_lines
from tests.collector.batches import SECOND, T0, row

CALLS = 480
HOUR = Window(T0, T0 + 3600 * SECOND)


@pytest.mark.parametrize("buckets", [1, 60])
@pytest.mark.parametrize("by", ["", "service"])
def test_what_is_billed_is_scaled_up_from_a_sample(
    monkeypatch: pytest.MonkeyPatch, buckets: int, by: str
) -> None:
    storage = MemoryStorage()
    calls = [row(n + 1, 1, n * 3600 / CALLS, 1000.0, resource_id=1) for n in range(CALLS)]
    columns = {name: [call[name] for call in calls] for name in COLUMN_NAMES}
    storage.writer.write([SpanBatch(columns, {1: Resource(1, "shop", '{"faas.max_memory":1073741824}')})])
    for sampled in (1_000, 100):
        monkeypatch.setattr(functionlist, "CALLS_SAMPLED", sampled)
        (line,) = call_lines(storage.reader, HOUR, "billed", by, "", buckets, {}).lines
        assert sum(value or 0 for value in line.values) == CALLS
        # A part of the range without a slice of the sample would look as if nothing had run.
        assert buckets == 1 or min(value or 0 for value in line.values) > 0
