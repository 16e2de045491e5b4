"""The single writer: whole groups of batches, duplicates dropped, one transaction, errors told apart."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import duckdb

from collector import jsonvalue
from collector.model import COLUMN_NAMES, Resource, Scope, SpanBatch
from collector.storage.base import PAIR_SLACK_NS, Grace, Rejected, RetryLater, WriteResult
from collector.storage.duckdb import arrow, sql
from collector.storage.duckdb.database import Database, first_line
from collector.storage.duckdb.recent import DEFAULT_KEYS, Key, RecentKeys, key
from collector.storage.unfinished import Snapshot, batch_of, split

T = TypeVar("T")

# Below this a checkpoint could fail, and a failed checkpoint invalidates the database.
DISK_FLOOR_BYTES = 512 * 1024 * 1024
_DISK_LOOK_NS = 1_000_000_000

# What the data itself can be to blame for; anything else may pass on another try.
_REJECTING = (
    duckdb.ConversionException,
    duckdb.ConstraintException,
    duckdb.InvalidInputException,
    duckdb.OutOfRangeException,
    duckdb.TypeMismatchException,
)
# RELIABILITY.md: an errored COMMIT can be durable. Writing it again would count it twice.
_DURABLE = "COMMIT succeeded and is durable"
_INVALIDATED = "database has been invalidated"


class Open(NamedTuple):
    """What is remembered of a stored snapshot."""

    taken_ns: int
    received_ns: int
    imminent: bool


class DuckDBWriter:
    """Writes through the database's one writing connection, on one thread.

    A retry is recognised exactly: keys of recent spans are in memory, older ones are looked up in the store
    within PAIR_SLACK_NS of the offered start.
    """

    def __init__(
        self, database: Database, dedup_keys: int = DEFAULT_KEYS, disk_floor_bytes: int = DISK_FLOOR_BYTES
    ) -> None:
        self._database = database
        self._dedup_keys = dedup_keys
        self._disk_floor = disk_floor_bytes
        self._disk_seen_ns = 0
        self.duplicates = 0
        self._forget()

    def write(self, batches: Sequence[SpanBatch], mark: int | None = None) -> WriteResult:
        self._require_disk()
        group = _joined(batches)
        return self._persistently(lambda: self._write(group, mark))

    def close_unfinished(self, now_ns: int, grace: Grace) -> int:
        if not self._due(now_ns, grace):
            return 0
        self._require_disk()
        return self._persistently(lambda: self._close(self._due(now_ns, grace)))

    def _persistently(self, step: Callable[[], T]) -> T:
        try:
            return step()
        except (ValueError, OverflowError, TypeError) as error:  # a value its column cannot hold
            raise Rejected(f"the store does not take this data: {error}") from error
        except duckdb.Error as error:
            if not _fatal(error):
                raise _told_apart(error) from error
        # The engine must be reopened, and forgets nothing that was durable: what the failed try stored
        # after all is found in the store by the second one, because no key is taken as known any more.
        self._database.reopen()
        self._forget()
        try:
            return step()
        except duckdb.Error as error:
            raise RetryLater(f"the store failed twice: {first_line(error)}", 5.0) from error

    def mark(self) -> int:
        return self._mark

    def checkpoint(self) -> int:
        covered = self._mark  # read first: what is committed meanwhile may be in the files or not
        self._database.checkpoint()
        return covered

    def close(self) -> None:
        """Nothing is buffered: every `write` has committed or failed."""

    # ------------------------------------------------------------ steps

    def _forget(self) -> None:
        self._recent = RecentKeys(time.time_ns(), self._dedup_keys)
        rows = self._database.writer.execute("SELECT DISTINCT resource_id FROM resources").fetchall()
        self._resources = {row[0] for row in rows}
        rows = self._database.writer.execute("SELECT DISTINCT scope_id FROM scopes").fetchall()
        self._scopes = {row[0] for row in rows}
        kept = self._database.writer.execute(
            "SELECT trace_id, span_id, taken_ns, received_ns, timeout_imminent FROM open_spans"
        ).fetchall()
        self._mark: int = self._database.writer.execute("SELECT mark FROM watermark").fetchall()[0][0]
        self._open: dict[Key, Open] = {trace.int << 64 | span: Open(*rest) for trace, span, *rest in kept}

    def _require_disk(self) -> None:
        """Refuse before a checkpoint can fail for want of space. Looks at most once a second."""
        now = time.monotonic_ns()
        if self._disk_seen_ns and now - self._disk_seen_ns < _DISK_LOOK_NS:
            return
        free = shutil.disk_usage(self._database.folder).free
        if free < self._disk_floor:
            self._disk_seen_ns = 0
            raise RetryLater(
                f"only {free >> 20} MiB are free under {self._database.folder}; "
                f"writing stops below {self._disk_floor >> 20} MiB",
                30.0,
            )
        self._disk_seen_ns = now

    def _write(self, group: SpanBatch, mark: int | None) -> WriteResult:
        group, snapshots = split(group)
        rows, keys = self._unseen(group)
        duplicates = len(group) - len(rows)
        fresh = group if not duplicates else group.take(rows)
        running = self._still_running(snapshots, frozenset(keys)) if snapshots else {}
        if len(fresh) or running or mark is not None:
            self._commit(fresh, running, [this for this in keys if this in self._open], mark)
            self._recent.add(keys, time.time_ns())
            self._resources |= fresh.resources.keys()
            self._scopes |= fresh.scopes.keys()
        self.duplicates += duplicates
        return WriteResult(len(fresh), duplicates)

    def _still_running(self, snapshots: list[Snapshot], finished: frozenset[Key]) -> dict[Key, Snapshot]:
        """The latest snapshot of each span that is not stored yet, if it is later than the one kept."""
        latest: dict[Key, Snapshot] = {}
        for snapshot in sorted(snapshots, key=lambda snapshot: snapshot.taken_ns):
            this = key(snapshot.row["trace_id"], snapshot.row["span_id"])
            kept = self._open.get(this)
            if this not in finished and (kept is None or snapshot.taken_ns > kept.taken_ns):
                latest[this] = snapshot
        rows = batch_of([snapshot.row for snapshot in latest.values()])
        arrow.spans(rows)  # what a column could not hold is to be refused now, not when the span is closed
        unseen = set(self._unseen(rows)[1])
        return {this: snapshot for this, snapshot in latest.items() if this in unseen}

    def _due(self, now_ns: int, grace: Grace) -> list[Key]:
        return [k for k, kept in self._open.items() if kept.received_ns + grace.of(kept.imminent) <= now_ns]

    def _close(self, due: list[Key]) -> int:
        found = self._with("keys", _key_stream(due), sql.query("open_spans"))
        self._commit(batch_of([json.loads(text) for (text,) in found]), {}, due)
        self._recent.add(due, time.time_ns())
        return len(due)

    def _unseen(self, group: SpanBatch) -> tuple[list[int], list[Key]]:
        """Rows not stored yet, the first of equals, and their keys."""
        found: dict[Key, int] = {}
        trace_ids, span_ids = group.columns["trace_id"], group.columns["span_id"]
        for row, (trace_id, span_id) in enumerate(zip(trace_ids, span_ids)):
            this = key(trace_id, span_id)
            if this not in self._recent:
                found.setdefault(this, row)
        starts, since = group.columns["start_ns"], self._recent.since_ns
        old = [row for row in found.values() if starts[row] < since]
        stored = self._stored(group, old) if old else frozenset()
        kept = {this: row for this, row in found.items() if row not in stored}
        return list(kept.values()), list(kept)

    def _stored(self, group: SpanBatch, rows: list[int]) -> frozenset[int]:
        """Which rows the store holds already, among those that may be older than memory reaches."""
        columns = group.columns
        starts = [columns["start_ns"][row] for row in rows]
        offered: arrow.Table = {
            "row": ("u64", rows),
            "trace_id": ("hex128", [columns["trace_id"][row] for row in rows]),
            "span_id": ("u64", [columns["span_id"][row] for row in rows]),
        }
        bounds = {"earliest_ns": min(starts) - PAIR_SLACK_NS, "latest_ns": max(starts) + PAIR_SLACK_NS}
        found = self._with("offered", arrow.stream(offered), sql.query("stored_keys"), bounds)
        return frozenset(row for (row,) in found)

    def _commit(
        self, batch: SpanBatch, running: dict[Key, Snapshot], ended: list[Key], mark: int | None = None
    ) -> None:
        """Stores spans, snapshots and the mark, and forgets the snapshots of those that ended, in one
        transaction."""
        connection = self._database.writer
        connection.execute("BEGIN")
        try:
            self._insert(batch)
            replaced = [*ended, *(this for this in running if this in self._open)]
            if replaced:
                self._with("keys", _key_stream(replaced), sql.query("delete_open_spans"))
            if running:
                self._with("snapshots", _snapshot_stream(running), sql.query("insert_open_spans"))
            if mark is not None:
                connection.execute("UPDATE watermark SET mark = ?", [mark])
        except BaseException:
            _roll_back(connection)
            raise
        self._finish_commit(connection)
        self._mark = self._mark if mark is None else mark
        for this in ended:
            del self._open[this]
        for this, snapshot in running.items():
            self._open[this] = Open(snapshot.taken_ns, snapshot.row["received_ns"], snapshot.imminent)

    def _insert(self, batch: SpanBatch) -> None:
        if len(batch):
            self._with("incoming", arrow.spans(batch), sql.query("insert_spans"))
        links = _links(batch)
        if links["span_id"][1]:
            self._with("incoming_links", arrow.stream(links), sql.query("insert_links"))
        new = [r for r in batch.resources.values() if r.resource_id not in self._resources]
        if new:
            self._with("incoming_resources", arrow.resources(new), sql.query("insert_resources"))
        unknown = [scope for scope in batch.scopes.values() if scope.scope_id not in self._scopes]
        if unknown:
            self._with("incoming_scopes", arrow.scopes(unknown), sql.query("insert_scopes"))

    def _finish_commit(self, connection: Any) -> None:
        try:
            connection.execute("COMMIT")
        except duckdb.Error as error:
            if _DURABLE not in str(error):
                _roll_back(connection)
                raise
            self._database.reopen()

    def _with(
        self, name: str, stream: Any, statement: str, values: dict[str, Any] | None = None
    ) -> list[Any]:
        """Run a statement that reads the Arrow stream under that name."""
        connection = self._database.writer
        connection.register(name, stream)
        try:
            rows: list[Any] = connection.execute(statement, values or {}).fetchall()
            return rows
        finally:
            connection.unregister(name)


def _joined(batches: Sequence[SpanBatch]) -> SpanBatch:
    if len(batches) == 1:
        return batches[0]
    columns = {
        name: list(chain.from_iterable(b.columns[name] for b in batches if len(b))) for name in COLUMN_NAMES
    }
    resources: dict[int, Resource] = {}
    scopes: dict[int, Scope] = {}
    for batch in batches:
        resources.update(batch.resources)
        scopes.update(batch.scopes)
    return SpanBatch(columns, resources, sum(b.wire_bytes for b in batches), scopes)


def _links(batch: SpanBatch) -> arrow.Table:
    columns = batch.columns
    found = [
        (columns["trace_id"][row], columns["span_id"][row], columns["start_ns"][row], link)
        for row, text in enumerate(columns["links"])
        if text
        for link in jsonvalue.loads(text)
    ]
    return {
        "trace_id": ("hex128", [trace_id for trace_id, _, _, _ in found]),
        "span_id": ("u64", [span_id for _, span_id, _, _ in found]),
        "start_ns": ("i64", [start_ns for _, _, start_ns, _ in found]),
        "linked_trace_id": ("hex128", [link["trace_id"] for *_, link in found]),
        "linked_span_id": ("u64", [int(link["span_id"], 16) for *_, link in found]),
    }


def _key_stream(keys: Sequence[Key]) -> Any:
    return arrow.stream(
        {
            "trace_id": ("hex128", [f"{this >> 64:032x}" for this in keys]),
            "span_id": ("u64", [this & 2**64 - 1 for this in keys]),
        }
    )


def _snapshot_stream(running: dict[Key, Snapshot]) -> Any:
    snapshots = list(running.values())
    return arrow.stream(
        {
            "trace_id": ("hex128", [s.row["trace_id"] for s in snapshots]),
            "span_id": ("u64", [s.row["span_id"] for s in snapshots]),
            "taken_ns": ("i64", [s.taken_ns for s in snapshots]),
            "received_ns": ("i64", [s.row["received_ns"] for s in snapshots]),
            "timeout_imminent": ("bool", [s.imminent for s in snapshots]),
            "span": ("text", [json.dumps(s.row, ensure_ascii=False) for s in snapshots]),
        }
    )


def _roll_back(connection: Any) -> None:
    try:
        connection.execute("ROLLBACK")
    except duckdb.Error:  # the failed statement ended the transaction, or the database: there is none left
        return


def _fatal(error: duckdb.Error) -> bool:
    return isinstance(error, duckdb.FatalException) or _INVALIDATED in str(error)


def _told_apart(error: duckdb.Error) -> Rejected | RetryLater:
    if isinstance(error, _REJECTING):
        return Rejected(f"the store does not take this data: {first_line(error)}")
    return RetryLater(f"the store could not write: {first_line(error)}")
