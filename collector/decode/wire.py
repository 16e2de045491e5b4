"""OTLP's own message definitions with the inner messages left as bytes.

Derived at import from opentelemetry-proto's descriptors, so field numbers are never written twice. Left
opaque, an inner message that is broken spoils itself alone (upb refuses a whole request for one invalid
UTF-8 name), ten million empty spans cost sixteen bytes each until they are counted, and the bytes of an
attribute or a resource are a key under which its decoded form can be remembered.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

_FIELD = descriptor_pb2.FieldDescriptorProto
# Its value is read with it: nearly every one is wanted at once. Values inside values are read one by one.
_TRANSPARENT = {"KeyValue"}


def _opaque(message: descriptor_pb2.DescriptorProto) -> None:
    for inner in message.nested_type:
        _opaque(inner)
    for field in message.field:
        nested = field.type == _FIELD.TYPE_MESSAGE and message.name not in _TRANSPARENT
        # Strings too: as bytes they are decoded with replacement instead of failing.
        if nested or field.type == _FIELD.TYPE_STRING:
            field.type = _FIELD.TYPE_BYTES
            field.ClearField("type_name")


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for module in (common_pb2, resource_pb2, trace_pb2, logs_pb2, metrics_pb2):
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        for message in file.message_type:
            _opaque(message)
        pool.Add(file)
    return pool


_POOL = _pool()


def message(full_name: str) -> Any:
    """The class of a message, by the name it has in opentelemetry-proto."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(full_name))


def _message(name: str) -> Any:
    return message(f"opentelemetry.proto.{name}")


# ExportTraceServiceRequest has the same wire form as TracesData.
TracesData = _message("trace.v1.TracesData")
ResourceSpans = _message("trace.v1.ResourceSpans")
ScopeSpans = _message("trace.v1.ScopeSpans")
Span = _message("trace.v1.Span")
Event = _message("trace.v1.Span.Event")
Link = _message("trace.v1.Span.Link")
Status = _message("trace.v1.Status")
Resource = _message("resource.v1.Resource")
EntityRef = _message("common.v1.EntityRef")
Scope = _message("common.v1.InstrumentationScope")
KeyValue = _message("common.v1.KeyValue")
ArrayValue = _message("common.v1.ArrayValue")
KeyValueList = _message("common.v1.KeyValueList")

# ExportLogsServiceRequest has the same wire form as LogsData, and metrics' as MetricsData.
LogsData = _message("logs.v1.LogsData")
ResourceLogs = _message("logs.v1.ResourceLogs")
ScopeLogs = _message("logs.v1.ScopeLogs")
LogRecord = _message("logs.v1.LogRecord")
AnyValue = _message("common.v1.AnyValue")

MetricsData = _message("metrics.v1.MetricsData")
ResourceMetrics = _message("metrics.v1.ResourceMetrics")
ScopeMetrics = _message("metrics.v1.ScopeMetrics")
Metric = _message("metrics.v1.Metric")
Gauge = _message("metrics.v1.Gauge")
Sum = _message("metrics.v1.Sum")
Histogram = _message("metrics.v1.Histogram")
ExponentialHistogram = _message("metrics.v1.ExponentialHistogram")
Summary = _message("metrics.v1.Summary")
NumberDataPoint = _message("metrics.v1.NumberDataPoint")
HistogramDataPoint = _message("metrics.v1.HistogramDataPoint")
ExponentialHistogramDataPoint = _message("metrics.v1.ExponentialHistogramDataPoint")
Buckets = _message("metrics.v1.ExponentialHistogramDataPoint.Buckets")
SummaryDataPoint = _message("metrics.v1.SummaryDataPoint")
ValueAtQuantile = _message("metrics.v1.SummaryDataPoint.ValueAtQuantile")
Exemplar = _message("metrics.v1.Exemplar")
