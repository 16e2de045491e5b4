"""Columns to spans, the fast way: the same spans as the plain one."""

from __future__ import annotations

from collector import jsonvalue
from collector.model import COLUMN_NAMES
from collector.storage.rows import span_from_row, spans_from_columns
from tests.collector.batches import T0, row

RICH = {"bytes": b"\x00", "odd": float("inf"), "deep": [{"$bytes": "no"}, None, 2**62]}
EVENT = {"time_ns": T0, "name": "e", "attributes": {"x": b"1"}}
ROWS = [
    row(1, 1, kind="client", status="error", coldstart=True, http_status=503, links=[(2, 3), (4, 5)]),
    row(1, 2**64 - 1, parent=1, attributes=jsonvalue.dumps(RICH), events=jsonvalue.dumps([EVENT, EVENT])),
    row(1, 3, attributes='{"a":"],[1"}'),
]


def test_whole_columns_become_the_same_spans_as_rows_do() -> None:
    resources = [{"service.name": "a"}, {}, {"n": 1}]
    columns = {name: [r[name] for r in ROWS] for name in COLUMN_NAMES}
    one_by_one = [span_from_row(r, resource) for r, resource in zip(ROWS, resources)]
    assert spans_from_columns(columns, resources) == one_by_one
    assert one_by_one[1].attributes == RICH


def test_many_texts_are_read_as_each_alone_is() -> None:
    texts = ["", "[]", jsonvalue.dumps(RICH), jsonvalue.dumps({"$map": 1}), '"],["']
    assert jsonvalue.loads_all(texts) == [jsonvalue.loads(text) for text in texts]
    assert jsonvalue.loads_all([]) == []
