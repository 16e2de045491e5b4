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
from collector.storage.duckdb import edgefile, edgenear, parts, sql
from collector.storage.duckdb.database import Database, roll_back
from collector.storage.duckdb.edgefigures import edges_of
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
class Seen:
    """How far a part was looked at, and when the spans of it that were start."""

    rows: int
    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True)
class Run:
    """Slots in a row that are summed up at once, unless too many spans are around them."""

    window: Window
    slots: int
    is_light: bool


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
        stretches = _unsummed(found, query.window, connection)
        if stretches is None:
            return None
        rows = _summed(found, stretches, query, connection)
        for stretch in stretches:
            rows += _worked_out(found, stretch, query.window, connection)
        return rows
    finally:
        roll_back(connection)


def _unsummed(found: Catalogue, window: Window, connection: Any) -> list[Window] | None:
    """What of the window has to be worked out from spans; None where that is most of it, or many pieces."""
    slots = _slots(found, window)
    known = _numbers("SELECT slot_ns FROM edge_sums.slots WHERE is_summed", connection)
    fresh = known - _stale(found, window, connection)
    stretches = list(_stretches([slot for slot in slots if slot not in fresh]))
    to_read = sum(stretch.end_ns - stretch.start_ns for stretch in stretches) // ROLLUP_SLOT_NS
    return stretches if 2 * to_read <= len(slots) and len(stretches) <= _STRETCHES else None


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


def _worked_out(found: Catalogue, stretch: Window, window: Window, connection: Any) -> list[tuple[Any, ...]]:
    values = _bounds(stretch)
    last_ns = window.end_ns - ROLLUP_SLOT_NS
    rows = edgenear.rows_within(found, "edge_sums", values, connection)
    return [
        (slot_ns, *ends, side, [bucket], [calls], errors, refused, total_ns)
        for slot_ns, unsettled, *ends, side, bucket, calls, errors, refused, total_ns in rows
        if not (unsettled and slot_ns == last_ns)
    ]


# ---------------------------------------------------------------- what is stale


def _stale(found: Catalogue, window: Window, connection: Any) -> set[int]:
    """Slots of the window that something came for, or went from, since they were summed up."""
    seen = _seen(connection)
    near = _bounds(window)
    stale = _around(_gone(found, seen, connection))
    for part in found.all:
        late = _late(part, seen.get(part.name), near["near_start_ns"], near["near_end_ns"], connection)
        stale |= _around(_spans_of(late))
    return stale


def _seen(connection: Any) -> dict[str, Seen]:
    rows = connection.execute("SELECT part, rows, first_ns, last_ns FROM edge_sums.seen").fetchall()
    return {part: Seen(*rest) for part, *rest in rows}


def _gone(found: Catalogue, seen: dict[str, Seen], connection: Any) -> list[tuple[int, int]]:
    """Times of spans that were looked at and are not stored any more, or not where they were."""
    return [
        (known.first_ns, known.last_ns)
        for name, known in seen.items()
        if (part := found.named(name)) is None or _rows(part, connection) < known.rows
    ]


def _late(part: Part, known: Seen | None, start_ns: int, end_ns: int, connection: Any) -> list[int]:
    """Slots in [start_ns, end_ns) of spans that were not looked at. Of the pinned part, from which rows are
    deleted, none ever is."""
    rows = known.rows if known else 0
    if _rows(part, connection) == rows:
        return []
    statement = f"""
    SELECT DISTINCT start_ns - start_ns % {ROLLUP_SLOT_NS} FROM {part.sql}.spans
    WHERE rowid >= ? AND start_ns >= ? AND start_ns < ?
    """
    return [slot for (slot,) in connection.execute(statement, [rows, start_ns, end_ns]).fetchall()]


def _rows(part: Part, connection: Any) -> int:
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {part.sql}.spans").fetchall()
    return int(rows)


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
    stale = _stale(found, Window(-(2**62), 2**62), connection)
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
    _look(found, connection)
    run = _due(found, now_ns, connection)
    if run is None:
        return False
    if run.is_light:
        values = _bounds(run.window)
        text = "INSERT INTO edge_sums.sums " + sql.render("edge_sums", found, values)
        connection.execute(text, sql.used(text, values))
    slots = list(range(run.window.start_ns, run.window.end_ns, ROLLUP_SLOT_NS))
    connection.execute("INSERT INTO edge_sums.slots SELECT unnest(?::BIGINT[]), ?", [slots, run.is_light])
    return True


def _look(found: Catalogue, connection: Any) -> None:
    """Forget the slots that are stale, and note how far every part was looked at."""
    seen = _seen(connection)
    held = {part.name: (part, _rows(part, connection)) for part in found.written}
    kept = {name for name, known in seen.items() if name in held and held[name][1] >= known.rows}
    stale = _around(_gone(found, seen, connection))
    for name, (part, rows) in held.items():
        known = seen[name] if name in kept else None
        if rows > (known.rows if known else 0):
            late = _late(part, known, -(2**62), 2**62, connection)
            stale |= _around(_spans_of(late))
            _note(part, rows, known, late, connection)
    for name in seen.keys() - kept - held.keys():
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
    return _late(found.pinned, None, -(2**62), 2**62, connection) if found.pinned else []


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
