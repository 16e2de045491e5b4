"""Spans as plain data, with no opinion on how they are sent or drawn.

Times are Unix nanoseconds. Ids are integers inside (`tid`, `sid`), drawn when first asked for, and lower-case
hexadecimal text outside (`trace_id`, `span_id`).
"""

from __future__ import annotations

import os
from _thread import allocate_lock
from time import time_ns

from tracekit import config, guard, values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from tracekit.sampling import Sampling

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
KINDS = {"internal": INTERNAL, "server": SERVER, "client": CLIENT, "producer": PRODUCER, "consumer": CONSUMER}
UNSET, OK, ERROR = 0, 1, 2
_STATUSES = {"unset": UNSET, "ok": OK, "error": ERROR}

# A flush on one thread may ask for the id of a span that is active on another: both must get the same.
_drawing = allocate_lock()


def _first_bits(number: int) -> int:
    global _bits
    from tracekit.ids import getrandbits  # nobody asks for an id before the first response

    _bits = getrandbits
    return _bits(number)


_bits: Callable[[int], int] = _first_bits


def _after_fork() -> None:
    global _drawing
    _drawing = allocate_lock()  # another thread may have held it at the fork, and is gone now


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

MAX_MESSAGE = 1024


class Trace:
    """What all spans of one trace in this process share.

    `outer` is the opentelemetry Context the trace was started under, if any: its other keys (baggage)
    stay visible to opentelemetry below our spans. `baggage` is the caller's, in W3C's form, until
    opentelemetry, if it is there, takes it over.
    """

    __slots__ = ("_tid", "baggage", "outer", "sampling", "state")

    def __init__(self, tid: int = 0, state: str = "", outer: Any = None, baggage: str = "") -> None:
        self._tid = tid
        self.state = state
        self.outer = outer
        self.baggage = baggage
        # How it came to be recorded, where that was not certain (tracekit.sampling).
        self.sampling: Sampling | None = None

    @property
    def tid(self) -> int:
        """The trace id as a number."""
        if not self._tid:
            with _drawing:
                self._tid = self._tid or _bits(128) or 1  # W3C trace context forbids 0
        return self._tid

    @tid.setter
    def tid(self, value: int) -> None:
        self._tid = value

    @property
    def identified(self) -> bool:
        """Whether anybody has asked for the trace id yet."""
        return self._tid != 0

    @property
    def sampled(self) -> bool:
        """What callees are told about recording this trace."""
        return self.sampling is None or self.sampling.sampled


class SpanContext:
    """The identity of a span somewhere else: the parent of a local root, or the target of a link.

    `baggage` came or goes with it and is no part of the identity.
    """

    __slots__ = ("baggage", "remote", "sampled", "sid", "state", "tid")

    def __init__(
        self,
        tid: int,
        sid: int,
        sampled: bool = True,
        state: str = "",
        remote: bool = True,
        baggage: str = "",
    ) -> None:
        self.tid = tid
        self.sid = sid
        self.sampled = sampled
        self.state = state
        self.remote = remote
        self.baggage = baggage

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        return f"{self.tid:032x}"

    @property
    def span_id(self) -> str:
        """16 hexadecimal digits."""
        return f"{self.sid:016x}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SpanContext) and (self.tid, self.sid, self.sampled, self.state) == (
            other.tid,
            other.sid,
            other.sampled,
            other.state,
        )

    def __hash__(self) -> int:
        return hash((self.tid, self.sid))

    def __repr__(self) -> str:
        return f"SpanContext({self.trace_id}-{self.span_id}, sampled={self.sampled})"


class Event:
    """Something that happened at one moment of a span."""

    __slots__ = ("attributes", "dropped", "name", "time")

    def __init__(self, name: str, time: int, attributes: dict[str, Any], dropped: int = 0) -> None:
        self.name = name
        self.time = time
        self.attributes = attributes
        self.dropped = dropped


class Link:
    """A span of another trace, or another branch, that this one has to do with."""

    __slots__ = ("attributes", "context", "dropped")

    def __init__(self, context: SpanContext, attributes: dict[str, Any], dropped: int = 0) -> None:
        self.context = context
        self.attributes = attributes
        self.dropped = dropped


class Extra:
    """The parts of a span that most spans do not have, kept apart so that those cost nothing."""

    __slots__ = (
        "dropped_attributes",
        "dropped_events",
        "dropped_links",
        "events",
        "links",
        "message",
        "scope",
        "status",
    )

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.links: list[Link] = []
        self.status = UNSET
        self.message = ""
        self.dropped_attributes = 0
        self.dropped_events = 0
        self.dropped_links = 0
        # (name, version) of the instrumentation that made it; None is tracekit itself.
        self.scope: tuple[str, str] | None = None


class Span:
    """One recorded operation. Setters never raise and may be called from any thread."""

    __slots__ = ("_extra", "_sid", "attributes", "end", "kind", "name", "parent", "start", "trace")

    recording = True

    def __init__(
        self,
        name: str,
        kind: int,
        parent: Span | SpanContext | None,
        trace: Trace,
        start: int,
        attributes: dict[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.parent = parent
        self.trace = trace
        self.start = start
        self.end = 0
        self._sid = 0
        self.attributes = attributes
        self._extra: Extra | None = None

    @property
    def tid(self) -> int:
        """The trace id as a number."""
        return self.trace.tid

    @property
    def sid(self) -> int:
        """The span id as a number."""
        if not self._sid:
            with _drawing:
                self._sid = self._sid or _bits(64) or 1
        return self._sid

    @sid.setter
    def sid(self, value: int) -> None:
        self._sid = value

    @property
    def extra(self) -> Extra:
        """The rarer parts, made when first asked for."""
        if self._extra is None:
            self._extra = Extra()
        return self._extra

    @property
    def rare(self) -> Extra | None:
        """The rarer parts if there are any: for readers, which must not create them."""
        return self._extra

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        return f"{self.tid:032x}"

    @property
    def span_id(self) -> str:
        """16 hexadecimal digits."""
        return f"{self.sid:016x}"

    @property
    def context(self) -> SpanContext:
        """This span's identity, for links and for carrying elsewhere."""
        return SpanContext(
            self.tid, self.sid, self.trace.sampled, self.trace.state, False, self.trace.baggage
        )

    def set_attribute(self, key: str, value: Any) -> None:
        """Sets one attribute; None is ignored; beyond the limit (128) new keys are counted as dropped."""
        if value is None:
            return
        if type(key) is not str:
            key = values.clean_key(key)
        attributes = self.attributes
        if attributes is None:
            attributes = self.attributes = {}
        if len(attributes) >= values.max_count and key not in attributes:
            self.extra.dropped_attributes += 1
            return
        attributes[key] = values.clean(value)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Sets several attributes."""
        cleaned, dropped = values.clean_mapping(attributes)
        if self.attributes is None:
            self.attributes = {}
        if len(self.attributes) + len(cleaned) <= values.max_count:
            self.attributes.update(cleaned)
        else:
            for key, value in cleaned.items():
                self.set_attribute(key, value)
        if dropped:
            self.extra.dropped_attributes += dropped

    def add_event(
        self, name: str, attributes: Mapping[str, Any] | None = None, time: int | None = None
    ) -> None:
        """Notes that something happened now, or at `time` (Unix nanoseconds)."""
        cleaned, dropped = values.clean_mapping(attributes)
        self._keep_event(Event(values.clean_key(name), time or time_ns(), cleaned, dropped))

    def add_link(self, context: SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        """Connects this span with another that is not its parent."""
        if not isinstance(context, SpanContext):
            return
        extra = self.extra
        if len(extra.links) >= values.max_links:
            extra.dropped_links += 1
            return
        cleaned, dropped = values.clean_mapping(attributes)
        extra.links.append(Link(context, cleaned, dropped))

    def record_exception(self, exception: BaseException, attributes: Mapping[str, Any] | None = None) -> None:
        """Adds an `exception` event (OpenTelemetry's exception conventions). The status stays as it is."""
        try:
            from tracekit.stack import Stack

            cleaned, dropped = values.clean_mapping(attributes)
            cleaned["exception.type"] = type_name(exception)
            cleaned["exception.message"] = values.clean(exception)
            cleaned["exception.stacktrace"] = Stack(exception)
            settings = config.get()
            if settings.locals:
                from tracekit import framelocals

                cleaned["tracekit.exception.locals"] = framelocals.describe(exception, settings.redact_keys)
            self._keep_event(Event("exception", time_ns(), cleaned, dropped))
        except Exception as error:  # this runs while the user's exception is in flight
            guard.report(error, "record_exception")

    def set_status(self, status: str, message: str | None = "") -> None:
        """Sets the outcome: "ok", "error" or "unset". The message is kept for errors only."""
        extra = self.extra
        extra.status = _STATUSES.get(values.clean_key(status).lower(), UNSET)
        said = "" if message is None else str(values.clean(message))[:MAX_MESSAGE]
        extra.message = said if extra.status == ERROR else ""

    def fail(self, exception: BaseException) -> None:
        """Ends badly: exception event, status ERROR and `error.type`. Never raises."""
        if isinstance(exception, GeneratorExit):
            return  # how a generator is told to stop is no failure
        self.record_exception(exception)
        extra = self.extra
        extra.status = ERROR
        extra.message = f"{type(exception).__name__}: {values.clean(exception)}"[:MAX_MESSAGE]
        self.set_attribute("error.type", type_name(exception))

    def _keep_event(self, event: Event) -> None:
        extra = self.extra
        if len(extra.events) < values.max_events:
            extra.events.append(event)
        else:
            extra.dropped_events += 1


class NonRecordingSpan:
    """Stands where a span would be when none is recorded. It still carries ids, to be passed on."""

    __slots__ = ("context", "outer")

    recording = False

    def __init__(self, context: SpanContext, outer: Any = None) -> None:
        self.context = context
        self.outer = outer

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits; zeros where there is no trace."""
        return self.context.trace_id

    @property
    def span_id(self) -> str:
        """16 hexadecimal digits; zeros where there is no trace."""
        return self.context.span_id

    def set_attribute(self, key: str, value: Any) -> None:
        """Does nothing."""

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Does nothing."""

    def add_event(
        self, name: str, attributes: Mapping[str, Any] | None = None, time: int | None = None
    ) -> None:
        """Does nothing."""

    def add_link(self, context: SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        """Does nothing."""

    def record_exception(self, exception: BaseException, attributes: Mapping[str, Any] | None = None) -> None:
        """Does nothing."""

    def set_status(self, status: str, message: str = "") -> None:
        """Does nothing."""

    def fail(self, exception: BaseException) -> None:
        """Does nothing."""


NO_SPAN = NonRecordingSpan(SpanContext(0, 0, sampled=False, remote=False))


def type_name(exception: BaseException) -> str:
    """The exception's type as the conventions want it: qualified unless built in."""
    kind = type(exception)
    module = kind.__module__
    return kind.__qualname__ if module in ("builtins", "__main__") else f"{module}.{kind.__qualname__}"
