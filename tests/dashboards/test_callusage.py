"""One line says what a call used, whatever was sent."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from dashboards.callusage import used
from dashboards.spandetail import span_detail
from dashboards.waterfall import lay_out
from tests.dashboards.stored import checkout

FULL = {
    "faas.cpu_usage": 0.012,
    "tracekit.cpu.utilization": 0.8,
    "faas.mem_usage": 50_000_000,
    "faas.net_io": 2_000_000,
    "tracekit.concurrent_invocations": 3,
    "tracekit.remaining_ms": 1500,
    "tracekit.billed_duration_ms": 1017,
}


def line(attributes: dict[str, Any], resource: dict[str, Any] | None = None) -> str:
    return used(replace(checkout()[0], attributes=attributes, resource=resource or {}))


def test_everything_known_stands_in_one_line() -> None:
    parts = line(FULL, {"faas.max_memory": 128_000_000}).split(" · ")
    assert parts == [
        "CPU 12.0 ms (80% of a core)",
        "memory 47.7 MB of 122 MB",
        "network 1.91 MB",
        "3 calls at once",
        "1.50 s left",
        "billed about 1,017 ms",
    ]


def test_what_is_not_known_is_left_out() -> None:
    assert line({}) == ""
    assert line({"faas.cpu_usage": 0.5, "tracekit.concurrent_invocations": 1}) == "CPU 500 ms"


@pytest.mark.parametrize("value", ["much", None, True, math.nan, math.inf, -1, [1], b"1", {"a": 1}])
def test_any_value_under_these_names_is_survived(value: Any) -> None:
    assert line(dict.fromkeys(FULL, value), {"faas.max_memory": value}) == ""


def test_the_detail_pane_shows_it() -> None:
    spans = tuple(replace(span, attributes={**span.attributes, **FULL}) for span in checkout())
    assert "CPU 12.0 ms" in dict(span_detail(lay_out(spans), 0)["facts"])["Used"]
