"""Spans on their way into the newest part: duplicates dropped, snapshots of running spans kept apart."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from collector.arrow import Table, chunks, stream
from collector.model import SpanBatch
from collector.storage.base import PAIR_SLACK_NS, Grace, WriteResult
from collector.storage.duckdb import arrow, sql
from collector.storage.duckdb.database import Database
from collector.storage.duckdb.recent import Key, KeySet, RecentKeys, each, key
from collector.storage.duckdb.statement import run_with
from collector.storage.unfinished import Snapshot, batch_of, split

# After every start there is.
_ALWAYS_NS = 2**63 - 1


class Open(NamedTuple):
    """What is remembered of a stored snapshot."""

    taken_ns: int
    received_ns: int
    imminent: bool


class Unseen(NamedTuple):
    """Of some batches, what is not stored yet."""

    fresh: list[SpanBatch]  # none of them empty
    keys: KeySet  # of all that was looked at, those of `rest` included
    looked_at: int  # batches, the one that `rest` is of included
    rest: SpanBatch | None  # of the last of them: not stored yet, and not in `fresh` either


@dataclass(slots=True)
class SpanPlan:
    """What a write will change; nothing is changed yet."""

    fresh: list[SpanBatch]  # spans that are not stored yet; none of them empty
    running: dict[Key, Snapshot]  # snapshots to keep instead of those kept
    ended: list[Key]  # kept snapshots to forget
    result: WriteResult = field(default=WriteResult(0, 0))
    planned: int = 0  # batches, the one that `rest` is of included
    rest: SpanBatch | None = None  # what is left over of the last of them

    @property
    def changes(self) -> bool:
        return bool(self.fresh or self.running or self.ended)


class SpanTable:
    """Knows which spans are stored. A retry is recognised exactly: keys of recent spans are in memory, older
    ones are looked up in the store among spans that start when the offered ones do."""

    takes = SpanBatch

    def __init__(self, database: Database, dedup_keys: int, make_keys: Callable[[], KeySet]) -> None:
        self._database = database
        self._dedup_keys = dedup_keys
        self._make_keys = make_keys
        self.forget()

    def forget(self) -> None:
        """Know only what the files say: after they were opened, or opened again."""
        self._recent = RecentKeys(time.time_ns(), self._dedup_keys, self._make_keys)
        # What is written first may be stored in part, or after all: a kill, or an error, came between.
        self._first = True
        kept = self._database.writer.execute(
            "SELECT trace_id, span_id, taken_ns, received_ns, timeout_imminent FROM open_spans"
        ).fetchall()
        self._open: dict[Key, Open] = {
            trace.bytes + span.to_bytes(8, "big"): Open(*rest) for trace, span, *rest in kept
        }

    def begun(self) -> None:
        """A new part is in use; what is remembered of spans is true of all parts."""

    # ------------------------------------------------------------ what to do

    def plan(self, batches: Sequence[SpanBatch], most: int | None = None) -> SpanPlan:
        """For the first of the batches that together have `most` spans which are not stored yet, the last of
        them cut off there; for all of them where they have not so many."""
        parts = [split(batch) for batch in batches]
        unseen = self._unseen([finished for finished, _ in parts], most)
        del parts[unseen.looked_at :]
        snapshots = [snapshot for _, some in parts for snapshot in some]
        stored, left = sum(map(len, unseen.fresh)), len(unseen.rest or ())
        offered = sum(len(finished) for finished, _ in parts) - left
        running = self._still_running(snapshots, unseen.keys) if snapshots else {}
        return SpanPlan(
            unseen.fresh,
            running,
            self._ended(unseen) if self._open else [],
            WriteResult(stored, offered - stored),
            unseen.looked_at,
            unseen.rest,
        )

    def _ended(self, unseen: Unseen) -> list[Key]:
        later = set(each(unseen.rest.key_bytes())) if unseen.rest else ()
        return [this for this in self._open if this in unseen.keys and this not in later]

    def due(self, now_ns: int, grace: Grace) -> list[Key]:
        """Running spans that were not heard of for their grace."""
        return [k for k, kept in self._open.items() if kept.received_ns + grace.of(kept.imminent) <= now_ns]

    def plan_closing(self, due: list[Key]) -> SpanPlan:
        """Store these snapshots as what they have become."""
        found = run_with(self._database.writer, "keys", _key_stream(due), sql.query("open_spans"))
        batch = batch_of([json.loads(text) for (text,) in found])
        return SpanPlan([batch], {}, due, WriteResult(len(due), 0))

    def _unseen(self, batches: list[SpanBatch], most: int | None = None) -> Unseen:
        """The first of equal spans. With `most`: up to so many, the rest of that batch apart."""
        known = self._stored([b for b in batches if len(b) and b.start_range()[0] < self._since_ns])
        keys = self._recent.set_of(b"".join(known))
        fresh: list[SpanBatch] = []
        left = most
        for number, batch in enumerate(batches):
            rows = self._recent.unseen(batch.key_bytes(), keys)
            if left is not None and len(rows) >= left:
                fresh.append(_some(batch, rows[:left]))
                rest = batch.take(rows[left:]) if len(rows) > left else None
                return Unseen(fresh, keys, number + 1, rest)
            if rows:
                fresh.append(_some(batch, rows))
                left = left and left - len(rows)
        return Unseen(fresh, keys, len(batches), None)

    @property
    def _since_ns(self) -> int:
        """Spans that start before this may be stored without being remembered."""
        return _ALWAYS_NS if self._first else self._recent.since_ns

    def _stored(self, batches: list[SpanBatch]) -> frozenset[Key]:
        """Keys that the store holds already, among spans that may be older than memory reaches."""
        if not batches:
            return frozenset()
        offered = [batch.arrow() for batch in batches]
        since = {"since_ns": self._since_ns}
        ((earliest, latest, moved),) = run_with(
            self._database.writer, "offered", chunks(offered), sql.query("offered_starts"), since
        )
        # A start that its sender did not name is the time of receipt, and another one with the next delivery.
        slack = PAIR_SLACK_NS if moved else 0
        values = since | {"start_ns": earliest - slack, "end_ns": latest + slack + 1}
        found = self._database.retried(lambda: self._lookup(offered, values))
        return frozenset(trace_id.bytes + span_id.to_bytes(8, "big") for trace_id, span_id in found)

    def _lookup(self, offered: list[Any], values: dict[str, int]) -> list[Any]:
        text = sql.render("stored_keys", self._database.parts, values)
        return run_with(self._database.writer, "offered", chunks(offered), text, sql.used(text, values))

    def _still_running(self, snapshots: list[Snapshot], finished: KeySet) -> dict[Key, Snapshot]:
        """The latest snapshot of each span that is not stored yet, if it is later than the one kept."""
        latest: dict[Key, Snapshot] = {}
        for snapshot in sorted(snapshots, key=lambda snapshot: snapshot.taken_ns):
            this = key(snapshot.row["trace_id"], snapshot.row["span_id"])
            kept = self._open.get(this)
            if this not in finished and (kept is None or snapshot.taken_ns > kept.taken_ns):
                latest[this] = snapshot
        if not latest:
            return {}
        rows = batch_of([snapshot.row for snapshot in latest.values()])
        chunks(
            [rows.arrow()]
        )  # what a column could not hold is to be refused now, not when the span is closed
        unseen = {this for some in self._unseen([rows]).fresh for this in each(some.key_bytes())}
        return {this: snapshot for this, snapshot in latest.items() if this in unseen}

    # ------------------------------------------------------------ doing it

    def insert(self, plan: SpanPlan) -> None:
        """Within the writer's transaction, on the newest part."""
        connection = self._database.writer
        if plan.fresh:
            self._widen(plan.fresh)
            run_with(connection, "incoming", arrow.spans(plan.fresh), sql.query("insert_spans"))
        links = [found for batch in plan.fresh if (found := batch.links_arrow()) is not None]
        if links:
            run_with(connection, "incoming_links", chunks(links), sql.query("insert_links"))
        replaced = [*plan.ended, *(this for this in plan.running if this in self._open)]
        if replaced:
            run_with(connection, "keys", _key_stream(replaced), sql.query("delete_open_spans"))
        if plan.running:
            run_with(connection, "snapshots", _snapshot_stream(plan.running), sql.query("insert_open_spans"))

    def committed(self, plan: SpanPlan) -> None:
        self._first = False
        for batch in plan.fresh:
            self._recent.add(batch.key_bytes(), time.time_ns())
        for this in plan.ended:
            del self._open[this]
        for this, snapshot in plan.running.items():
            self._open[this] = Open(snapshot.taken_ns, snapshot.row["received_ns"], snapshot.imminent)

    def _widen(self, fresh: list[SpanBatch]) -> None:
        ranges = [batch.start_range() for batch in fresh]
        times = min(early for early, _ in ranges), max(late for _, late in ranges)
        for table in ("spans", "span_links"):
            self._database.parts.widen(self._database.parts.newest, table, times)


def _some(batch: SpanBatch, rows: list[int]) -> SpanBatch:
    return batch if len(rows) == len(batch) else batch.take(rows)


def _key_stream(keys: Sequence[Key]) -> Any:
    return stream(
        {
            "trace_id": ("hex128", [this[:16].hex() for this in keys]),
            "span_id": ("u64", [int.from_bytes(this[16:], "big") for this in keys]),
        }
    )


def _snapshot_stream(running: dict[Key, Snapshot]) -> Any:
    snapshots = list(running.values())
    columns: Table = {
        "trace_id": ("hex128", [s.row["trace_id"] for s in snapshots]),
        "span_id": ("u64", [s.row["span_id"] for s in snapshots]),
        "taken_ns": ("i64", [s.taken_ns for s in snapshots]),
        "received_ns": ("i64", [s.row["received_ns"] for s in snapshots]),
        "timeout_imminent": ("bool", [s.imminent for s in snapshots]),
        "span": ("text", [json.dumps(s.row, ensure_ascii=False) for s in snapshots]),
    }
    return stream(columns)
