"""The whole shop for a few seconds: what its spans say is what its hosts saw."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tracekit.demo.ledger import Ledger
from tracekit.demo.processes import Processes
from tracekit.demo.shop import Shop

FUNCTIONS = {
    "storefront",
    "catalogue",
    "recommender",
    "order-worker",
    "payments",
    "stock-report",
    "thumbnailer",
}
ENTRY_KINDS = (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CONSUMER)

Spans = list[tuple[str, Span]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Spans]:
    """The ledger's snapshot and the spans of one run, long enough for everything in the load's opening."""
    from tests.tracekit.demo.conftest import Collector

    folder = tmp_path_factory.mktemp("shop")
    collector, ledger, processes = Collector(), Ledger(), Processes(folder / "logs")
    try:
        shop = Shop(folder, collector.url, processes, ledger, seed=1, rate=1.5)
        time.sleep(6)
        assert shop.drain(30)
        shop.close()
    finally:
        processes.stop_all()
        collector.close()
    return ledger.snapshot(), collector.spans


def attribute(span: Span, key: str) -> Any:
    for found in span.attributes:
        if found.key == key:
            return getattr(found.value, str(found.value.WhichOneof("value")))
    return None


def invocations(spans: Spans) -> Spans:
    return [(service, span) for service, span in spans if attribute(span, "tracekit.phase") == "invocation"]


def test_every_function_was_called_and_failed_calls_are_errors(run: tuple[dict[str, Any], Spans]) -> None:
    ledger, spans = run
    seen, failed = Counter(), Counter()
    for service, span in invocations(spans):
        seen[service] += 1
        failed[service] += span.status.code == Status.STATUS_CODE_ERROR
    happened, went_wrong = Counter(), Counter()
    for row in ledger["invocations"]:
        happened[row["function"]] += row["count"]
        went_wrong[row["function"]] += row["count"] * (row["outcome"] != "ok")
    assert set(seen) == FUNCTIONS
    assert (seen, failed) == (happened, went_wrong)


def test_every_process_that_started_served_and_is_one_cold_start(run: tuple[dict[str, Any], Spans]) -> None:
    ledger, spans = run
    cold = Counter(service for service, span in invocations(spans) if attribute(span, "faas.coldstart"))
    assert cold == {name: counts["started"] for name, counts in ledger["processes"].items()}
    assert cold == {name: counts["served"] for name, counts in ledger["processes"].items()}


def test_every_span_has_its_parent(run: tuple[dict[str, Any], Spans]) -> None:
    _, spans = run
    known = {(span.trace_id, span.span_id) for _, span in spans}
    missing = [
        (service, span.name)
        for service, span in spans
        if span.parent_span_id and (span.trace_id, span.parent_span_id) not in known
    ]
    assert missing == []


def test_calls_between_functions_are_the_ones_the_hosts_saw(run: tuple[dict[str, Any], Spans]) -> None:
    ledger, spans = run
    services = {(span.trace_id, span.span_id): service for service, span in spans}
    traced = Counter(
        (services[span.trace_id, span.parent_span_id], service)
        for service, span in invocations(spans)
        if span.kind in ENTRY_KINDS and span.parent_span_id
    )
    seen = {
        (row["caller"], row["callee"]): row["count"] for row in ledger["calls"] if row["kind"] == "invoke"
    }
    assert traced == seen


def test_every_delivered_message_is_a_link(run: tuple[dict[str, Any], Spans]) -> None:
    ledger, spans = run
    links = sum(len(span.links) for service, span in invocations(spans) if service == "order-worker")
    assert links == ledger["queues"]["orders"]["delivered"] > ledger["queues"]["orders"]["sent"]


def test_each_kind_of_failure_has_happened(run: tuple[dict[str, Any], Spans]) -> None:
    _, spans = run
    kinds = {
        (service, exception_type(span))
        for service, span in spans
        if span.status.code == Status.STATUS_CODE_ERROR
    }
    assert {
        ("catalogue", "TypeError"),
        ("order-worker", "TimeoutError"),
        ("order-worker", "ValueError"),
        ("payments", "xml.etree.ElementTree.ParseError"),
    } <= kinds
    assert any(service == "thumbnailer" for service, _ in kinds)


def exception_type(span: Span) -> str:
    """The type of the exception a span recorded, or an empty string."""
    for event in span.events:
        for found in event.attributes:
            if found.key == "exception.type":
                return str(found.value.string_value)
    return ""
