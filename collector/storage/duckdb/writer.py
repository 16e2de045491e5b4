"""The single writer: whole groups of batches, one transaction on the newest part, errors told apart."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import duckdb

from collector.batch import Batch
from collector.model import SpanBatch
from collector.storage.base import BlockResult, Grace, Rejected, RetryLater, WriteResult
from collector.storage.duckdb.database import Database, first_line, roll_back
from collector.storage.duckdb.origins import Origins
from collector.storage.duckdb.parts import day_of
from collector.storage.duckdb.recent import DEFAULT_KEYS, KeySet, PythonKeySet
from collector.storage.duckdb.signals import LogTable, MetricTable
from collector.storage.duckdb.span_table import SpanTable

T = TypeVar("T")

# Below this a checkpoint could fail, and a failed checkpoint invalidates the database.
DISK_FLOOR_BYTES = 512 * 1024 * 1024
# A part that has grown to this is followed by another one of the same day.
PART_BYTES = 4 * 2**30
_LOOK_NS = 1_000_000_000
# The engine's row group. One that comes whole in a transaction is compressed and written to its place at
# once: 2.5 µs of processor time a span. What comes in smaller pieces goes through the engine's log first and
# is compressed, and compressed again, at checkpoints: 7 µs.
BLOCK_SPANS = 122_880

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


class DuckDBWriter:
    """Writes through the database's one writing connection, on one thread.

    Each signal has a table object that plans (what is new of these batches?), inserts within the transaction,
    and remembers what was committed; it is told to `forget` that when the files were opened anew, and when a
    new part was `begun`.
    """

    def __init__(
        self,
        database: Database,
        dedup_keys: int = DEFAULT_KEYS,
        disk_floor_bytes: int = DISK_FLOOR_BYTES,
        part_bytes: int = PART_BYTES,
        clock: Callable[[], int] = time.time_ns,
        make_keys: Callable[[], KeySet] = PythonKeySet,
    ) -> None:
        self._database = database
        self._disk_floor = disk_floor_bytes
        self._part_bytes = part_bytes
        self._clock = clock
        self._looked_ns = 0
        self._part_is_full = False
        self.duplicates = 0
        self._origins = Origins(database)
        self._spans = SpanTable(database, dedup_keys, make_keys)
        self._signals: tuple[Any, ...] = (self._spans, LogTable(database), MetricTable(database))
        self._read_mark()

    def write(self, batches: Sequence[Batch], mark: int | None = None) -> WriteResult:
        self._look_around()
        return self._persistently(lambda: self._write(batches, mark))

    @property
    def block_spans(self) -> int:
        return BLOCK_SPANS

    def write_block(self, batches: Sequence[Batch], marks: Sequence[int]) -> BlockResult:
        self._look_around()
        return self._persistently(lambda: self._write_block(batches, marks))

    def close_unfinished(self, now_ns: int, grace: Grace) -> int:
        if not self._spans.due(now_ns, grace):
            return 0
        self._look_around()
        return self._persistently(lambda: self._close(now_ns, grace))

    def mark(self) -> int:
        return self._mark

    def checkpoint(self) -> int:
        covered = self._mark  # read first: what is committed meanwhile may be in the files or not
        self._database.checkpoint()
        return covered

    def log_bytes(self) -> int:
        return self._database.log_bytes()

    def close(self) -> None:
        """Nothing is buffered: every `write` has committed or failed."""

    # ------------------------------------------------------------ steps

    def _persistently(self, step: Callable[[], T]) -> T:
        try:
            return step()
        except (ValueError, OverflowError) as error:  # a value its column cannot hold
            raise Rejected(f"the store does not take this data: {error}") from error
        except duckdb.Error as error:
            if not _fatal(error):
                raise _told_apart(error) from error
        # The engine must be reopened, and forgets nothing that was durable: what the failed try stored
        # after all is found in the store by the second one, because no key is taken as known any more.
        self._reopen()
        try:
            return step()
        except duckdb.Error as error:
            raise RetryLater(f"the store failed twice: {first_line(error)}", 5.0) from error

    def _reopen(self) -> None:
        self._database.reopen()
        self._forget()

    def _forget(self) -> None:
        self._origins.forget()
        for signal in self._signals:
            signal.forget()
        self._read_mark()

    def _read_mark(self) -> None:
        self._mark: int = self._database.writer.execute("SELECT mark FROM watermark").fetchall()[0][0]

    def _look_around(self) -> None:
        """Refuse before a checkpoint can fail for want of space. Looks at most once a second."""
        now = time.monotonic_ns()
        if self._looked_ns and now - self._looked_ns < _LOOK_NS:
            return
        free = shutil.disk_usage(self._database.folder).free
        if free < self._disk_floor:
            self._looked_ns = 0
            raise RetryLater(
                f"only {free >> 20} MiB are free under {self._database.folder}; "
                f"writing stops below {self._disk_floor >> 20} MiB",
                30.0,
            )
        self._part_is_full = self._database.parts.newest.bytes_on_disk() >= self._part_bytes
        self._looked_ns = now

    def _write(self, batches: Sequence[Batch], mark: int | None) -> WriteResult:
        self._begin_part_if_due()
        plans = [(s, s.plan([b for b in batches if isinstance(b, s.takes)])) for s in self._signals]
        return self._carry_out(batches, plans, mark)

    def _write_block(self, batches: Sequence[Batch], marks: Sequence[int]) -> BlockResult:
        self._begin_part_if_due()
        spans = {place: batch for place, batch in enumerate(batches) if isinstance(batch, SpanBatch)}
        places = list(spans)
        plan = self._spans.plan(list(spans.values()), self.block_spans)
        # What follows the last span that fills the block comes with the next one.
        end = places[plan.planned - 1] + 1 if plan.planned < len(places) or plan.rest else len(batches)
        whole = end - 1 if plan.rest else end
        taken, others = batches[:end], self._signals[1:]
        plans = [(s, s.plan([b for b in taken if isinstance(b, s.takes)])) for s in others]
        mark = marks[whole - 1] if whole else None
        result = self._carry_out(taken, [(self._spans, plan), *plans], mark)
        return BlockResult(result, whole, plan.rest)

    def _carry_out(
        self, batches: Sequence[Batch], plans: Sequence[tuple[Any, Any]], mark: int | None
    ) -> WriteResult:
        if mark is not None or any(plan.changes for _, plan in plans):
            self._commit(batches, plans, mark)
        stored = sum(plan.result.stored for _, plan in plans)
        duplicates = sum(plan.result.duplicates for _, plan in plans)
        self.duplicates += duplicates
        return WriteResult(stored, duplicates)

    def _close(self, now_ns: int, grace: Grace) -> int:
        self._begin_part_if_due()
        due = self._spans.due(now_ns, grace)
        if due:
            self._commit((), [(self._spans, self._spans.plan_closing(due))], None)
        return len(due)

    def _begin_part_if_due(self) -> None:
        today = day_of(self._clock())
        if today != self._database.parts.newest.day or self._part_is_full:
            self._database.begin_part(today)
            self._part_is_full = False
            self._origins.forget()
            for signal in self._signals:
                signal.begun()

    def _commit(self, batches: Sequence[Batch], plans: Sequence[tuple[Any, Any]], mark: int | None) -> None:
        """All rows, what sent them, and the mark in one transaction."""
        connection = self._database.writer
        connection.execute("BEGIN")
        try:
            self._origins.insert(batches)
            for signal, plan in plans:
                signal.insert(plan)
            if mark is not None:
                connection.execute("UPDATE watermark SET mark = ?", [mark])
        except BaseException:
            roll_back(connection)
            raise
        reopen = self._finish_commit(connection)
        self._origins.committed(batches)
        for signal, plan in plans:
            signal.committed(plan)
        self._mark = self._mark if mark is None else mark
        if reopen:
            self._reopen()

    def _finish_commit(self, connection: Any) -> bool:
        """Whether the engine must be reopened although the commit is durable."""
        try:
            connection.execute("COMMIT")
        except duckdb.Error as error:
            if _DURABLE not in str(error):
                roll_back(connection)
                raise
            return True
        return False


def _fatal(error: duckdb.Error) -> bool:
    """Whether only opening anew helps: a connection is closed where that was tried and failed."""
    gone = isinstance(error, (duckdb.FatalException, duckdb.ConnectionException))
    return gone or _INVALIDATED in str(error)


def _told_apart(error: duckdb.Error) -> Rejected | RetryLater:
    if isinstance(error, _REJECTING):
        return Rejected(f"the store does not take this data: {first_line(error)}")
    return RetryLater(f"the store could not write: {first_line(error)}")
