"""Copies of a data folder: a backup and its restore, a day as Parquet and its import. A server that has
the folder open copies it itself, asked by a file (errands.py); a folder nobody has open is opened for it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

from collector.errands import Errand, NotDone, ask, in_use
from collector.storage.base import StorageError
from collector.storage.duckdb import LOCK, DuckDBStorage, open_storage, restore

# Rules of alerts and decisions about errors (collector/control.py).
CONTROL = "control.sqlite"
_EXPORT = "export"


def errands_of(store: DuckDBStorage, data_dir: Path) -> dict[str, Errand]:
    """What a server does when it is asked. A day is asked for by the name of the folder it goes to."""
    return {
        "backup": lambda target: _back_up(store, data_dir, target),
        _EXPORT: lambda target: _export(store, target),
    }


def back_up(data_dir: Path, target: Path) -> str:
    """Copy everything that is stored to a new folder, whether or not a server runs; what was done, in a
    sentence. NotDone or StorageError, with a sentence, if it could not be."""
    return _have_done(data_dir, "backup", target, lambda store: _back_up(store, data_dir, target))


def export_day(data_dir: Path, day: str, folder: Path) -> str:
    """One Parquet file a table in folder/day, whether or not a server runs. As back_up."""
    target = folder / day
    return _have_done(data_dir, _EXPORT, target, lambda store: _export(store, target))


def import_day(data_dir: Path, source: Path) -> str:
    """Add an exported day, `.../2026-11-21`; only while no server runs. As back_up."""
    if in_use(data_dir / LOCK):
        raise NotDone(f"{data_dir} is open in a server: stop it to import")
    with contextlib.closing(open_storage(data_dir)) as store:
        result = store.import_day(source, source.name)
    return f"imported {result.stored} spans of {source.name}; {result.duplicates} were stored already"


def restore_to(backup: Path, data_dir: Path) -> str:
    """Make a data folder of a backup. StorageError if the folder holds a store, or the backup none. After a
    kill there is either no store, and it can be done again, or all of it."""
    names = restore(backup, data_dir, (CONTROL,))
    with contextlib.closing(open_storage(data_dir)) as store:
        stats = store.reader.stats()
    if stats.unreadable:
        raise StorageError(f"{', '.join(stats.unreadable)} of {backup} cannot be opened")
    return f"restored {stats.spans} spans in {len(names)} files to {data_dir}"


def _have_done(data_dir: Path, errand: str, target: Path, alone: Callable[[DuckDBStorage], str]) -> str:
    if not data_dir.is_dir():
        raise NotDone(f"there is no folder {data_dir}")
    if in_use(data_dir / LOCK):
        return ask(data_dir, errand, target, LOCK)
    with contextlib.closing(open_storage(data_dir)) as store:
        return alone(store)


def _back_up(store: DuckDBStorage, data_dir: Path, target: Path) -> str:
    def rules(folder: Path) -> None:
        if (data_dir / CONTROL).exists():
            _copy_sqlite(data_dir / CONTROL, folder / CONTROL)

    written = store.back_up(target, rules)
    return f"backed up {written} bytes to {target}"


def _export(store: DuckDBStorage, target: Path) -> str:
    rows = store.export_day(target.name, target)
    told = ", ".join(f"{rows[table]} {table}" for table in ("spans", "logs", "metric_points"))
    return f"exported {told} to {target}"


def _copy_sqlite(source: Path, target: Path) -> None:
    """As it is at one moment, while it is written to."""
    with (
        contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as original,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        original.backup(copy)
    target.chmod(0o600)
