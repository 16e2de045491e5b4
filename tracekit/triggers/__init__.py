"""Why was the function called? DETECTORS is the registry, tried in order; the first that recognises wins.

One line for each: its module, the top-level keys an event must have for the module to be worth loading (LIST
stands for an event that is a list), and the source its first record must name, where records name one. A
detector has `detect(event) -> Trigger | None`. Adding one is a file, a line here, a sample event in
tests/tracekit/triggers/events/ and a line in the table of the test beside it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

HTTP, PUBSUB, DATASOURCE, TIMER, OTHER = "http", "pubsub", "datasource", "timer", "other"
LIST = "[]"
DETECTORS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("fc_messages", (LIST,), ()),
    ("rocketmq", (LIST,), ()),
    ("mqtt", (LIST,), ()),
    ("sqs", ("Records",), ("aws:sqs",)),
    ("sns", ("Records",), ("aws:sns",)),
    ("s3", ("Records",), ("aws:s3",)),
    ("kinesis", ("Records",), ("aws:kinesis",)),
    ("dynamodb", ("Records",), ("aws:dynamodb",)),
    ("aws_kafka", ("records",), ("aws:kafka", "SelfManagedKafka")),
    ("oss", ("events",), ("acs:oss",)),
    ("cdn", ("events",), ("cdn",)),
    ("fc_timer", ("triggerName", "triggerTime"), ()),
    ("sls", ("source", "jobName"), ()),
    ("tablestore", ("Version", "Records"), ()),
    ("mns_topic", ("TopicName", "Subscriber"), ()),
    ("mns_stream", ("body", "attrs"), ()),
    ("aws_http", ("routeKey", "requestContext"), ()),
    ("fc_http", ("rawPath", "requestContext"), ()),
    ("aws_alb", ("httpMethod", "requestContext"), ()),
    ("aws_rest", ("httpMethod", "resource"), ()),
    ("fc_gateway", ("httpMethod", "path"), ()),
    ("eventbridge", ("detail-type", "source"), ()),
    ("cloudwatch_logs", ("awslogs",), ()),
    ("cognito", ("triggerSource", "userPoolId"), ()),
    ("cloudevent", ("specversion", "type"), ()),
)
# Parsing takes about 4 ms a megabyte; a larger event is a payload, not a description of one.
MAX_PARSED = 1 << 20


class Trigger:
    """Why a function was called.

    `kind` is faas.trigger's value. `carrier` may hold the caller's trace context; `messages` hold one carrier
    for each message of a batch, which become links and never the parent (messaging conventions). `sent_ms` is
    when the oldest message was sent or the thing happened (Unix milliseconds), where the event tells.
    """

    __slots__ = ("attributes", "carrier", "is_message", "kind", "messages", "name", "sent_ms", "status_of")

    def __init__(
        self,
        kind: str,
        attributes: dict[str, Any] | None = None,
        carrier: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        self.kind = kind
        self.attributes = attributes or {}
        self.carrier = carrier
        self.name = name
        self.messages: list[Mapping[str, Any]] = []
        self.is_message = False
        self.sent_ms: float | None = None
        self.status_of: Callable[[Any], int | None] | None = None

    def name_source(self, name: Any, source: Any, identity: Any) -> None:
        """Says which trigger it was, of which resource, and the id that resource gave to this event."""
        found = {
            "tracekit.trigger.name": name,
            "tracekit.trigger.source": source,
            "tracekit.trigger.id": identity,
        }
        self.attributes.update({key: str(value) for key, value in found.items() if value not in (None, "")})

    def sent_at(self, moments: Iterable[Any]) -> None:
        """Takes the oldest of the moments the event gives, in whatever form."""
        given = [moment for moment in moments if moment not in (None, "")]
        if given:
            from tracekit.triggers.moment import earliest

            self.sent_ms = earliest(given)

    def status(self, result: Any) -> int | None:
        """The HTTP status the call's result means; None for what is no HTTP call."""
        return None if self.status_of is None else self.status_of(result)


def detect(event: Any) -> Trigger:
    """The trigger of an event, given as an object or as JSON. `other` if nothing recognises it."""
    event = parsed(event)
    source = _source(event)
    for module, keys, sources in DETECTORS:
        if _worth_trying(event, keys) and (not sources or source in sources):
            found = __import__(f"tracekit.triggers.{module}", fromlist=("detect",)).detect(event)
            if isinstance(found, Trigger):
                return found
    return Trigger(OTHER)


def _worth_trying(event: Any, keys: tuple[str, ...]) -> bool:
    if isinstance(event, list):
        return keys == (LIST,)
    return isinstance(event, dict) and all(key in event for key in keys)


def _source(event: Any) -> Any:
    """What the event or its first record gives as its source (SNS writes it with a capital letter)."""
    if not isinstance(event, dict):
        return None
    record: Any = event
    if "Records" in event or "events" in event:
        records = event["Records"] if "Records" in event else event["events"]
        record = records[0] if isinstance(records, list) and records else None
    return record.get("eventSource") or record.get("EventSource") if isinstance(record, dict) else None


def parsed(event: Any) -> Any:
    """The object a JSON event holds; anything else as it is."""
    if not isinstance(event, (str, bytes)) or len(event) > MAX_PARSED:
        return event
    if event[:1].strip() and event[:1] not in ("{", "[", b"{", b"["):
        return event
    from tracekit.jsontext import loads

    try:
        return loads(event)
    except (ValueError, RecursionError):
        return event
