from __future__ import annotations

import gzip
import json
import random
from dataclasses import replace

import pytest

from collector.model import Event, Span, Status
from dashboards.waterfall import EVENT_TICKS, EXACT_SPANS, lay_out, matching, payload
from tests.collector.analysis.spans import span


def starts(columns: dict[str, list[int]]) -> list[int]:
    total, out = 0, []
    for delta in columns["ds"]:
        total += delta
        out.append(total)
    return out


def big_trace(count: int, seed: int = 7) -> list[Span]:
    """Like a checkout: random depths, eight functions, sixty operation names, some failures."""
    rng = random.Random(seed)
    spans = [span(f"{1:016x}", 0, 8_400_000_000, service="gateway", name="POST /checkout")]
    depths = [0]
    for index in range(2, count + 1):
        above = next(i for i in iter(lambda: rng.randrange(len(spans)), None) if depths[i] < 9)
        parent, depth = spans[above], depths[above] + 1
        start = parent.start_ns + int(rng.random() * parent.duration_ns * 0.8)
        end = start + int((parent.end_ns - start) * rng.uniform(0.1, 0.9))
        status = Status.ERROR if rng.random() < 0.01 else Status.UNSET
        service, name = f"function-{rng.randrange(8)}", f"operation {rng.randrange(60)}"
        spans.append(
            span(f"{index:016x}", start, end, parent.span_id, status=status, service=service, name=name)
        )
        depths.append(depth)
    return spans


def test_a_waterfall_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one span"):
        lay_out([])


def test_the_timeline_begins_with_a_cold_start_that_precedes_its_call() -> None:
    cold = replace(span("cold", 10, 100, "call"), phase="cold_start")
    laid = lay_out([replace(span("call", 100, 150), coldstart=True), cold])
    columns = payload(laid, {})
    assert (laid.start_ns, laid.end_ns, laid.root.span_id) == (10, 150, "call")
    assert (starts(columns), columns["du"], columns["p"]) == ([90, 0], [50, 90], [1])


def test_columns_describe_each_row_in_reading_order() -> None:
    failed = span("b", 40, 90, "a", status=Status.ERROR, service="stock")
    columns = payload(lay_out([failed, span("a", 0, 100)]), {"shop": 2, "stock": 5})
    assert columns["names"] == ["a", "b"]
    assert (columns["d"], columns["n"], columns["v"], columns["e"]) == ([0, 1], [0, 1], [0, 1], [1])
    assert (columns["services"], columns["colours"], columns["total"]) == (["shop", "stock"], [2, 5], 100)


def test_the_critical_path_is_given_per_row() -> None:
    columns = payload(lay_out([span("a", 0, 100), span("b", 40, 90, "a")]), {})
    assert columns["cp"] == [0, 0, 40, 1, 40, 50, 0, 90, 10]


def test_events_become_ticks_inside_their_bar() -> None:
    events = tuple(Event(time_ns=t, name="e") for t in (-5, 30, 30, 999))
    columns = payload(lay_out([replace(span("a", 10, 110), events=events)]), {})
    assert columns["ev"] == [[0, 0, 20, 100]]


def test_a_bar_has_a_bounded_number_of_ticks() -> None:
    events = tuple(Event(time_ns=t, name="e") for t in range(1_000))
    assert (
        len(payload(lay_out([replace(span("a", 0, 1_000), events=events)]), {})["ev"][0]) == EVENT_TICKS + 1
    )


def test_large_traces_are_sent_in_microseconds() -> None:
    columns = payload(lay_out(big_trace(EXACT_SPANS + 1)), {})
    assert (columns["unit"], columns["total"]) == (1_000, 8_400_000)


def test_orphans_are_counted_and_marked() -> None:
    laid = lay_out([span("a", 0, 9), span("b", 1, 2, "gone"), span("c", 1, 2, "b")])
    assert (laid.orphans, payload(laid, {})["o"]) == (1, [1])


@pytest.mark.parametrize(("count", "kilobytes"), [(5_000, 60), (10_000, 100)])
def test_a_large_payload_stays_light(count: int, kilobytes: int) -> None:
    text = json.dumps(payload(lay_out(big_trace(count)), {}), separators=(",", ":"))
    assert len(gzip.compress(text.encode(), 6)) <= kilobytes * 1_000


def test_search_finds_words_in_names_attributes_events_and_resources() -> None:
    rich = replace(
        span("a", 0, 9, name="GET /Orders"),
        attributes={"db.query.text": "select ?"},
        resource={"cloud.region": "eu"},
        events=(Event(1, "exception", {"exception.type": "KeyError"}),),
    )
    laid = lay_out([rich, replace(span("b", 1, 2, "a"), resource_id=2)])
    for text in ("orders", "SELECT", "keyerror", "region eu", "orders eu"):
        assert matching(laid, text) == [0], text
    assert matching(laid, "orders nowhere") == []
    assert matching(laid, "  ") == []


def test_a_span_is_found_by_its_id() -> None:
    laid = lay_out([span("a", 0, 9), span("b", 1, 2, "a")])
    assert (laid.index_of("b"), laid.index_of("zz")) == (1, None)
