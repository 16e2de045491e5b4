"""The service graph over hours from what its calls add up to, in slots of six minutes.

The halves of a call may lie in two parts and arrive minutes apart, so sums stand beside the parts, in a file
of their own that can be thrown away: it holds nothing that cannot be worked out from spans again
(edgefile.py, docs/decisions/0018). A slot is summed up when it and all that its calls may refer to have come
to rest. The file says how many rows of each part were looked at: a row beyond makes the slots around it
stale, until they are summed up again. A reader takes the slots that are not stale, works out the rest from
the spans, and adds both up. Whatever comes late, and whichever part goes, an answer counts what is stored.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from collector.storage.base import (
    PAIR_SLACK_NS,
    ROLLUP_SLOT_NS,
    SETTLE_NS,
    Edge,
    EdgePoint,
    EdgeSeriesQuery,
    EdgesQuery,
    Window,
    bucket_index,
    bucket_start,
)
from collector.storage.duckdb import edgecalls, edgefile, edgenear, edgeseen, parts, sql
from collector.storage.duckdb.database import Database, roll_back
from collector.storage.duckdb.edgecalls import Kept
from collector.storage.duckdb.edgefigures import edges_of
from collector.storage.duckdb.edgeseen import Looked, Seen
from collector.storage.duckdb.parts import Catalogue, Part
from collector.storage.duckdb.usage import REFUSED

# Nothing that a slot's calls may refer to came within this time: else it would be summed up again at once.
REST_NS = 60 * 10**9
# It is looked after every half minute: what could be summed up for longer is overdue.
OVERDUE_NS = 60 * 10**9
# Summed up at a time: of so many slots at most, and of so many spans. More in a single slot's surroundings
# are left to be read when asked for: joining them would take the memory that writing needs.
SLOTS_A_STEP = 20
SPANS_A_STEP = 2_000_000
# How long one call of `gather` goes on, and at how many slots it looks at once, the newest first.
GATHER_S = 2.0
_LOOKED_AT = 60
# Stretches of a window that are worked out from spans. What lies between two that are near each other is read
# for both anyway.
_STRETCHES = 6
_NEAR_SLOTS = 2 * PAIR_SLACK_NS // ROLLUP_SLOT_NS
_LOG_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Run:
    """Slots in a row that are summed up at once, unless too many spans are around them."""

    window: Window
    slots: int
    is_light: bool


@dataclass(frozen=True, slots=True)
class Pieces:
    """Stretches of a window to be worked out: from spans, and from calls that are kept (edgecalls.py)."""

    of_spans: list[Window]
    of_calls: Window | None


# ---------------------------------------------------------------- reading


def edges(database: Database, query: EdgesQuery) -> tuple[Edge, ...] | None:
    """The answer, with quantiles as RELATIVE_ERROR says; None where the spans themselves have to be asked."""
    rows = database.read(lambda connection: _asked(database.parts, query, connection))
    return None if rows is None else edges_of((row[1:] for row in rows), query.service)


def series(database: Database, query: EdgeSeriesQuery) -> tuple[EdgePoint, ...] | None:
    """As `edges`, where the parts of the window begin and end with a slot."""
    rows = database.read(lambda connection: _asked(database.parts, query, connection))
    if rows is None:
        return None
    window, buckets = query.window, query.buckets
    ends = tuple(ends_of(query).values())
    parts_: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for slot_ns, *row in rows:
        if tuple(row[:4]) == ends:
            parts_[bucket_index(window, buckets, slot_ns)].append(tuple(row))
    return tuple(
        EdgePoint(bucket_start(window, buckets, part), edge)
        for part, rows in sorted(parts_.items())
        for edge in edges_of(rows)
    )


def _asked(
    found: Catalogue, query: EdgesQuery | EdgeSeriesQuery, connection: Any
) -> list[tuple[Any, ...]] | None:
    """Rows of `sums`, with lists of buckets and of calls, each behind its slot, or behind None where it is of
    several."""
    connection.execute("BEGIN TRANSACTION READ ONLY")
    try:
        looked = edgeseen.looked(found, connection)
        kept = edgecalls.kept(found, looked, connection)
        pieces = _pieces(found, looked, kept, query.window, connection)
        if pieces is None:
            return None
        others = [*pieces.of_spans, pieces.of_calls] if pieces.of_calls else pieces.of_spans
        rows = _summed(found, others, query, connection)
        for stretch in pieces.of_spans:
            read = edgenear.rows_within(found, "edge_sums", _bounds(stretch), connection)
            rows += _of_window(read, query.window)
        if kept and pieces.of_calls:
            read = edgecalls.sums(found, kept, pieces.of_calls, connection)
            rows += _of_window(read, query.window)
        return rows
    finally:
        roll_back(connection)


def _pieces(
    found: Catalogue, looked: Looked, kept: Kept | None, window: Window, connection: Any
) -> Pieces | None:
    """What of the window is not summed up; None where most of it is to be read from spans, or many pieces."""
    slots = _slots(found, window)
    known = _numbers("SELECT slot_ns FROM edge_sums.slots WHERE is_summed", connection)
    fresh = known - _stale(found, looked, window, connection)
    unsummed = [slot for slot in slots if slot not in fresh]
    recent = [slot for slot in unsummed if kept and slot >= kept.from_ns]
    of_spans = list(_stretches(unsummed[: len(unsummed) - len(recent)]))
    to_read = sum(stretch.end_ns - stretch.start_ns for stretch in of_spans) // ROLLUP_SLOT_NS
    if 2 * to_read > len(slots) or len(of_spans) > _STRETCHES:
        return None
    return Pieces(of_spans, Window(recent[0], recent[-1] + ROLLUP_SLOT_NS) if recent else None)


def _stretches(slots: Sequence[int]) -> Iterator[Window]:
    """Slots in order as windows, near ones as one."""
    begin = end = None
    for slot in slots:
        if begin is None or end is None or slot - end > _NEAR_SLOTS * ROLLUP_SLOT_NS:
            if begin is not None and end is not None:
                yield Window(begin, end)
            begin = slot
        end = slot + ROLLUP_SLOT_NS
    if begin is not None and end is not None:
        yield Window(begin, end)


def _summed(
    found: Catalogue, stretches: Sequence[Window], query: EdgesQuery | EdgeSeriesQuery, connection: Any
) -> list[tuple[Any, ...]]:
    by_slot = isinstance(query, EdgeSeriesQuery)
    values = _bounds(query.window) | {"last_ns": query.window.end_ns - ROLLUP_SLOT_NS}
    values |= ends_of(query) if isinstance(query, EdgeSeriesQuery) else {"service": query.service}
    for n, stretch in enumerate(stretches):
        values |= {f"from_{n}": stretch.start_ns, f"to_{n}": stretch.end_ns}
    text = sql.render(
        "edges_summed", found, values, stretches=range(len(stretches)), q=query, by_slot=by_slot
    )
    rows: list[tuple[Any, ...]] = connection.execute(text, sql.used(text, values)).fetchall()
    return rows


def _of_window(rows: Iterable[tuple[Any, ...]], window: Window) -> list[tuple[Any, ...]]:
    """Rows of `sums` as `_summed` gives them, without what may have a caller yet at the end of the window."""
    last_ns = window.end_ns - ROLLUP_SLOT_NS
    return [
        (slot_ns, *ends, side, [bucket], [calls], errors, refused, total_ns)
        for slot_ns, unsettled, *ends, side, bucket, calls, errors, refused, total_ns in rows
        if not (unsettled and slot_ns == last_ns)
    ]


# ---------------------------------------------------------------- what is stale


def _stale(found: Catalogue, looked: Looked, window: Window, connection: Any) -> set[int]:
    """Slots of the window that something came for, or went from, since they were summed up."""
    near = _bounds(window)
    stale = _around(looked.gone)
    for part in found.all:
        row = looked.unseen(part)
        if row is not None:
            late = edgeseen.slots_from(part, row, near["near_start_ns"], near["near_end_ns"], connection)
            stale |= _around(_spans_of(late))
    return stale


def _around(times: Iterable[tuple[int, int]]) -> set[int]:
    """Slots whose calls may have a half that starts within these times, both ends included."""
    slots: set[int] = set()
    for first_ns, last_ns in times:
        slots.update(range(_slot(first_ns - PAIR_SLACK_NS), last_ns + PAIR_SLACK_NS + 1, ROLLUP_SLOT_NS))
    return slots


def _spans_of(slots: Iterable[int]) -> list[tuple[int, int]]:
    """When what starts in these slots may start."""
    return [(slot, slot + ROLLUP_SLOT_NS - 1) for slot in slots]


# ---------------------------------------------------------------- gathering


def gather(database: Database, now_ns: int) -> None:
    """Sum up slots that have come to rest, the newest first, for a while."""
    end = time.monotonic() + GATHER_S
    while database.transact(lambda c: _step(database.parts, now_ns, c)) and time.monotonic() < end:
        continue
    if parts.size_of(edgefile.log_of(database.folder)) > _LOG_BYTES:
        database.statement("FORCE CHECKPOINT edge_sums")


def overdue(database: Database, now_ns: int) -> int:
    """How many spans lie in slots that have come to rest OVERDUE_NS ago, and were not summed up since."""
    return database.read(lambda connection: _overdue(database.parts, now_ns - OVERDUE_NS, connection))


def _overdue(found: Catalogue, now_ns: int, connection: Any) -> int:
    looked = edgeseen.looked(found, connection)
    stale = _stale(found, looked, Window(-(2**62), 2**62), connection)
    waiting = sorted(_waiting(found, now_ns, connection, stale))
    spans = 0
    for stretch in _stretches(waiting):
        came = _came(found, stretch, connection)
        among = [slot for slot in waiting if stretch.start_ns <= slot < stretch.end_ns and slot in came]
        spans += sum(came[slot][1] for slot in among if _is_at_rest(slot, came, now_ns))
    return spans


def _step(found: Catalogue, now_ns: int, connection: Any) -> bool:
    """Look at what is new, and sum up a few slots; whether there were any. Within a transaction, so that what
    is summed up is what was looked at."""
    looked = edgeseen.looked(found, connection)
    is_looked = edgecalls.is_due(found, looked, now_ns, connection)
    if is_looked:
        _look(found, looked, now_ns, connection)
    run = _due(found, now_ns, connection)
    if run is None:
        return False
    if not is_looked:  # else what is summed up would be stale already
        _look(found, looked, now_ns, connection)
    is_summed = _sum_up(found, run, connection)
    slots = list(range(run.window.start_ns, run.window.end_ns, ROLLUP_SLOT_NS))
    connection.execute("INSERT INTO edge_sums.slots SELECT unnest(?::BIGINT[]), ?", [slots, is_summed])
    return True


def _sum_up(found: Catalogue, run: Run, connection: Any) -> bool:
    """From the calls that are kept, or from the spans, unless those are too many."""
    kept = edgecalls.kept(found, edgeseen.looked(found, connection), connection)
    if kept and run.window.start_ns >= kept.from_ns:
        edgecalls.sums(found, kept, run.window, connection, "INSERT INTO edge_sums.sums ")
    elif run.is_light:
        values = _bounds(run.window)
        text = "INSERT INTO edge_sums.sums " + sql.render("edge_sums", found, values)
        connection.execute(text, sql.used(text, values))
    else:
        return False
    return True


def _look(found: Catalogue, looked: Looked, now_ns: int, connection: Any) -> None:
    """Forget the slots that are stale, take in what came for the calls that are kept, and note how far every
    part was looked at."""
    edgecalls.look(found, looked, now_ns, connection)
    stale = _around(looked.gone)
    for part in found.written:
        rows, known = looked.rows[part.name], looked.seen.get(part.name)
        if known and rows < known.rows:
            known = None
        if rows > (known.rows if known else 0):
            late = edgeseen.slots_from(part, known.rows if known else 0, -(2**62), 2**62, connection)
            stale |= _around(_spans_of(late))
            _note(part, rows, known, late, connection)
    for name in looked.seen.keys() - {part.name for part in found.written}:
        connection.execute("DELETE FROM edge_sums.seen WHERE part = ?", [name])
    _forget(stale, connection)


def _note(part: Part, rows: int, known: Seen | None, late: Sequence[int], connection: Any) -> None:
    first_ns = min([*late, known.first_ns] if known else late)
    last_ns = max([slot + ROLLUP_SLOT_NS - 1 for slot in late] + ([known.last_ns] if known else []))
    connection.execute("DELETE FROM edge_sums.seen WHERE part = ?", [part.name])
    connection.execute("INSERT INTO edge_sums.seen VALUES (?, ?, ?, ?)", [part.name, rows, first_ns, last_ns])


def _forget(stale: set[int], connection: Any) -> None:
    known = _numbers("SELECT slot_ns FROM edge_sums.slots", connection)
    for table in ("sums", "slots") if stale & known else ():
        statement = f"DELETE FROM edge_sums.{table} WHERE slot_ns IN (SELECT unnest(?::BIGINT[]))"
        connection.execute(statement, [sorted(stale & known)])


def _due(found: Catalogue, now_ns: int, connection: Any) -> Run | None:
    """The newest slots in a row that have come to rest and were not summed up."""
    waiting = _waiting(found, now_ns, connection)
    for begin in range(0, len(waiting), _LOOKED_AT):
        run = _at_rest(found, waiting[begin : begin + _LOOKED_AT], now_ns, connection)
        if run:
            return run
    return None


def _waiting(
    found: Catalogue, now_ns: int, connection: Any, stale: Collection[int] = frozenset()
) -> list[int]:
    """Slots that are over and were not summed up, or in vain, the newest first."""
    times = [held for part in found.written if (held := found.times(part, "spans"))]
    last_ns = now_ns - PAIR_SLACK_NS - REST_NS - ROLLUP_SLOT_NS
    first_ns = min((first for first, _ in times), default=last_ns)
    if first_ns >= last_ns:
        return []
    known = _numbers("SELECT slot_ns FROM edge_sums.slots", connection).difference(stale)
    # What is unpinned goes without a trace: nothing says later that it was summed up.
    known |= _around(_spans_of(_pinned(found, connection)))
    return [slot for slot in reversed(_slots(found, Window(first_ns, last_ns))) if slot not in known]


def _pinned(found: Catalogue, connection: Any) -> list[int]:
    return edgeseen.slots_from(found.pinned, 0, -(2**62), 2**62, connection) if found.pinned else []


def _at_rest(found: Catalogue, slots: Sequence[int], now_ns: int, connection: Any) -> Run | None:
    """Of these slots, newest first, the first ones in a row of which nothing near came lately, as many as may
    be summed up at once."""
    came = _came(found, Window(slots[-1], slots[0] + ROLLUP_SLOT_NS), connection)
    run: Run | None = None
    for slot in slots:
        if not _is_at_rest(slot, came, now_ns):
            if run:
                break
            continue
        window = Window(slot, run.window.end_ns if run else slot + ROLLUP_SLOT_NS)
        width = (window.end_ns - window.start_ns) // ROLLUP_SLOT_NS
        spans = sum(
            came[other][1] for other in _around([(window.start_ns, window.end_ns - 1)]) if other in came
        )
        if run and (width != run.slots + 1 or width > SLOTS_A_STEP or spans > SPANS_A_STEP):
            break
        run = Run(window, width, spans <= SPANS_A_STEP)
    return run


def _is_at_rest(slot: int, came: dict[int, tuple[int, int]], now_ns: int) -> bool:
    near = _around(_spans_of([slot]))
    return not any(came[other][0] > now_ns - REST_NS for other in near if other in came)


def _came(found: Catalogue, window: Window, connection: Any) -> dict[int, tuple[int, int]]:
    """By slot near the window: when the last of its spans was received, and how many there are."""
    values = _bounds(window)
    text = sql.render("edge_sums_due", found, values)
    rows = connection.execute(text, sql.used(text, values)).fetchall()
    return {slot: (received_ns, spans) for slot, received_ns, spans in rows}


# ---------------------------------------------------------------- slots


def _slot(moment_ns: int) -> int:
    return moment_ns - moment_ns % ROLLUP_SLOT_NS


def _slots(found: Catalogue, window: Window) -> range:
    """The slots of a window in which any span may start."""
    times = [held for part in found.all if (held := found.times(part, "spans"))]
    if not times:
        return range(0)
    first_ns = max(_slot(window.start_ns), _slot(min(first for first, _ in times)))
    end_ns = min(window.end_ns, max(last for _, last in times) + 1)
    return range(first_ns, end_ns, ROLLUP_SLOT_NS)


def ends_of(query: EdgeSeriesQuery) -> dict[str, str]:
    """As parameters, in the order of `sums`' columns."""
    source, target = query.source, query.target
    return {
        "source_kind": source.kind,
        "source": source.name,
        "target_kind": target.kind,
        "target": target.name,
    }


def _bounds(window: Window) -> dict[str, Any]:
    return {
        "pair_start_ns": window.start_ns,
        "pair_end_ns": window.end_ns,
        "near_start_ns": window.start_ns - PAIR_SLACK_NS,
        "near_end_ns": window.end_ns + PAIR_SLACK_NS,
        "sent_from_ns": window.start_ns - PAIR_SLACK_NS,
        # Those that may have a caller yet are told apart (`is_unsettled`), not left out.
        "settled_ns": window.end_ns,
        "settle_ns": SETTLE_NS,
        "slack_ns": PAIR_SLACK_NS,
        "slot_ns": ROLLUP_SLOT_NS,
        "refusals": REFUSED,
    }


def _numbers(statement: str, connection: Any) -> set[int]:
    return {number for (number,) in connection.execute(statement).fetchall()}
