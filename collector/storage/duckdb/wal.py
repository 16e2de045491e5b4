"""A damaged write-ahead log: noticed before DuckDB opens it, a copy kept aside, said loudly.

DuckDB opens a log with a torn tail at its last whole commit, refuses one with a tail of zeros, and
silently drops what follows a flipped length (RELIABILITY.md). Walking the frames tells these apart.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import struct
import time
from pathlib import Path

log = logging.getLogger(__name__)

_FRAME = struct.Struct("<QQ")  # size of the entry, checksum
_VERSION_ENTRY = b"\x64\x00\x62"
_LONGEST_HEADER = 256
_CORRUPT_ENTRY = re.compile(r"Corrupt WAL file: entry at byte position (\d+)")


def set_damage_aside(database: Path) -> Path | None:
    """Where the copy of a damaged log lies, or None if the log is whole or there is none.

    A tail of zeros (space the file system gave but never filled) is cut off, since it holds nothing and
    DuckDB would refuse to start; other damage is left to DuckDB, which keeps all whole commits before it.
    """
    path = database.with_name(database.name + ".wal")
    if not path.exists():
        return None
    good, size = _walk(path)
    if good == size:
        return None
    copy = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
    shutil.copyfile(path, copy)
    zeros = _only_zeros(path, good)
    if zeros:
        os.truncate(path, good)
    log.error(
        "%s is damaged: %d of its %d bytes are whole. %s A copy is kept as %s.",
        path,
        good,
        size,
        "The rest held only zeros and was cut off."
        if zeros
        else "What was written after that point may be lost.",
        copy,
    )
    return copy


def cut_before_corruption(database: Path, refusal: str) -> bool:
    """Whether the log could be cut so that opening it is worth another try.

    `refusal` is why DuckDB would not open the file: an entry whose checksum is wrong makes it refuse all of
    it, the checkpointed rows too. What lies before that entry is whole, and is kept.
    """
    named = _CORRUPT_ENTRY.search(refusal)
    path = database.with_name(database.name + ".wal")
    if not named or not 0 < int(named[1]) < path.stat().st_size:
        return False
    copy = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
    shutil.copyfile(path, copy)
    os.truncate(path, int(named[1]))
    log.error(
        "%s is damaged at byte %s: what was written from there on may be lost. A copy is kept as %s.",
        path,
        named[1],
        copy,
    )
    return True


def _walk(path: Path) -> tuple[int, int]:
    """(end of the last whole frame, size of the file)."""
    size = path.stat().st_size
    with path.open("rb") as file:
        at = _header_end(file.read(_LONGEST_HEADER))
        if not at:
            # A format this walk does not know: DuckDB is the judge, and nothing may be cut.
            return size, size
        while at < size:
            file.seek(at)
            frame = file.read(_FRAME.size)
            length = _FRAME.unpack(frame)[0] if len(frame) == _FRAME.size else 0
            if not length or at + _FRAME.size + length > size:
                break
            at += _FRAME.size + length
    return at, size


def _header_end(start: bytes) -> int:
    """Length of the version entry that opens a log, 0 if it is not one.

    Fields 100 (kind), 101 (version), 102 (the database's id, a list of small numbers) and 103 (checkpoint
    iteration), each a u16 field number and varints, then 0xffff.
    """
    if not start.startswith(_VERSION_ENTRY):
        return 0
    at = len(_VERSION_ENTRY)
    for field in (101, 102, 103):
        if start[at : at + 2] != field.to_bytes(2, "little"):
            return 0
        length = start[at + 2] if field == 102 and at + 2 < len(start) else 0
        at = _skip_varints(start, at + 2, 1 + length)
    return at + 2 if start[at : at + 2] == b"\xff\xff" else 0


def _skip_varints(data: bytes, at: int, count: int) -> int:
    for _ in range(count):
        while at < len(data) and data[at] & 0x80:  # it goes on while the top bit is set
            at += 1
        at += 1
    return at


def _only_zeros(path: Path, start: int) -> bool:
    with path.open("rb") as file:
        file.seek(start)
        return all(not any(chunk) for chunk in iter(lambda: file.read(1 << 20), b""))
