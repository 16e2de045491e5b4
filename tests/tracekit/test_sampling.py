"""What is recorded says how much it stands for, and the sums are true."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracekit import inject, pipeline, sampling, span, traced
from tracekit.config import Config
from tracekit.exporters.memory import MemoryExporter
from tracekit.keep import HELD_SPANS, Rules, Sieve, duration_ns
from tracekit.pipeline import Pipeline
from tracekit.queue import QUEUE
from tracekit.sampling import COUNT, Rate, Sampler, Sampling, adjusted_count, certain, randomness, threshold
from tracekit.span import INTERNAL, Span, SpanContext, Trace

ALL_56 = 1 << 56
anything = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def use(**env: str) -> MemoryExporter:
    """A pipeline with this environment, whose spans are kept in memory."""
    exporter = MemoryExporter()
    pipeline.replace(Pipeline(Config(env), exporter))
    return exporter


def sent(exporter: MemoryExporter) -> list[Span]:
    pipeline.get().flush(budget_s=10)
    return exporter.spans


@given(st.floats(1e-9, 1, exclude_max=True))
def test_a_threshold_says_the_probability(share: float) -> None:
    assert adjusted_count(f"ot=th:{threshold(share)}") == pytest.approx(1 / share, rel=1e-6)


@given(st.integers(1, (1 << 128) - 1), st.floats(1e-3, 1, exclude_max=True))
def test_the_decision_is_opentelemetrys_and_the_thresholds_too(tid: int, share: float) -> None:
    rejected = int(threshold(share).ljust(14, "0"), 16)
    low = tid & ((1 << 64) - 1)
    if abs(low - round(share * (1 << 64))) < 1 << 9:
        return  # within rounding of the border the two conventions cannot agree
    assert Sampler("traceidratio", share).keep(tid, None) == (int(randomness(tid), 16) >= rejected)


@given(st.text(alphabet="ot=th:rv;,0123456789abcdef xyz", max_size=60))
def test_any_tracestate_is_read(state: str) -> None:
    assert 1 <= adjusted_count(state) <= ALL_56
    assert adjusted_count(certain(state)) == 1
    assert "ot=" not in sampling.without_ot(state).split(",")


def test_counts_of_a_ratio_add_up_to_the_calls_made(recorded: Any) -> None:
    exporter = use(OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0.25")
    for _ in range(4000):
        with span("call"), span("inner"):
            pass
    roots = [one for one in sent(exporter) if one.name == "call"]
    assert {one.attributes[COUNT] for one in roots} == {4.0}
    assert sum(one.attributes[COUNT] for one in roots) == pytest.approx(4000, rel=0.15)
    assert all(adjusted_count(one.trace.state) == 4 for one in sent(exporter))


def test_a_callee_knows_what_its_parents_sampling_stands_for(recorded: Any) -> None:
    exporter = use()
    sampler = pipeline.get().sampler
    trace = Trace(7, "ot=th:c")
    assert sampler.admit(trace, SpanContext(7, 1, True, "ot=th:c"))
    root = Span("root", INTERNAL, SpanContext(7, 1), trace, 1)
    assert trace.sampling is not None
    trace.sampling.ended(root)
    assert root.attributes == {COUNT: 4.0}
    assert exporter.spans == []


@anything
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60), st.booleans())
def test_counts_of_a_rate_limit_add_up_exactly(calls: list[tuple[bool, bool]], keeping: bool) -> None:
    """Each call is (allowed by the limit, an error): what is sent stands for all but the last skipped."""
    sampler = Sampler("tracekit.rate", rate=1.0, rules=Rules.parse("errors") if keeping else None)
    allowed = iter([allows for allows, _ in calls])
    assert sampler._rate is not None
    sampler._rate.__class__ = type(
        "Scripted", (Rate,), {"__slots__": (), "allows": lambda self: next(allowed)}
    )
    total = 0.0
    for number, (_, failed) in enumerate(calls, 1):
        trace = Trace(number)
        if not sampler.admit(trace, None):
            continue
        root = Span("call", INTERNAL, None, trace, 1)
        root.end = 2
        if failed:
            root.set_status("error")
        assert trace.sampling is not None
        trace.sampling.ended(root)
        if trace.sampling.kept:
            total += trace.sampling.count
    assert total + sampler._rate._skipped == len(calls)


@pytest.mark.parametrize("ratio", ["0", "0.2", "1"])
def test_kept_classes_stand_for_themselves_and_the_rest_for_chance(recorded: Any, ratio: str) -> None:
    exporter = use(OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG=ratio, TRACEKIT_KEEP="errors")
    numbers = random.Random(5)
    failed = 0
    for _ in range(2000):
        with span("call") as root:
            with span("inner"):
                pass
            if numbers.random() < 0.1:
                failed += 1
                root.set_status("error")
    roots = [one for one in sent(exporter) if one.name == "call"]
    errors = [one for one in roots if one.rare is not None]
    assert len(errors) == failed and all((one.attributes or {}).get(COUNT, 1) == 1 for one in errors)
    assert all(one.attributes["tracekit.kept"] == "errors" for one in errors)
    assert all(adjusted_count(one.trace.state) == 1 for one in errors)
    assert len([one for one in sent(exporter) if one.name == "inner"]) == len(roots), "whole calls or none"
    counted = sum((one.attributes or {}).get(COUNT, 1) for one in roots)
    assert counted == pytest.approx({"0": failed, "0.2": 2000, "1": 2000}[ratio], rel=0.2)


def test_a_rules_call_tells_its_callees_what_the_sampler_said(recorded: Any) -> None:
    use(OTEL_TRACES_SAMPLER="always_off", TRACEKIT_KEEP="errors")
    carrier: dict[str, str] = {}
    with span("call"):
        inject(carrier)
    assert carrier["traceparent"].endswith("-00")


def test_the_slow_and_the_cold_are_kept(recorded: Any) -> None:
    rules = Rules.parse("cold,slow:2ms,errors")
    assert rules is not None

    def root(took_ns: int, **attributes: bool) -> Span:
        made = Span("call", INTERNAL, None, Trace(), 1_000, {"faas.coldstart": attributes.get("cold", False)})
        made.end = 1_000 + took_ns
        return made

    assert [rules.reason(root(1)), rules.reason(root(1, cold=True)), rules.reason(root(2_000_000))] == [
        "",
        "cold",
        "slow",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500ms", 500_000_000), ("2s", 2_000_000_000), ("250", 250_000_000), ("1.5s", 1_500_000_000)],
)
def test_durations_are_read(text: str, expected: int) -> None:
    assert duration_ns(text) == expected


@given(st.text(max_size=20))
def test_any_rule_is_read_or_said_to_be_none(text: str) -> None:
    rules = Rules.parse(text)
    assert rules is None or isinstance(rules, Rules)
    assert duration_ns(text) >= 0


def test_undecided_spans_are_bounded_and_the_lost_are_counted() -> None:
    sieve = Sieve()
    trace = Trace(1)
    trace.sampling = Sampling(False, 1, Rules.parse("errors"))
    spans = [Span("s", INTERNAL, None, trace, 1) for _ in range(HELD_SPANS + 10)]
    assert sieve.pass_on(spans) == ([], 10)
    trace.sampling.settle("errors")
    assert len(sieve.pass_on([])[0]) == HELD_SPANS and not len(sieve)


def test_a_record_of_an_open_span_is_kept(recorded: Any) -> None:
    exporter = use(OTEL_TRACES_SAMPLER="always_off", TRACEKIT_KEEP="errors")
    with span("hangs") as hanging:
        early = Span("hangs", INTERNAL, None, hanging.trace, 1, {"tracekit.unfinished": True})
        QUEUE.add(early)
        assert [one.name for one in sent(exporter)] == ["hangs"]


def test_an_unsampled_call_costs_nothing_without_rules(recorded: Any) -> None:
    exporter = use(OTEL_TRACES_SAMPLER="tracekit.rate", OTEL_TRACES_SAMPLER_ARG="1")

    @traced
    def call() -> bool:
        return pipeline.get().sampler.never

    assert [call() for _ in range(5)] == [False] * 5
    assert 1 <= len(sent(exporter)) <= 2
