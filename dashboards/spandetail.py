"""One span in full, as the JSON the detail pane shows: everything a sender said, bounded and safe to draw.

Values become text here, because JSON numbers lose digits in a browser and bytes have no JSON at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collector.analysis import stacktrace
from collector.analysis.clocks import skew_of
from collector.analysis.tree import Placed
from collector.jsonvalue import dumps
from collector.model import Event, Link, Span
from collector.storage.base import Backlink
from dashboards.callusage import used
from dashboards.format import duration
from dashboards.i18n import _
from dashboards.importtable import import_table
from dashboards.payload import LOCALS, frame_locals, laid_out, payload_title
from dashboards.sqlformat import format_sql
from dashboards.waterfall import Waterfall

# What the pane shows of one value, and of one list. Beyond, the size is told: nobody reads 10 MB in a pane.
SHOWN_CHARACTERS = 16_000
SHOWN_ENTRIES = 500

_STATEMENTS = ("db.query.text", "db.statement")
_EXCEPTION_KEYS = ("exception.type", "exception.message", "exception.stacktrace")
# Ends of the keys under which SDKs keep whole requests, responses and messages.
_PAYLOADS = (".payload", ".body")

Json = dict[str, Any]


def span_detail(waterfall: Waterfall, index: int) -> Json:
    """The span of row `index`. Moments are ns after the trace starts; `start` is epoch ns as text."""
    row = waterfall.rows[index]
    span = row.span
    caller = waterfall.index_of(span.parent_span_id) if span.parent_span_id else None
    return {
        "index": index,
        "id": span.span_id,
        "name": cut(span.name)["text"],
        "service": span.service,
        "kind": span.kind.name.lower(),
        "status": span.status.name.lower(),
        "message": cut(span.status_message),
        "start": str(span.start_ns),
        "offset": span.start_ns - waterfall.start_ns,
        "duration": span.duration_ns,
        "self": row.self_ns,
        "critical": sum(s.end_ns - s.start_ns for s in waterfall.path if s.span_id == span.span_id),
        "facts": [*_facts(span, row), *_clock(waterfall, span, caller)],
        "parent": _parent(waterfall, span, caller),
        "sql": _statement(span),
        "imports": import_table(span),
        "profiled": "tracekit.profile" in span.attributes,
        "payloads": payloads(span),
        "exceptions": [_exception(e, waterfall) for e in span.events if e.name == "exception"][
            :SHOWN_ENTRIES
        ],
        "events": [_event(e, waterfall) for e in span.events if e.name != "exception"][:SHOWN_ENTRIES],
        "links": [_link(link, waterfall) for link in span.links][:SHOWN_ENTRIES],
        "linked": _linked_by(waterfall, span),
        "attributes": _entries(span.attributes),
        "resource": _entries(span.resource),
        "dropped": _dropped(span),
    }


def cut(text: str) -> Json:
    """Text as shown, with its full length in UTF-8 bytes where it was cut."""
    if len(text) <= SHOWN_CHARACTERS:
        return {"text": _whole(text)}
    return {"text": _whole(text[:SHOWN_CHARACTERS]), "bytes": len(text.encode(errors="surrogatepass"))}


def _whole(text: str) -> str:
    """Lone surrogates cannot travel as UTF-8; show them as the replacement character."""
    return text.encode(errors="surrogatepass").decode(errors="replace")


def _facts(span: Span, row: Placed) -> list[list[str]]:
    """What a reader asks first, as label and text; absent facts are left out."""
    children = _("%(count)s below", count=f"{row.descendants:,}") if row.descendants else ""
    facts = {
        _("Version"): span.version,
        _("Instance"): span.instance,
        _("Platform"): " ".join(filter(None, (span.platform, span.region))),
        _("Trigger"): span.trigger,
        _("Phase"): span.phase.replace("_", " ") if span.phase != "invocation" else "",
        _("Invocation"): span.invocation_id,
        _("Used"): used(span),
        _("Calls"): f"{span.peer_kind} {span.peer}".strip(),
        "HTTP": " ".join(filter(None, (span.http_method, span.http_route, str(span.http_status or "")))),
        _("Parameters"): ", ".join(f"{key} = {value}" for key, value in _parameters(span)),
        _("Error"): span.error_type,
        _("Spans"): children,
        _("Scope"): span.scope,
        _("Trace state"): span.trace_state,
    }
    return [[label, cut(value)["text"]] for label, value in facts.items() if value]


def _clock(waterfall: Waterfall, span: Span, caller: int | None) -> list[list[str]]:
    """How far the clock it was timed by is behind its caller's, where that shows."""
    skew = skew_of(waterfall.rows[caller].span, span) if caller is not None else None
    return [[_("Clock"), _("%(time)s behind its caller's at least", time=duration(skew.ns))]] if skew else []


def _parent(waterfall: Waterfall, span: Span, index: int | None) -> Json | None:
    if not span.parent_span_id:
        return None
    name = waterfall.rows[index].span.name if index is not None else ""
    return {"id": span.parent_span_id, "index": index, "name": cut(name)["text"]}


def _statement(span: Span) -> Json | None:
    """As the sender wrote it, with its values where it sent them; the store's normalised text otherwise."""
    written = next((span.attributes[key] for key in _STATEMENTS if key in span.attributes), span.db_statement)
    if not written or not isinstance(written, str):
        return None
    return {"system": span.db_system, **cut(format_sql(written))}


def _parameters(span: Span) -> list[tuple[str, str]]:
    """Of a statement, as senders write them one by one (db.query.parameter.<name or number>)."""
    start = "db.query.parameter."
    found = [
        (key.removeprefix(start), value) for key, value in span.attributes.items() if key.startswith(start)
    ]
    return [(key, _text(value)) for key, value in found[:SHOWN_ENTRIES]]


def _exception(event: Event, waterfall: Waterfall) -> Json:
    kind, message, trace = (str(event.attributes.get(key, "")) for key in _EXCEPTION_KEYS)
    frames = frame_locals(event.attributes.get(LOCALS))
    told = (*_EXCEPTION_KEYS, LOCALS) if frames else _EXCEPTION_KEYS
    rest = {key: value for key, value in event.attributes.items() if key not in told}
    shown = cut(trace)
    return {
        "offset": event.time_ns - waterfall.start_ns,
        "type": cut(kind)["text"],
        "message": cut(message),
        "stack": [_stack_line(line) for line in stacktrace.parse(shown["text"])],
        "bytes": shown.get("bytes", 0),
        "frames": [{**frame, **cut(frame["text"])} for frame in frames[:SHOWN_ENTRIES]],
        "attributes": _entries(rest),
    }


def payloads(span: Span) -> list[Json]:
    """What went in and out as the sender kept it, JSON laid out for reading; these stand among the
    attributes, too."""
    kept = [(key, value) for key, value in sorted(span.attributes.items()) if key.endswith(_PAYLOADS)]
    return [{"title": payload_title(key), **cut(laid_out(_text(value)))} for key, value in kept]


def _stack_line(line: stacktrace.StackLine) -> Json:
    """The line, with where in it the place in the code stands, so that only that is emphasised."""
    at = line.text.rfind(line.file) if line.file else -1
    number = line.text.find(str(line.number), at + len(line.file)) if at >= 0 else -1
    end = number + len(str(line.number)) if number >= 0 else at + len(line.file)
    return {"text": line.text, "place": [at, end] if at >= 0 else None, "library": line.library}


def _event(event: Event, waterfall: Waterfall) -> Json:
    return {
        "offset": event.time_ns - waterfall.start_ns,
        "name": cut(event.name)["text"],
        "attributes": _entries(event.attributes),
    }


def _link(link: Link, waterfall: Waterfall) -> Json:
    here = waterfall.index_of(link.span_id) if link.trace_id == waterfall.trace_id else None
    return {
        "trace": link.trace_id,
        "span": link.span_id,
        "index": here,
        "name": cut(waterfall.rows[here].span.name)["text"] if here is not None else "",
        "attributes": _entries(link.attributes),
    }


def _linked_by(waterfall: Waterfall, span: Span) -> list[Json]:
    """Spans that link to this one, the way from a producer on to its consumers: first those of this trace,
    by row, then those of others."""
    target = (span.trace_id, span.span_id)
    here = [
        {"index": index, "name": cut(row.span.name)["text"], "service": row.span.service}
        for index, row in enumerate(waterfall.rows)
        if any((link.trace_id, link.span_id) == target for link in row.span.links)
    ]
    return [*here, *(_backlink(b) for b in waterfall.backlinks if b.target_span_id == span.span_id)][
        :SHOWN_ENTRIES
    ]


def _backlink(link: Backlink) -> Json:
    return {
        "index": None,
        "trace": link.trace_id,
        "span": link.span_id,
        "name": cut(link.name)["text"],
        "service": link.service,
        "start": str(link.start_ns),
        "duration": link.duration_ns,
        "failed": link.failed,
    }


def _entries(attributes: Mapping[str, Any]) -> list[Json]:
    """Keys in order with their values as text and the value's type where it is not a string."""
    shown = sorted(attributes.items())[:SHOWN_ENTRIES]
    return [{"key": cut(key)["text"], "type": _type(value), **cut(_text(value))} for key, value in shown]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.hex(" ")
    return dumps(value)


def _type(value: Any) -> str:
    return "" if isinstance(value, str) else type(value).__name__


def _dropped(span: Span) -> str:
    """What is not shown, in words: dropped by the sender, or too many for the pane."""
    counts = {
        "attributes": span.dropped_attributes_count + max(0, len(span.attributes) - SHOWN_ENTRIES),
        "events": span.dropped_events_count + max(0, len(span.events) - SHOWN_ENTRIES),
        "links": span.dropped_links_count + max(0, len(span.links) - SHOWN_ENTRIES),
    }
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
