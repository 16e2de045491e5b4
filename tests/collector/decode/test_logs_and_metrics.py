"""Logs and metrics off the wire: one bad record spoils itself alone, and JSON means what protobuf means."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

from collector import jsonvalue
from collector.decode import json_protobuf, otlp_logs, otlp_metrics
from collector.decode.result import TooLarge, Undecodable
from collector.decode.tally import MAX_RECORDS
from tests.collector.batches import SECOND, T0
from tests.collector.signals import gauge, histogram, metrics, record

TRACE = "0A" * 16


def json_logs(*records: Any) -> bytes:
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": list(records)}]}]}).encode()


def json_metrics(*metrics: Any) -> bytes:
    return json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": list(metrics)}]}]}).encode()


def of_logs(body: bytes) -> tuple[dict[str, list[Any]], dict[str, int]]:
    decoded = json_protobuf.decode_logs(body, T0)
    return decoded.batch.columns, dict(decoded.rejected)


# ---------------------------------------------------------------- logs in JSON


def test_json_is_read_leniently() -> None:
    first = {
        "timeUnixNano": str(T0),
        "severityNumber": "SEVERITY_NUMBER_WARN",
        "traceId": TRACE,
        "spanId": "0B" * 8,
        "body": {"stringValue": "a"},
        "droppedAttributesCount": -5,
        "unknown": {"is": ["ignored"]},
        "attributes": [
            {"key": "n", "value": {"intValue": "7"}},
            {"key": "d", "value": {"doubleValue": "NaN"}},
        ],
    }
    second = {"time_unix_nano": T0, "severity_number": 9, "body": None, "eventName": 5}
    columns, rejected = of_logs(json_logs(first, second))
    assert not rejected
    assert columns["time_ns"] == [T0, T0]
    assert columns["severity"] == [13, 9]
    assert columns["trace_id"] == [TRACE.lower(), ""]
    assert columns["span_id"] == [int("0B" * 8, 16), 0]
    assert columns["body"] == ['"a"', ""] and columns["event_name"] == ["", "5"]
    assert columns["dropped_attributes_count"] == [0, 0]
    assert columns["attributes"][0] == '{"n":7,"d":{"$double":"NaN"}}'


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("text", "log record is not a JSON object"),
        ({"timeUnixNano": "soon"}, "timeUnixNano is not an integer of its range"),
        ({"timeUnixNano": -1}, "timeUnixNano is not an integer of its range"),
        ({"timeUnixNano": 2**64}, "timeUnixNano is not an integer of its range"),
        ({"traceId": "xyz"}, "traceId is not hexadecimal, or base64 for bytesValue"),
        ({"severityText": {}}, "severityText is not a string"),
        ({"severityNumber": "LOUD"}, "severityNumber is not an integer of its range"),
        ({"attributes": 5}, "attributes is not an array"),
        ({"body": {"intValue": 2**63}}, "intValue is not an integer of its range"),
        ({"body": "plain"}, "AnyValue is not a JSON object"),
    ],
)
def test_a_bad_record_is_left_out_and_its_neighbours_stay(bad: Any, reason: str) -> None:
    columns, rejected = of_logs(json_logs(bad, {"body": {"stringValue": "good"}}))
    assert columns["body"] == ['"good"']
    assert rejected == {reason: 1}


def test_a_bad_attribute_is_dropped_and_counted() -> None:
    pairs = [5, {"value": {}}, {"key": "n", "value": {"intValue": "x"}}, {"key": "ok"}]
    columns, rejected = of_logs(json_logs({"attributes": pairs, "droppedAttributesCount": 2}))
    assert not rejected
    assert columns["attributes"] == ['{"ok":null}']
    assert columns["dropped_attributes_count"] == [5]


def nested(levels: int, kind: str) -> Any:
    value: Any = {"stringValue": "deep"}
    for _ in range(levels):
        inner = {"key": "k", "value": value} if kind == "kvlistValue" else value
        value = {kind: {"values": [inner]}}
    return value


@pytest.mark.parametrize("kind", ["arrayValue", "kvlistValue"])
def test_values_nest_as_deep_as_in_spans(kind: str) -> None:
    bodies = [{"body": nested(levels, kind)} for levels in (32, 33, 200)]
    columns, rejected = of_logs(json_logs(*bodies))
    assert len(columns["body"]) == 1 and "deep" in columns["body"][0]
    assert sum(rejected.values()) == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"resourceLogs": 5}', b'{"resourceLogs": [5]}', b"5"])
def test_what_is_no_request_is_refused_as_a_whole(body: bytes) -> None:
    for decode in (json_protobuf.decode_logs, json_protobuf.decode_metrics):
        if body.startswith(b'{"') and decode is json_protobuf.decode_metrics:
            continue  # an unknown field there
        with pytest.raises(Undecodable):
            decode(body, T0)


def test_containers_are_counted_before_they_are_parsed() -> None:
    with pytest.raises(TooLarge):
        json_protobuf.decode_logs(b'{"resourceLogs":' + b"[" * 5_000_000, T0)


# ---------------------------------------------------------------- protobuf


def request_of(*raw: bytes) -> bytes:
    """An ExportLogsServiceRequest with these log records, whatever is in them."""
    head = LogsData()
    head.resource_logs.add().scope_logs.add()
    scope = b"".join(b"\x12" + _length(record) + record for record in raw)
    group = b"\x12" + _length(scope) + scope
    return b"\x0a" + _length(group) + group


def _length(raw: bytes) -> bytes:
    size, found = len(raw), b""
    while size >= 0x80:
        found, size = found + bytes([size & 0x7F | 0x80]), size >> 7
    return found + bytes([size])


def test_a_damaged_record_spoils_itself_alone() -> None:
    good = record(1, "good").SerializeToString()
    decoded = otlp_logs.decode(request_of(b"\xff\xff", good, good[:-1]), T0)
    assert decoded.batch.columns["body"] == ['"good"']
    assert dict(decoded.rejected) == {"log record is not readable protobuf": 2}


def test_ids_that_are_not_valid_belong_to_no_span_and_bad_text_is_replaced() -> None:
    bad = record(1, trace_id=b"abc", span_id=bytes(8)).SerializeToString() + b"\x1a\x02\xff!"
    columns = otlp_logs.decode(request_of(bad), T0).batch.columns
    assert (columns["trace_id"], columns["span_id"]) == ([""], [0])
    assert columns["severity_text"] == ["\ufffd!"]


def test_times_that_cannot_be_are_clamped_and_kept() -> None:
    ahead, ancient = record(10**9), record(0)
    ancient.time_unix_nano = 1
    raw = [ahead.SerializeToString(), ancient.SerializeToString()]
    columns = otlp_logs.decode(request_of(*raw), T0).batch.columns
    assert columns["time_ns"] == [T0 + 86_400 * SECOND, 946_684_800 * SECOND]
    assert columns["sent_time_ns"] == [T0 + 10**9 * SECOND, 1]


@pytest.mark.parametrize("garbage", [b"\xff garbage", b"\x0a\xff"])
def test_what_is_no_protobuf_is_refused(garbage: bytes) -> None:
    for decode in (otlp_logs.decode, otlp_metrics.decode):
        with pytest.raises(Undecodable):
            decode(garbage, T0)


def test_too_many_records_are_refused_while_they_are_cheap() -> None:
    with pytest.raises(TooLarge, match="log records"):
        otlp_logs.decode(request_of(*[b""] * (MAX_RECORDS + 1)), T0)


# ---------------------------------------------------------------- metrics


def test_points_that_contradict_themselves_are_rejected() -> None:
    found = MetricsData()
    scope = found.resource_metrics.add().scope_metrics.add()
    data = scope.metrics.add(name="h").histogram
    data.data_points.add(explicit_bounds=[1, 2], bucket_counts=[1, 2, 3])
    data.data_points.add(explicit_bounds=[1, 2], bucket_counts=[1, 2])
    data.data_points.add(explicit_bounds=[1], bucket_counts=[])
    data.data_points.add(explicit_bounds=[2, 1], bucket_counts=[1, 2, 3])
    data.data_points.add(explicit_bounds=[float("nan")], bucket_counts=[1, 2])
    scope.metrics.add(name="e").exponential_histogram.data_points.add(scale=61)
    scope.metrics.add(name="g").gauge.data_points.add().attributes.add(key="")
    scope.metrics.add(name="nothing")
    decoded = otlp_metrics.decode(found.SerializeToString(), T0)
    assert decoded.batch.columns["counts"] == ["[1,2,3]"]
    assert dict(decoded.rejected) == {
        "a histogram does not have one bucket count more than it has bounds": 2,
        "the bounds of a histogram do not increase": 2,
        "the scale of an exponential histogram is beyond what doubles can tell apart": 1,
        "an attribute of a data point is not readable": 1,
    }


def test_a_series_is_what_its_attributes_are_in_any_order() -> None:
    points = [(1, {"attributes": {"a": 1, "b": 2}}), (2, {"attributes": {"b": 2, "a": 1}}), (3, {})]
    found = MetricsData()
    scope = found.resource_metrics.add().scope_metrics.add()
    scope.metrics.extend([gauge("g", *points), gauge("g", *points, unit="By")])
    other = found.resource_metrics.add(schema_url="other").scope_metrics.add()
    other.metrics.append(gauge("g", *points, description="told"))
    batch = otlp_metrics.decode(found.SerializeToString(), T0).batch
    first, unit, resource = (batch.columns["series_id"][at : at + 3] for at in (0, 3, 6))
    for ids in (first, unit, resource):
        assert ids[0] == ids[1] != ids[2]
    assert len({first[0], unit[0], resource[0]}) == 3
    assert len(batch.metrics) == 3  # type: ignore[union-attr]


def test_json_metrics_mean_what_protobuf_means() -> None:
    point = {"timeUnixNano": str(T0), "asInt": "-7", "exemplars": [{"traceId": TRACE, "asDouble": 1.5}]}
    bad = {"timeUnixNano": "x"}
    head = {
        "name": "c",
        "sum": {"aggregationTemporality": 1, "isMonotonic": True, "dataPoints": [point, bad]},
    }
    lost = {"name": 1.5, "unit": [], "gauge": {"dataPoints": [{}, {}]}}
    buckets = {"count": "3", "sum": 0, "bucketCounts": ["1", 2], "explicitBounds": ["Infinity"]}
    kind = "AGGREGATION_TEMPORALITY_CUMULATIVE"
    histogram = {"name": "h", "histogram": {"aggregationTemporality": kind, "dataPoints": [buckets]}}
    decoded = json_protobuf.decode_metrics(json_metrics(head, lost, histogram), T0)
    columns = decoded.batch.columns
    assert dict(decoded.rejected) == {
        "timeUnixNano is not an integer of its range": 1,
        "unit is not a string": 2,
    }
    assert (columns["value"], columns["value_int"]) == ([-7.0, None], [-7, None])
    assert (columns["count"], columns["sum"], columns["min"]) == ([None, 3], [None, 0.0], [None, None])
    assert (columns["bounds"][1], columns["counts"][1]) == ("[Infinity]", "[1,2]")
    assert jsonvalue.loads(columns["exemplars"][0]) == [{"time_ns": 0, "value": 1.5, "trace_id": "0a" * 16}]


def test_a_redescribed_metric_continues_its_series() -> None:
    batches = [otlp_metrics.decode(_described(text), T0).batch for text in ("old words", "new words")]
    assert batches[0].columns["series_id"] == batches[1].columns["series_id"]
    assert batches[0].columns["metric_id"] != batches[1].columns["metric_id"]


def _described(description: str) -> bytes:
    found = MetricsData()
    scope = found.resource_metrics.add().scope_metrics.add()
    scope.metrics.append(gauge("g", (1, {}), description=description))
    return found.SerializeToString()


@pytest.mark.parametrize("turn", [1, -1], ids=["first", "last"])
def test_what_one_point_of_thousands_says_stands_beside_it(turn: int) -> None:
    """Columns begin where there is something in them, thousands of points into a request."""
    plain = gauge("g", *((n, {"as_double": 1.5}) for n in range(5_000)))
    late = histogram("h", (1, {"count": 3, "bucket_counts": [1, 2], "explicit_bounds": [1.0]}), temporality=1)
    found = metrics(*[plain, late][::turn]).columns
    assert {len(values) for values in found.values()} == {5_001}
    told = Counter(zip(found["count"], found["bounds"], found["value"]))
    assert told == {(3, "[1.0]", None): 1, (None, "", 1.5): 5_000}
    assert found["negative"] == [""] * 5_001 and found["scale"] == [None] * 5_001


def test_points_of_one_series_share_its_id() -> None:
    found = metrics(gauge("g", *((n, {"as_int": n}) for n in range(3)))).columns
    assert len({id(series) for series in found["series_id"]}) == 1
