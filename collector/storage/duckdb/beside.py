"""What the files beside the parts take on the disk: they count in what is kept by bytes."""

from __future__ import annotations

from collections.abc import Collection

from collector.storage.base import Signal
from collector.storage.duckdb import edgefile, keyfile, parts
from collector.storage.duckdb.database import Database


def bytes_of(database: Database, stored: Collection[Signal]) -> dict[Signal, int]:
    """By signal, among those that are stored: calls are of traces, keys of all of them."""
    if not stored:
        return {}
    signals = sorted(set(stored))
    sums = parts.size_of(edgefile.log_of(database.folder)) + _used(database)
    keys = parts.size_of(database.folder / keyfile.FILE) // len(signals)
    return {signal: keys + (sums if signal == "traces" else 0) for signal in signals}


def _used(database: Database) -> int:
    """Of the sums' file, without the blocks that wait to be written again: it never becomes smaller, and what
    is stored is not to go for that."""
    statement = (
        "SELECT free_blocks * block_size FROM pragma_database_size() WHERE database_name = 'edge_sums'"
    )
    ((free,),) = database.read(lambda c: c.execute(statement).fetchall())
    return max(parts.size_of(database.folder / edgefile.FILE) - int(free), 0)
