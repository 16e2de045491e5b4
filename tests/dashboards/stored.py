"""Spans written by hand, put into a store the way decoders do: as a batch of columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from collector import jsonvalue
from collector.model import SPAN_COLUMNS, Event, Kind, Link, Resource, Span, SpanBatch, Status
from collector.storage.memory import MemoryStorage
from tests.collector.analysis.spans import span
from tests.dashboards.traffic import MS, NOW_NS, SECOND

TRACE = "c0ffee" + "0" * 25 + "1"
BEGAN = NOW_NS - 60 * SECOND
STACK = """Traceback (most recent call last):
  File "/app/pay.py", line 17, in charge
    raise TimeoutError("no answer within 250 ms")
TimeoutError: no answer within 250 ms"""
STATEMENT = "SELECT amount FROM stock WHERE product = ?"


def store(*spans: Span) -> MemoryStorage:
    """A memory engine that holds these spans."""
    storage = MemoryStorage()
    columns = {column.name: [_value(column.name, span) for span in spans] for column in SPAN_COLUMNS}
    resources = {
        s.resource_id: Resource(s.resource_id, s.service, jsonvalue.dumps(s.resource)) for s in spans
    }
    storage.write([SpanBatch(columns, resources)])
    return storage


def _value(column: str, span: Span) -> Any:
    value = getattr(span, column)
    if column in ("span_id", "parent_span_id"):
        return int(value or "0", 16)
    if column == "events":
        return jsonvalue.dumps([{k: getattr(e, k) for k in ("time_ns", "name", "attributes")} for e in value])
    if column == "links":
        shown = ("trace_id", "span_id", "attributes")
        return jsonvalue.dumps([{k: getattr(link, k) for k in shown} for link in value])
    return jsonvalue.dumps(value) if column == "attributes" else value


def checkout() -> tuple[Span, ...]:
    """One visit with everything a trace page has to show: a cold start before its call, a failure with its
    exception, nine equal statements, a message to a consumer that links back, a span without its parent."""
    cold = at("9", "2", 20, 400, "checkout", "ColdStart")
    call = at("3", "2", 405, 690, "checkout", "POST /orders", Kind.SERVER, Status.ERROR)
    queries = (
        at(f"4{i}", "3", 410 + i * 8, 416 + i * 8, "checkout", "SELECT", Kind.CLIENT) for i in range(9)
    )
    consumer = at("d", "b", 760, 1100, "mailer", "orders process", Kind.CONSUMER)
    return (
        at("1", "", 0, 900, "storefront", "POST /checkout", Kind.SERVER),
        at("2", "1", 10, 700, "storefront", "POST checkout", Kind.CLIENT, Status.ERROR),
        replace(cold, phase="cold_start"),
        _failing_call(call),
        *map(_statement, queries),
        at("b", "1", 720, 725, "storefront", "orders send", Kind.PRODUCER),
        replace(consumer, links=(Link(TRACE, span_id("b")),)),
        at("e", "f", 800, 820, "ghost", "orphaned work"),
    )


OTHER = "beef" + "0" * 27 + "2"


def elsewhere() -> tuple[Span, ...]:
    """A trace of its own that took up the message `checkout` sent: a consumer with a link into it."""
    call = replace(
        at("7", "", 900, 1500, "worker", "orders batch", Kind.CONSUMER, Status.ERROR), trace_id=OTHER
    )
    return (replace(call, links=(Link(TRACE, span_id("b")),)),)


def span_id(short: str) -> str:
    return short.rjust(16, "0")


def at(
    short: str, parent: str, start_ms: int, end_ms: int, service: str, name: str,
    kind: Kind = Kind.INTERNAL, status: Status = Status.UNSET,
) -> Span:  # fmt: skip
    """A span from `start_ms` to `end_ms` after BEGAN."""
    made = span(
        span_id(short), BEGAN + start_ms * MS, BEGAN + end_ms * MS, span_id(parent) if parent else "",
        kind=kind, status=status, service=service, name=name,
    )  # fmt: skip
    number = sum(service.encode())
    return replace(made, trace_id=TRACE, resource_id=number, resource={"service.name": service})


def _failing_call(call: Span) -> Span:
    exception = {"type": "TimeoutError", "message": "no answer within 250 ms", "stacktrace": STACK}
    events = (
        Event(BEGAN + 500 * MS, "retry", {"attempt": 2}),
        Event(BEGAN + 690 * MS, "exception", {f"exception.{key}": value for key, value in exception.items()}),
    )
    attributes = {"http.route": "/orders", "huge": 2**62, "evil": "</script><script>alert(1)</script>"}
    attributes |= {f"app.step.{step}": step for step in range(5)}
    return replace(
        call, coldstart=True, version="v2", error_type="TimeoutError", events=events, attributes=attributes,
        status_message="no answer within 250 ms",
    )  # fmt: skip


def _statement(query: Span) -> Span:
    attributes = {"db.query.text": STATEMENT.replace("?", "'tea'")}
    return replace(
        query, db_system="sqlite", db_statement=STATEMENT, peer_kind="database", peer="sqlite: shop.db",
        attributes=attributes,
    )  # fmt: skip
