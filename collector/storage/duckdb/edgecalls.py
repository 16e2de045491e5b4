"""The calls of the last hour along the edges of the service graph, one by one, with both halves met.

Joining the halves is what a service graph of spans takes its time for. So the calls of what was looked at are
kept in the file of sums (edgefile.py), which may be thrown away. A call is of one trace: the traces that
later rows touch are resolved anew in the step that asks, and what is kept of them is left out; looking at the
rows keeps just that. Whether a half comes late, or a batch links to messages of other traces, an answer is
that of the spans, exactly.

Where a part that was looked at is gone or written anew, where pinned traces lie near, and where more comes
than can be looked at, nothing is kept: the spans are asked as if this were not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from collector.storage.base import (
    LONG_GRAPH_NS,
    PAIR_SLACK_NS,
    ROLLUP_SLOT_NS,
    SETTLE_NS,
    EdgeSeriesQuery,
    EdgesQuery,
    Window,
)
from collector.storage.duckdb import edgeseen, sql
from collector.storage.duckdb.database import Database, roll_back
from collector.storage.duckdb.edgeseen import Looked
from collector.storage.duckdb.parts import Catalogue, Part
from collector.storage.duckdb.usage import REFUSED

Rows = list[tuple[Any, ...]]
# An hour as it moves with the clock, and the slot that it begins in.
KEPT_NS = LONG_GRAPH_NS + ROLLUP_SLOT_NS
# Some 25 bytes each in the file.
MOST_CALLS = 5_000_000
# Around so many spans at most calls are begun to be kept: joining more takes the memory that writing needs.
MOST_SPANS = 2_000_000
_BEGIN_NS = (KEPT_NS, KEPT_NS // 2, ROLLUP_SLOT_NS, -PAIR_SLACK_NS - ROLLUP_SLOT_NS)
# More that came than this is not answered for in the step that asks, and not looked at in one step either.
MOST_LATE = 300_000
# Rows wait to be looked at until they are many, came so long ago, or none came for so long: each look goes
# through all that lies near in time, for other spans of their traces.
_MANY_LATE = 120_000
_LONG_NS = 90 * 10**9
_REST_NS = 60 * 10**9
_EVER = 2**62


@dataclass(frozen=True, slots=True)
class Late:
    """Rows that were not looked at, of these parts, from these rows on; and when they start."""

    parts: tuple[Part, ...]
    rows: tuple[int, ...]
    first_ns: int
    last_ns: int
    count: int


@dataclass(frozen=True, slots=True)
class Kept:
    """Since when calls are kept, and the rows that were not looked at for them."""

    from_ns: int
    late: Late | None


# ---------------------------------------------------------------- reading


def rows(database: Database, query: EdgesQuery | EdgeSeriesQuery, **values: Any) -> Rows | None:
    """As the statement `edges` finds them; None where the calls of the window are not kept."""
    return database.read(lambda connection: _asked(database.parts, query, values, connection))


def _asked(
    found: Catalogue, query: EdgesQuery | EdgeSeriesQuery, values: dict[str, Any], connection: Any
) -> Rows | None:
    connection.execute("BEGIN TRANSACTION READ ONLY")
    try:
        kept_ = kept(found, edgeseen.looked(found, connection), connection)
        if kept_ is None or query.window.start_ns < kept_.from_ns:
            return None
        values = values | _values(kept_, query.window)
        over_time = isinstance(query, EdgeSeriesQuery)
        text = sql.render("edges_kept", found, values, q=query, over_time=over_time, late=_parts(kept_.late))
        answer: Rows = connection.execute(text, sql.used(text, values)).fetchall()
        return answer
    finally:
        roll_back(connection)


def sums(found: Catalogue, kept: Kept, window: Window, connection: Any, into: str = "") -> Rows:
    """As the statement `edge_sums` finds them, of whole slots that are kept; or what becomes of them."""
    values = _values(kept, window)
    text = into + sql.render("edge_sums_kept", found, values, late=_parts(kept.late))
    answer: Rows = connection.execute(text, sql.used(text, values)).fetchall()
    return answer


def kept(found: Catalogue, looked: Looked, connection: Any) -> Kept | None:
    """What calls can be told by; None where the spans have to be asked."""
    from_ns = _from(connection)
    if from_ns is None or looked.gone or _is_pinned_near(found, from_ns):
        return None
    late = _late(found, looked, from_ns, connection)
    return Kept(from_ns, late) if late is None or late.count <= MOST_LATE else None


def _values(kept: Kept, window: Window) -> dict[str, Any]:
    return _bounds(kept.late, kept.from_ns) | {
        "from_ns": window.start_ns,
        "until_ns": window.end_ns,
        "window_settled_ns": window.end_ns - SETTLE_NS,
    }


# ---------------------------------------------------------------- keeping


def is_due(found: Catalogue, looked: Looked, now_ns: int, connection: Any) -> bool:
    """Whether there is something to look at."""
    grown = _grown(found, looked)
    if not grown:
        return bool(looked.gone)
    text = sql.render("edge_calls_came", found, {}, late=tuple(grown))
    values = _seen_values(tuple(grown.values()))
    ((first_ns, last_ns, count),) = connection.execute(text, values).fetchall()
    return bool(count >= _MANY_LATE or first_ns <= now_ns - _LONG_NS or last_ns <= now_ns - _REST_NS)


def look(found: Catalogue, looked: Looked, now_ns: int, connection: Any) -> None:
    """Keep the calls of what was not looked at yet, before it is noted that it was; and no more those that
    are too old."""
    known = kept(found, looked, connection)
    if known is None:
        _begin(found, now_ns, connection)
    elif known.late:
        _take_in(found, known.late, known.from_ns, connection)
    from_ns = _from(connection)
    if from_ns is not None:
        _trim(found, from_ns, now_ns, connection)


def _take_in(found: Catalogue, late: Late, from_ns: int, connection: Any) -> None:
    values = _bounds(late, from_ns)
    text = sql.render("edge_calls_touched", found, values, late=late.parts)
    connection.execute(text, sql.used(text, values))
    _keep(found, values, late.parts, connection)


def _keep(found: Catalogue, values: dict[str, Any], late: tuple[Part, ...], connection: Any) -> None:
    text = "CREATE OR REPLACE TEMP TABLE resolved AS " + sql.render("edge_calls", found, values, late=late)
    connection.execute(text, sql.used(text, values))
    for statement in ("insert_edge_ends", "insert_edge_calls"):
        connection.execute(sql.query(statement))
    connection.execute("DROP TABLE temp.resolved")


def _begin(found: Catalogue, now_ns: int, connection: Any) -> None:
    """Nothing is kept that was. What starts within the last hour is, or as much of it as can be joined at
    once, or what is to come."""
    _forget(connection)
    for back_ns in _BEGIN_NS:
        from_ns = _first(found, now_ns, back_ns)
        if from_ns is None or _is_pinned_near(found, from_ns):
            return
        values = _bounds(None, from_ns) | {"most": MOST_SPANS + 1}
        text = sql.render("edge_calls_near", found, values)
        ((spans,),) = connection.execute(text, sql.used(text, values)).fetchall()
        if spans <= MOST_SPANS:
            connection.execute("INSERT INTO edge_sums.kept VALUES (?)", [from_ns])
            _keep(found, values, (), connection)
            return


def _forget(connection: Any) -> None:
    for table in ("calls", "ends", "kept"):
        connection.execute(f"DELETE FROM edge_sums.{table}")


def _trim(found: Catalogue, from_ns: int, now_ns: int, connection: Any) -> None:
    first_ns = _first(found, now_ns)
    until_ns = max(from_ns, first_ns or from_ns, _until_few(connection))
    if until_ns > from_ns:
        connection.execute("DELETE FROM edge_sums.calls WHERE start_ns < ?", [until_ns])
        connection.execute("DELETE FROM edge_sums.ends WHERE edge NOT IN (SELECT edge FROM edge_sums.calls)")
        connection.execute("UPDATE edge_sums.kept SET from_ns = ?", [until_ns])


def _until_few(connection: Any) -> int:
    """The end of the slots of which nothing can be kept, because those after them have enough calls."""
    ((calls,),) = connection.execute("SELECT count(*) FROM edge_sums.calls").fetchall()
    if calls <= MOST_CALLS:
        return -_EVER
    by_slot = connection.execute(sql.query("edge_calls_slots"), {"slot_ns": ROLLUP_SLOT_NS}).fetchall()
    upto = accumulate(in_slot for _, in_slot in by_slot)
    ends = (slot_ns + ROLLUP_SLOT_NS for slot_ns, _ in by_slot)
    return int(next(end for end, gone in zip(ends, upto) if calls - gone <= MOST_CALLS))


def _first(found: Catalogue, now_ns: int, back_ns: int = KEPT_NS) -> int | None:
    """Since when calls are worth keeping, for the hour up to the newest of them."""
    lasts = [held[1] for part in found.written if (held := found.times(part, "spans"))]
    if not lasts:
        return None
    first_ns = min(max(lasts), now_ns) - back_ns
    return first_ns - first_ns % ROLLUP_SLOT_NS


# ---------------------------------------------------------------- what came since


def _from(connection: Any) -> int | None:
    ((from_ns,),) = connection.execute("SELECT max(from_ns) FROM edge_sums.kept").fetchall()
    return None if from_ns is None else int(from_ns)


def _is_pinned_near(found: Catalogue, from_ns: int) -> bool:
    """What is unpinned goes without a trace."""
    times = found.times(found.pinned, "spans") if found.pinned else None
    return times is not None and times[1] >= from_ns - PAIR_SLACK_NS


def _late(found: Catalogue, looked: Looked, from_ns: int, connection: Any) -> Late | None:
    """Those that may be of a call that is kept."""
    grown = _grown(found, looked)
    if not grown:
        return None
    parts, rows = tuple(grown), tuple(grown.values())
    values = _seen_values(rows) | {"late_from_ns": from_ns - PAIR_SLACK_NS}
    text = sql.render("edge_calls_extent", found, values, late=parts)
    ((first_ns, last_ns, count),) = connection.execute(text, sql.used(text, values)).fetchall()
    return Late(parts, rows, first_ns, last_ns, count) if count else None


def _grown(found: Catalogue, looked: Looked) -> dict[Part, int]:
    """Parts with rows that were not looked at, and which is the first of these."""
    return {part: row for part in found.written if (row := looked.unseen(part)) is not None}


def _parts(late: Late | None) -> tuple[Part, ...]:
    return late.parts if late else ()


def _seen_values(rows: tuple[int, ...]) -> dict[str, Any]:
    return {f"seen_{n}": seen for n, seen in enumerate(rows)}


def _bounds(late: Late | None, from_ns: int) -> dict[str, Any]:
    """Of the calls to resolve: those that late rows may be a half of, or all."""
    start_ns = max(late.first_ns - PAIR_SLACK_NS, from_ns) if late else from_ns
    end_ns = late.last_ns + PAIR_SLACK_NS + 1 if late else _EVER
    return {
        **_seen_values(late.rows if late else ()),
        "late_from_ns": from_ns - PAIR_SLACK_NS,
        "pair_start_ns": start_ns,
        "pair_end_ns": end_ns,
        "near_start_ns": start_ns - PAIR_SLACK_NS,
        "near_end_ns": end_ns + PAIR_SLACK_NS,
        "sent_from_ns": start_ns - PAIR_SLACK_NS,
        # Those that may have a caller yet are told apart (`awaits_caller`), not left out.
        "settled_ns": _EVER,
        "settle_ns": SETTLE_NS,
        "slack_ns": PAIR_SLACK_NS,
        "slot_ns": ROLLUP_SLOT_NS,
        "refusals": REFUSED,
    }
