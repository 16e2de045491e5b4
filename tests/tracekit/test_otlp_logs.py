"""Our bytes of log records are opentelemetry's bytes."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord as ApiRecord
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import TraceFlags

from tracekit import __version__, otlp_logs
from tracekit.otlp_logs import LogRecord

RESOURCE = {"service.name": "shop", "faas.max_memory": 1 << 29, "flag": True}

scalars = (
    st.text(max_size=200) | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
)
attributes = st.dictionaries(
    st.text(min_size=1, max_size=20), scalars | st.lists(scalars, max_size=4), max_size=6
)


def official(record: LogRecord, resource: Resource, dropped: int) -> ReadableLogRecord:
    reported = {"tracekit.dropped_logs": dropped} if dropped else None
    own = InstrumentationScope("tracekit", __version__, attributes=reported)
    scope = InstrumentationScope(record.scope, "", attributes=reported) if record.scope else own
    said = ApiRecord(
        timestamp=record.time,
        observed_timestamp=record.observed,
        trace_id=record.trace_id,
        span_id=record.span_id,
        trace_flags=TraceFlags(int(record.sampled)),
        severity_text=record.severity_text,
        severity_number=SeverityNumber(record.severity),
        body=record.body,
        attributes=record.attributes,
    )
    return ReadableLogRecord(said, resource, scope)


def equal(records: list[LogRecord], dropped: int = 0) -> None:
    shared = Resource(RESOURCE)
    theirs = encode_logs([official(record, shared, dropped) for record in records])
    assert otlp_logs.encode(records, RESOURCE, dropped) == theirs.SerializeToString()


def record(**fields: Any) -> LogRecord:
    made = LogRecord(1_700_000_000_000_000_001, "paid", {"code.line.number": 3, "a": [1, 2]}, "shop.orders")
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_a_record_with_everything_is_encoded_as_opentelemetry_does() -> None:
    equal([record(severity=9, severity_text="INFO", trace_id=2**127 + 1, span_id=7, sampled=True)])


def test_records_are_grouped_by_logger() -> None:
    equal([record(), record(scope="shop.stock"), record(scope=""), record(body="again")])


def test_lost_records_are_reported_as_a_scope_attribute() -> None:
    equal([record()], dropped=300)


@settings(deadline=None)
@given(
    attributes,
    scalars,
    st.integers(0, 24),
    st.integers(0, 2**128 - 1),
    st.integers(0, 2**64 - 1),
    st.booleans(),
)
def test_any_record_is_encoded_as_opentelemetry_does(
    own: dict[str, Any], body: Any, severity: int, trace: int, span: int, sampled: bool
) -> None:
    equal(
        [record(attributes=own, body=body, severity=severity, trace_id=trace, span_id=span, sampled=sampled)]
    )
