"""What a trace cost, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.cost import DEFAULT_PRICES, GIB, MS, Price, TraceCost, trace_cost
from collector.analysis.critical_path import critical_path
from collector.analysis.tree import place
from collector.model import Kind, Span
from tests.collector.analysis.spans import span
from tests.collector.analysis.test_statistics import traces

ROUND = {"aws_lambda": Price(gb_second=1.0, request=10.0)}


def call(span_id: str, start_ms: int, end_ms: int, parent: str = "", home: int = 1, **more: Any) -> Span:
    """A call of a Lambda function of 2 GiB."""
    kind = more.pop("kind", Kind.SERVER)
    made = span(span_id, start_ms * MS, end_ms * MS, parent, kind=kind, service=f"f{home}")
    facts = {"resource_id": home, "platform": "aws_lambda", "resource": {"faas.max_memory": 2 * GIB}}
    return replace(made, **(facts | more))


def cost(*spans: Span, prices: dict[str, Price] = ROUND) -> TraceCost:
    return trace_cost(place(spans), critical_path(spans), prices)


def test_a_call_costs_its_memory_for_its_time_and_a_request() -> None:
    (function,) = cost(call("1", 0, 500)).functions
    assert function.cost == pytest.approx(0.5 * 2 + 10)
    assert (function.calls, function.billed_ns, function.memory_bytes) == (1, 500 * MS, 2 * GIB)
    assert function.gb_seconds == pytest.approx(1.0)
    assert function.critical == pytest.approx(function.cost)


def test_time_is_billed_in_whole_steps_and_as_the_sender_says_where_it_does() -> None:
    started = replace(call("1", 0, 1), duration_ns=MS + 1)
    assert cost(started).functions[0].billed_ns == 2 * MS
    by_100 = {"aws_lambda": Price(gb_second=1.0, step_ms=100)}
    assert cost(started, prices=by_100).functions[0].billed_ns == 100 * MS
    told = replace(started, attributes={"tracekit.billed_duration_ms": 400})
    assert cost(told).functions[0].billed_ns == 400 * MS


def test_who_waits_pays_twice_and_only_one_of_both_is_on_the_critical_path() -> None:
    client = call("2", 100, 900, "1", kind=Kind.CLIENT)
    both = cost(call("1", 0, 1000), client, call("3", 100, 900, "2", home=2))
    outer, inner = both.functions
    assert (outer.cost, inner.cost) == (pytest.approx(2 + 10), pytest.approx(1.6 + 10))
    assert (outer.critical, inner.critical) == (pytest.approx(0.4 + 10), pytest.approx(1.6 + 10))


def test_what_nobody_waits_for_is_not_on_the_critical_path() -> None:
    sent = call("2", 10, 20, "1", kind=Kind.PRODUCER)
    trace = cost(call("1", 0, 100), sent, call("3", 50, 1050, "2", home=2, kind=Kind.CONSUMER))
    later = next(f for f in trace.functions if f.service == "f2")
    assert (later.cost, later.critical) == (pytest.approx(12), 0)


def test_a_server_span_inside_a_call_is_the_same_call() -> None:
    framework = call("2", 10, 90, "1")
    assert cost(call("1", 0, 100), framework).functions[0].calls == 1
    itself = (call("1", 0, 100), call("2", 5, 95, "1", kind=Kind.CLIENT), call("3", 10, 90, "2"))
    assert cost(*itself).functions[0].calls == 2


def test_the_time_of_a_cold_start_is_that_of_its_call() -> None:
    cold = call("2", 100, 500, "1", home=2, kind=Kind.INTERNAL)
    served = call("3", 500, 900, "1", home=2, attributes={"tracekit.billed_duration_ms": 800})
    trace = cost(call("1", 0, 1000), cold, served)
    function = next(f for f in trace.functions if f.service == "f2")
    assert function.critical == pytest.approx(function.cost)


def test_calls_without_memory_or_price_are_told_apart_and_cost_nothing() -> None:
    blank, elsewhere = call("1", 0, 9, resource={}), call("2", 0, 9, platform="azure_functions")
    trace = cost(blank, elsewhere, call("3", 0, 9, platform=""))
    assert trace.unpriced == (
        ("f1", "faas.max_memory was not sent", 1),
        ("f1", "no price for azure_functions", 1),
        ("f1", "no price for its platform", 1),
    )
    assert (trace.cost, trace.functions) == (0, ())


@pytest.mark.parametrize("memory", ["512", True, -1, 0, float("nan"), float("inf"), None, [1]])
def test_an_amount_of_memory_that_is_none_is_no_memory(memory: object) -> None:
    assert not cost(call("1", 0, 9, resource={"faas.max_memory": memory})).functions


def test_published_prices_give_published_examples() -> None:
    lambda_call = cost(call("1", 0, 1000, resource={"faas.max_memory": GIB // 2}), prices=DEFAULT_PRICES)
    # 3 million calls of a second at 512 MB: 25.00 + 0.60 before the free quota
    assert 3_000_000 * lambda_call.cost == pytest.approx(25.60, rel=1e-3)
    facts = {"platform": "alibaba_cloud_fc", "resource": {"faas.max_memory": GIB // 2}}
    fc_call = cost(call("1", 0, 200, **facts), prices=DEFAULT_PRICES)
    # 3 million calls of 200 ms at 0.5 GB and 0.25 vCPU: 22,500 + 45,000 + 150,000 CU
    assert 3_000_000 * fc_call.cost == pytest.approx(217_500 * 0.00002)


@given(traces(), st.data())
def test_the_critical_path_costs_no_more_than_the_whole(spans: tuple[Span, ...], data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(Kind), min_size=len(spans), max_size=len(spans)))
    homes = data.draw(st.lists(st.integers(1, 2), min_size=len(spans), max_size=len(spans)))
    made = [
        replace(s, kind=k, resource_id=h, platform="aws_lambda", resource={"faas.max_memory": GIB})
        for s, k, h in zip(spans, kinds, homes)
    ]
    trace = cost(*made)
    assert all(0 <= f.critical <= f.cost + 1e-9 for f in trace.functions)
    assert sum(f.calls for f in trace.functions) <= sum(s.is_call for s in made)
    assert bool(trace.functions) == any(s.is_call for s in made)
