"""One opened data folder: the engine with every part attached, the writing connection, a cursor per reading
thread, reopening when it must be."""

from __future__ import annotations

import fcntl
import functools
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import duckdb

from collector.storage.base import RetryLater, StorageError
from collector.storage.duckdb import (
    edgefile,
    keyfile,
    legacy,
    parts,
    pins,
    putback,
    restoring,
    schema_version,
    sql,
    wal,
)
from collector.storage.duckdb.parts import Part
from collector.storage.duckdb.reads import Reads

log = logging.getLogger(__name__)
T = TypeVar("T")

LOCK = "tracekit.lock"
_DRAFT = ".draft"  # of a part that takes the place of another; none after a restart
# More turns than a part that cannot be read may be ahead: of two of one turn one replaces the other.
_TURNS_UNREADABLE = 10_000
# A query may name a part that is dropped before it runs: then it is put together once more.
_TRIES = 5
# Copied whatever is left out: what rows refer to, and which payloads were received lately.
_OF_ALL = ("resources", "scopes", "payload_digests")
_LOCK_TRIES, _LOCK_PAUSE_S = 10, 0.02
# What runs while the store is closed is interrupted until it has noticed.
_CLOSE_WITHIN_S, _CLOSE_PAUSE_S = 10.0, 0.02


class Sampling(Protocol):
    """What is left out of a part that is rewritten (sampling.py)."""

    @property
    def one_of(self) -> int: ...

    def fill(self, new: Part, connection: Any) -> None:
        """Copy what is kept to the new part, within a transaction."""
        ...


class DataFolderInUse(StorageError):
    """Another process has the data folder open; DuckDB allows one."""


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """`memory_limit` bounds the buffers of DuckDB, readers and writer together. `threads` 0: one a core."""

    memory_limit: str = "512MiB"
    threads: int = 0


class Database:
    """Opens `folder`, or raises DataFolderInUse, IncompatibleSchema or StorageError.

    A part that cannot be opened does not keep the others from being read: it is left where it is, said
    loudly, and counted in `unreadable`.
    """

    def __init__(self, folder: Path, options: DatabaseOptions, day: str) -> None:
        self.folder = folder
        self.parts = parts.Catalogue()
        self.unreadable: tuple[str, ...] = ()
        self._options = options
        self._lock = threading.Lock()
        self._checkpointing = threading.Lock()
        self._naming = threading.Lock()
        self._local = threading.local()
        self._reads = Reads()
        self._cursors: list[Any] = []
        self._generation = 0
        self._closed = False
        self._left: list[Part] = []  # dropped or replaced, and not detached yet
        folder.mkdir(parents=True, exist_ok=True)
        self._lock_file = _lock_folder(folder)
        try:
            restoring.finish(folder)
            self._adopt_legacy()
            self._root = self._open(day)
        except BaseException:
            os.close(self._lock_file)
            raise

    # ------------------------------------------------------------ use

    @property
    def writer(self) -> Any:
        """The one connection that writes; names without a part mean the newest. Only the writer's thread
        uses it."""
        return self._root

    def read(self, query: Callable[[Any], T]) -> T:
        """Run a query on this thread's own cursor. RetryLater while the engine is being reopened.

        `query` is called again if a part it named was dropped meanwhile, so it must put its SQL together
        from `parts` each time."""

        def step() -> T:
            with self._reads.running(self._cursor()) as cursor:
                return query(cursor)

        return self._answered(step)

    def _undisturbed(self, statement: str) -> None:
        """Run one statement on this thread's own cursor; the end of reads does not interrupt it."""
        self._answered(lambda: self._cursor().execute(statement))

    def _answered(self, step: Callable[[], T]) -> T:
        try:
            return self.retried(step)
        except (duckdb.ConnectionException, duckdb.OutOfMemoryException, duckdb.FatalException) as error:
            raise RetryLater(f"the store cannot answer right now: {first_line(error)}") from error

    def end_reads(self, within_s: float) -> bool:
        """The process is about to end: queries that run are interrupted, and none begins any more. The writer
        goes on, and so does a checkpoint that has begun. False if one still runs after `within_s`."""
        return self._reads.end(within_s)

    def retried(self, step: Callable[[], T]) -> T:
        """Do it, and again where a part that it named was dropped before it ran."""
        for _ in range(_TRIES):
            known = self.parts.all
            try:
                return step()
            except (duckdb.CatalogException, duckdb.BinderException):
                if self.parts.all == known:
                    raise
        raise RetryLater("the store's files keep changing")

    def rows(self, name: str, values: dict[str, Any], **structure: Any) -> list[tuple[Any, ...]]:
        """All rows of a query of queries/, rendered for the parts there are; of the values those that it
        names. Raises as `read`."""

        def query(connection: Any) -> list[tuple[Any, ...]]:
            text = sql.render(name, self.parts, values, **structure)
            found: list[tuple[Any, ...]] = connection.execute(text, sql.used(text, values)).fetchall()
            return found

        return self.read(query)

    def checkpoint(self) -> None:
        """Bring every log into its file, on this thread's own cursor. FORCE waits for the write that is going
        on and aborts none; later writes wait for it in turn, readers do not."""
        with self._checkpointing:
            for part in self.parts.all:
                if parts.size_of(part.log):
                    self._checkpoint(part)

    def _checkpoint(self, part: Part) -> None:
        self._reads.require_open()  # closing brings the logs in, too
        try:
            self._undisturbed(f"FORCE CHECKPOINT {part.sql}")
        except duckdb.Error as error:
            raise RetryLater(f"{part.path} could not be checkpointed: {first_line(error)}") from error

    def log_bytes(self) -> int:
        return sum(parts.size_of(part.log) for part in self.parts.all)

    def bytes_on_disk(self) -> int:
        """Of everything that is stored, and what is worked out from it."""
        beside = (
            edgefile.log_of(self.folder),
            *(self.folder / file for file in (edgefile.FILE, keyfile.FILE)),
        )
        return sum(part.bytes_on_disk() for part in self.parts.all) + sum(map(parts.size_of, beside))

    # ------------------------------------------------------------ parts

    def begin_part(self, day: str) -> Part:
        """Another part, empty and the newest from now on; on the writer's thread. What lives in the newest
        part only (running spans, the watermark) is carried over, in one transaction: a part that did not come
        to that is none after a restart."""
        with self._naming:
            part = self._create(self._root, day)
        self.parts.add(part)
        return part

    def drop(self, part: Part) -> None:
        """Forget a part and give its bytes back. Queries that run on it already finish undisturbed."""
        self._leave(part, None)

    def rewrite(
        self, part: Part, tables: Sequence[str], more: Sequence[str] = (), sampling: Sampling | None = None
    ) -> Part:
        """Replace a part that is not written any more by one that holds only these tables and what they refer
        to; `more` tables are filled by the `sampling`. The part that takes its place; whenever this is
        interrupted, one of both is whole and counts (_settled)."""
        with self._naming:
            name = parts.free_name(self.folder, part.day)
            one_of = sampling.one_of if sampling else part.one_of
            new = Part(name, self.folder / (name + parts.SUFFIX), part.turn, one_of)
            draft = new.path.with_name(new.path.name + _DRAFT)
            self.statement(f"ATTACH '{quoted(draft)}' AS {new.sql}")
        try:
            self.transact(functools.partial(_copy, part, new, tables, sampling))
            self.statement(f"CHECKPOINT {new.sql}")
        except BaseException:
            self._give_up_draft(draft, new)
            raise
        self.statement(f"DETACH {new.sql}")
        draft.rename(new.path)
        self.statement(f"ATTACH '{quoted(new.path)}' AS {new.sql}")
        for table in (*tables, *more):
            times = self.parts.times(part, table)
            if times:
                self.parts.widen(new, table, times)
        self._leave(part, new)
        return new

    def pinned_part(self) -> Part:
        """The part that pinned traces are moved to, made if there is none."""
        part = self.parts.pinned
        if part is None:
            path = self.folder / (parts.PINNED + parts.SUFFIX)
            part = Part(parts.PINNED, path, 0)
            self.statement(f"ATTACH '{quoted(path)}' AS {part.sql}")
            self.transact(functools.partial(pins.begin, part))
            self.parts.add(part)
        return part

    def transact(self, step: Callable[[Any], T]) -> T:
        """Run statements that write to a part other than the newest, in one transaction, on this thread's own
        cursor. RetryLater if it could not be done, and nothing was."""

        def run(connection: Any) -> T:
            connection.execute("BEGIN")
            try:
                result = step(connection)
            except BaseException:
                roll_back(connection)
                raise
            connection.execute("COMMIT")
            return result

        try:
            return self.read(run)
        except duckdb.Error as error:
            raise RetryLater(f"the store could not write: {first_line(error)}") from error

    def statement(self, statement: str) -> None:
        """Run one statement on this thread's own cursor. RetryLater if it could not be done."""
        try:
            self._undisturbed(statement)
        except duckdb.Error as error:
            raise RetryLater(f"the store could not do this now: {first_line(error)}") from error

    def _give_up_draft(self, draft: Path, new: Part) -> None:
        """It is tried again every half minute: what is left behind each time would fill the disk."""
        try:
            self.statement(f"DETACH {new.sql}")
        except RetryLater as error:  # an engine that is opened anew removes it
            log.warning("%s stays behind: %s", draft, error)
            return
        _unlink(draft)

    def _leave(self, part: Part, instead: Part | None) -> None:
        """No query sees it from now on. If the engine does not let it go, that is tried again."""
        self.parts.remove(part, instead)
        self._left.append(part)
        try:
            self.let_go()
        except RetryLater as error:
            log.warning("the bytes of %s are given back later: %s", part.path, error)

    def let_go(self) -> None:
        """Detach and unlink parts that were dropped or replaced. RetryLater if that cannot be done now."""
        with self._checkpointing:
            for part in tuple(self._left):
                self.statement(f"DETACH DATABASE IF EXISTS {part.sql}")
                self.parts.remove(part)  # an engine opened anew meanwhile may have found it again
                _unlink(part.path)
                self._left = [other for other in self._left if other != part]

    def _create(self, connection: Any, day: str) -> Part:
        name = parts.free_name(self.folder, day)
        path = self.folder / (name + parts.SUFFIX)
        before = self.parts.written[-1:]
        turn = (before[0].turn if before else 0) + (_TURNS_UNREADABLE if self.unreadable else 1)
        part = Part(name, path, turn)
        connection.execute(f"ATTACH '{quoted(path)}' AS {part.sql}")
        try:
            connection.execute(f"USE {part.sql}")
            connection.execute("BEGIN")
            schema_version.create(connection)
            for statement in _carried_over(before[0]) if before else ():
                connection.execute(statement)
            connection.execute("UPDATE watermark SET turn = ?, since = mark", [part.turn])
            connection.execute("COMMIT")
        except BaseException:
            self._abandon(connection, part, before)
            raise
        return part

    def _abandon(self, connection: Any, part: Part, before: tuple[Part, ...]) -> None:
        roll_back(connection)
        try:
            connection.execute(f"USE {before[0].sql if before else 'memory'}")
            connection.execute(f"DETACH {part.sql}")
        except duckdb.Error as error:  # an invalidated engine: the file stays, and counts as never begun
            log.warning("%s stays behind: %s", part.path, first_line(error))
            return
        _unlink(part.path)

    # ------------------------------------------------------------ life

    def reopen(self) -> None:
        """Close everything and open again: the only cure for an invalidated database."""
        with self._lock:
            if self._closed:
                raise RetryLater("the store is closed")
            log.warning("reopening %s after a fatal error of the engine", self.folder)
            self._close_connections()
            try:
                self._root = self._open(self.parts.newest.day)
            except (duckdb.Error, StorageError) as error:
                raise RetryLater(f"the store could not be reopened: {first_line(error)}", 5.0) from error

    def close(self) -> None:
        """Idempotent. Checkpoints, so that the next start has no log to replay. What still runs is
        interrupted, the writer, too."""
        with self._checkpointing, self._lock:
            if self._closed:
                return
            self._closed = True
            self._close_connections()
            os.close(self._lock_file)

    def _open(self, day: str) -> Any:
        """An engine with all parts attached, the newest in use; begins one where there is none."""
        connection = duckdb.connect(":memory:", config=self._config())
        try:
            self._attach_all(connection)
            edgefile.attach(connection, self.folder)
            if self.parts.written:
                connection.execute(f"USE {self.parts.newest.sql}")
            else:
                self.parts.add(self._create(connection, day))
        except BaseException:
            connection.close()
            raise
        return connection

    def _attach_all(self, connection: Any) -> None:
        attached: list[Part] = []
        unreadable: list[str] = []
        times: dict[tuple[str, str], parts.Times] = {}
        for draft in self.folder.glob("*" + _DRAFT + "*"):
            draft.unlink()
        left, self._left = self._left, []
        for part in left:  # nothing has them open now, and nobody is to find them again
            _unlink(part.path)
        for path in parts.found_in(self.folder):
            try:
                found = self._attach(connection, path)
            except duckdb.Error as error:
                if "lock" in str(error).lower():
                    raise DataFolderInUse(_in_use(self.folder)) from error
                unreadable.append(path.name)
                log.error("%s cannot be opened and is left out, untouched: %s", path, first_line(error))
                continue
            if found is not None:
                attached.append(found)
                times |= _times(connection, found)
        self.parts.replace(_settled(connection, attached), times)
        self.unreadable = tuple(unreadable)

    def _attach(self, connection: Any, path: Path) -> Part | None:
        """None for one that was never begun: a kill came between its creation and its first transaction."""
        wal.set_damage_aside(path)
        alias = f'"{path.stem}"'
        connection.execute("USE memory")
        attach = f"ATTACH '{quoted(path)}' AS {alias}"
        try:
            connection.execute(attach)
        except duckdb.Error as error:
            if not wal.cut_before_corruption(path, str(error)):
                raise
            connection.execute(attach)
        connection.execute(f"USE {alias}")
        if not schema_version.tables(connection):
            connection.execute("USE memory")
            connection.execute(f"DETACH {alias}")
            _unlink(path)
            return None
        schema_version.bring_up_to_date(connection, str(path))
        ((turn, one_of),) = connection.execute("SELECT turn, one_of FROM watermark, tail_sampling").fetchall()
        return Part(path.stem, path, turn, one_of)

    def _adopt_legacy(self) -> None:
        try:
            legacy.adopt(self.folder, self._config())
        except duckdb.IOException as error:
            if "lock" in str(error).lower():
                raise DataFolderInUse(_in_use(self.folder)) from error
            raise StorageError(
                f"{self.folder / parts.LEGACY} cannot be opened: {first_line(error)}"
            ) from error
        except duckdb.Error as error:
            raise StorageError(
                f"{self.folder / parts.LEGACY} cannot be opened: {first_line(error)}"
            ) from error

    def _config(self) -> dict[str, str | bool | int | float | list[str]]:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": self._options.memory_limit,
            # Checkpoints are ours to time (care.py): within a commit they would hold up the writer.
            "checkpoint_threshold": "1TB",
            "temp_directory": str(self.folder / "tmp"),
            # Nothing may be fetched from a network, whatever a query names.
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
        if self._options.threads:
            config["threads"] = str(self._options.threads)
        return config

    def _cursor(self) -> Any:
        if getattr(self._local, "generation", None) != self._generation:
            with self._lock:
                if self._closed:
                    raise RetryLater("the store is closed")
                self._local.cursor = self._root.cursor()
                self._local.generation = self._generation
                self._cursors.append(self._local.cursor)
        return self._local.cursor

    def _close_connections(self) -> None:
        self._generation += 1
        until = time.monotonic() + _CLOSE_WITHIN_S
        for connection in (*self._cursors, self._root):
            _close(connection, until)
        self._cursors.clear()


def _close(connection: Any, until: float) -> None:
    """A connection refuses to close while something runs there, and keeps the engine open: that is ended."""
    while True:
        try:
            connection.close()
            return
        except duckdb.ResourceInUseException as error:
            if time.monotonic() > until:
                log.error("the store could not be closed: %s", first_line(error))
                return
            connection.interrupt()
            time.sleep(_CLOSE_PAUSE_S)
        except duckdb.Error as error:  # an invalidated database complains while it goes
            log.info("while closing: %s", first_line(error))
            return


def first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:300]


def roll_back(connection: Any) -> None:
    try:
        connection.execute("ROLLBACK")
    except duckdb.InterruptException:  # reads are being ended
        roll_back(connection)
    except duckdb.Error:  # the failed statement ended the transaction, or the database: there is none left
        return


def _settled(connection: Any, attached: list[Part]) -> list[Part]:
    """Finish what a kill interrupted: of two parts of one turn the later was to take the place of the
    earlier, and pinned traces of a part were moved but not yet deleted there. And count once what a part
    holds that could not be read for a while."""
    connection.execute("USE memory")  # what is in use cannot be detached
    kept: dict[tuple[str, int], Part] = {}
    for part in sorted(attached, key=lambda part: parts.number_of(part.name)):
        earlier = kept.get((part.day, part.turn))
        kept[part.day, part.turn] = part
        if earlier is not None:
            connection.execute(f"DETACH {earlier.sql}")
            _unlink(earlier.path)
    found = list(kept.values())
    putback.count_once(connection, found)
    if any(part.name == parts.PINNED for part in found):
        pins.finish_moves(connection, found)
    return found


def _copy(part: Part, new: Part, tables: Sequence[str], sampling: Sampling | None, connection: Any) -> None:
    connection.execute(f"USE {new.sql}")
    try:
        schema_version.create(connection)
        for table in (*tables, *_OF_ALL):
            connection.execute(f"INSERT INTO {new.sql}.{table} BY NAME FROM {part.sql}.{table}")
        if sampling:
            sampling.fill(new, connection)
        connection.execute(f"DELETE FROM {new.sql}.watermark")
        connection.execute(f"INSERT INTO {new.sql}.watermark BY NAME FROM {part.sql}.watermark")
        connection.execute(f"UPDATE {new.sql}.tail_sampling SET one_of = ?", [new.one_of])
    finally:
        connection.execute("USE memory")


def _unlink(path: Path) -> None:
    """A part's file and its log, the log first: without its file it would be the log of nothing."""
    for file in (path.with_name(path.name + ".wal"), path):
        file.unlink(missing_ok=True)


def _times(connection: Any, part: Part) -> dict[tuple[str, str], parts.Times]:
    found = {}
    for table, column in parts.TIMED.items():
        statement = f"SELECT min({column}), max({column}) FROM {part.sql}.{table}"
        ((earliest, latest),) = connection.execute(statement).fetchall()
        if earliest is not None:
            found[part.name, table] = (earliest, latest)
    return found


def _carried_over(before: Part) -> tuple[str, ...]:
    """Statements that fill a new part with what the part before it must hand on."""
    carried = []
    for table, key in (("resources", "resource_id"), ("scopes", "scope_id")):
        wanted = f"SELECT (span ->> '{key}')::UBIGINT FROM {before.sql}.open_spans"
        carried.append(f"INSERT INTO {table} SELECT * FROM {before.sql}.{table} WHERE {key} IN ({wanted})")
    return (
        *carried,
        f"INSERT INTO open_spans SELECT * FROM {before.sql}.open_spans",
        f"UPDATE watermark SET mark = (SELECT mark FROM {before.sql}.watermark)",
    )


def quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _lock_folder(folder: Path) -> int:
    """An flock of ours before DuckDB's fcntl lock: that one is lost when this process opens and closes the
    file (wal.py does), and does not keep two engines of one process apart."""
    descriptor = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # perhaps only somebody who looks whether it is taken (errands.in_use)
            time.sleep(_LOCK_PAUSE_S)
        else:
            return descriptor
    os.close(descriptor)
    raise DataFolderInUse(_in_use(folder))


def _in_use(folder: Path) -> str:
    return f"{folder} is open in another process: stop that tracekit, or choose another folder with --data"
