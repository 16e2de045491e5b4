"""Why was the function called? DETECTORS is the registry, tried in order; the first that recognises wins.

One line for each: its module, and the top-level keys an event must have for the module to be worth loading
(LIST stands for an event that is a list). A detector has `detect(event) -> Trigger | None`. Adding one is a
file, a line here, and a sample event in tests/tracekit/triggers/.
"""

from __future__ import annotations

from tracekit.triggers.base import OTHER, Trigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LIST = "[]"
DETECTORS = (
    ("fc_messages", (LIST,)),
    ("sqs", ("Records",)),
    ("sns", ("Records",)),
    ("s3", ("Records",)),
    ("oss", ("events",)),
    ("fc_timer", ("triggerName", "triggerTime")),
    ("aws_http", ("routeKey", "requestContext")),
    ("fc_http", ("rawPath", "requestContext")),
    ("aws_rest", ("httpMethod", "resource")),
    ("fc_gateway", ("httpMethod", "path")),
    ("eventbridge", ("detail-type", "source")),
    ("cloudevent", ("specversion", "type")),
)
# Parsing takes about 4 ms a megabyte; a larger event is a payload, not a description of one.
MAX_PARSED = 1 << 20


def detect(event: Any) -> Trigger:
    """The trigger of an event, given as an object or as JSON. `other` if nothing recognises it."""
    event = parsed(event)
    for module, keys in DETECTORS:
        if _worth_trying(event, keys):
            found = __import__(f"tracekit.triggers.{module}", fromlist=("detect",)).detect(event)
            if isinstance(found, Trigger):
                return found
    return Trigger(OTHER)


def _worth_trying(event: Any, keys: tuple[str, ...]) -> bool:
    if isinstance(event, list):
        return keys == (LIST,)
    return isinstance(event, dict) and all(key in event for key in keys)


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
