"""OTLP logs in protobuf to log batches."""

from __future__ import annotations

from hashlib import blake2b
from json.encoder import encode_basestring
from typing import Any

from google.protobuf.message import DecodeError

from collector import jsonvalue
from collector.decode import groups, wire
from collector.decode.attributes import MAX_DEPTH, object_json
from collector.decode.builder import KnownResource, KnownScope
from collector.decode.fields import require_sparse
from collector.decode.inplace import Bytes, read
from collector.decode.parts import any_value, attributes, text
from collector.decode.result import BadItem, Decoded, Undecodable
from collector.decode.tally import FIELDS, GROUPS, MAX_RECORDS, Tally
from collector.decode.times import sane_time
from collector.model import Resource, Scope
from collector.model_logs import LOG_COLUMN_NAMES, LogBatch

_U32 = 2**32 - 1
_HIGHEST_SEVERITY = 24
_LEVELS = (GROUPS, GROUPS, (MAX_RECORDS, "log records in one request"), FIELDS)
_MESSAGES = groups.Levels(
    wire.LogsData, "resource_logs", wire.ResourceLogs, "scope_logs", wire.ScopeLogs, "log_records"
)


def decode(body: bytes, received_ns: int) -> Decoded:
    """The records of an ExportLogsServiceRequest. Raises Undecodable or TooLarge."""
    require_sparse(body, _LEVELS)
    builder = _Builder(body, received_ns)
    found = groups.walk(_MESSAGES, body, builder.tally)
    del body  # where nobody else has it, it goes as soon as it is read
    try:
        for sent_by, within, records in found:
            builder.tally.expect_records(len(records))
            while records:
                builder.read(sent_by, within, records.pop())
    except DecodeError as error:
        raise Undecodable("the body is not an OTLP ExportLogsServiceRequest in protobuf") from error
    return builder.finish()


class _Builder:
    """Collects the records of one request."""

    def __init__(self, body: bytes, received_ns: int) -> None:
        self.tally = Tally("log record")
        self._received_ns = received_ns
        self._wire_bytes = len(body)
        self._digest = blake2b(body, digest_size=16, person=b"logs").digest()
        # Numbered from the payload's own hash: the same at every replay, and unlike any other payload's.
        seed = blake2b(self._digest, digest_size=8, key=received_ns.to_bytes(16, "big", signed=True)).digest()
        self._next_id = int.from_bytes(seed, "big")
        self._rows: list[tuple[Any, ...]] = []
        self._resources: dict[int, Resource] = {}
        self._scopes: dict[int, Scope] = {}

    def read(self, sent_by: KnownResource, within: KnownScope, raw: Bytes) -> None:
        """Append one record, or count it as rejected."""
        try:
            self._add(sent_by, within, read(wire.LogRecord, raw))
        except BadItem as error:
            self.tally.reject(str(error))
        except DecodeError:
            self.tally.reject("log record is not readable protobuf")

    def _add(self, sent_by: KnownResource, within: KnownScope, message: Any) -> None:
        found = attributes(self.tally, message.attributes)
        body = _body_json(message.body)
        trace_id, span_id = _ids(message.trace_id, message.span_id)
        self._resources[sent_by.resource.resource_id] = sent_by.resource
        if within.scope.scope_id:
            self._scopes[within.scope.scope_id] = within.scope
        sent, observed = message.time_unix_nano, message.observed_time_unix_nano
        self._rows.append(
            (
                (self._next_id + len(self._rows)) % 2**64,
                sane_time(sent or observed, self._received_ns),
                sent,
                observed,
                self._received_ns,
                trace_id,
                span_id,
                message.flags,
                message.severity_number if 0 <= message.severity_number <= _HIGHEST_SEVERITY else 0,
                text(message.severity_text),
                sent_by.columns.service,
                text(message.event_name),
                within.label,
                sent_by.resource.resource_id,
                within.scope.scope_id,
                min(message.dropped_attributes_count + found.dropped, _U32),
                body,
                object_json(found.fragments),
            )
        )

    def finish(self) -> Decoded:
        if not self._rows:
            return Decoded(LogBatch.empty(), self.tally.rejected)
        columns = dict(zip(LOG_COLUMN_NAMES, map(list, zip(*self._rows))))
        batch = LogBatch(columns, self._resources, self._scopes, self._wire_bytes, self._digest)
        return Decoded(batch, self.tally.rejected)


def _body_json(raw: Bytes) -> str:
    if not raw:
        return ""
    try:
        value = any_value(read(wire.AnyValue, raw), MAX_DEPTH)
    except (DecodeError, RecursionError):
        raise BadItem("the body of a log record is not readable, or nests too deep") from None
    if value is None:
        return ""
    return encode_basestring(value) if type(value) is str else jsonvalue.dumps(value)


def _ids(trace_id: bytes, span_id: bytes) -> tuple[str, int]:
    """OTLP: a record whose ids are not valid belongs to no span; it is kept."""
    trace = trace_id.hex() if len(trace_id) == 16 and any(trace_id) else ""
    return trace, int.from_bytes(span_id, "big") if len(span_id) == 8 else 0
