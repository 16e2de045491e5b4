"""One file of the journal, written through once before its first use so that no append changes its metadata.

A file that grows pays for metadata at each fdatasync: its 99th percentile is two to five times worse. But
writing one through takes as long as twenty such appends: where none is ready, one is begun that is not.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from collector.folders import sync_folder
from collector.journal.record import Bytes, end_mark

# The first block holds the segment's header alone, so that no record shares a sector with it.
DATA_OFFSET = 4096
_MAGIC = b"TKJSEG1\n"
_FIELDS = struct.Struct("<8sQQQ")  # magic, base, capacity, previous end
_CRC = struct.Struct("<I")
_ZEROS = bytes(1 << 20)
# Linux takes 1,024 buffers in one call.
_MOST_BUFFERS = 1_000


class Segment:
    """Positions [base, base + capacity) of the journal, while it is in use.

    `previous_end` is where the segment before it ended: what is missing between the two can be told.
    """

    def __init__(self, path: Path, descriptor: int, capacity: int) -> None:
        self.path = path
        self.capacity = capacity
        self.base = 0
        self.end = 0
        self._descriptor = descriptor

    @classmethod
    def create(cls, path: Path, capacity: int) -> Segment:
        """A new file of zeros, durable with its name. OSError if there is no room."""
        return cls._made(path, capacity, _write_through)

    @classmethod
    def sparse(cls, path: Path, capacity: int) -> Segment:
        """A new file without content, its name durable: there at once, but each append pays for metadata
        until the file is used again."""
        return cls._made(path, capacity, os.ftruncate)

    @classmethod
    def _made(cls, path: Path, capacity: int, fill: Callable[[int, int], None]) -> Segment:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o640)
        try:
            fill(descriptor, DATA_OFFSET + capacity)
            sync_folder(path.parent)
        except BaseException:
            os.close(descriptor)
            path.unlink()
            raise
        return cls(path, descriptor, capacity)

    @classmethod
    def reuse(cls, path: Path) -> Segment:
        """A file whose content is no longer needed."""
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        return cls(path, descriptor, path.stat().st_size - DATA_OFFSET)

    @property
    def room(self) -> int:
        return self.base + self.capacity - self.end

    def begin(self, base: int, previous_end: int) -> None:
        """Start over at this position. Durable with the first `append`."""
        fields = _FIELDS.pack(_MAGIC, base, self.capacity, previous_end)
        header = fields + _CRC.pack(zlib.crc32(fields))
        self._write_all([header + bytes(DATA_OFFSET - len(header)), end_mark(base)], 0)
        self.base = self.end = base

    def append(self, buffers: Sequence[bytes], length: int) -> None:
        """Write these at the end and make them durable. OSError leaves `end` where it was."""
        end = self.end + length
        self._write_all([*buffers, end_mark(end)], DATA_OFFSET + self.end - self.base)
        os.fdatasync(self._descriptor)
        self.end = end

    def close(self) -> None:
        os.close(self._descriptor)

    def _write_all(self, buffers: list[bytes], at: int) -> None:
        for first in range(0, len(buffers), _MOST_BUFFERS):
            part = buffers[first : first + _MOST_BUFFERS]
            total = sum(map(len, part))
            written = os.pwritev(self._descriptor, part, at)
            if written < total:  # a signal, or a file system at its limit: the rest in one piece
                self._write_rest(b"".join(part)[written:], at + written)
            at += total

    def _write_rest(self, rest: bytes, at: int) -> None:
        view = memoryview(rest)
        while view:
            written = os.pwrite(self._descriptor, view, at)
            view, at = view[written:], at + written


def _write_through(descriptor: int, size: int) -> None:
    while size:
        size -= os.write(descriptor, _ZEROS[:size])
    os.fsync(descriptor)


class SegmentHeader(NamedTuple):
    """`previous_end` is None where the header is damaged and the rest was read off the records."""

    base: int
    capacity: int
    previous_end: int | None


def header_of(data: Bytes) -> SegmentHeader | None:
    """None if the header is damaged or was never written."""
    if len(data) < _FIELDS.size + _CRC.size:
        return None
    magic, base, capacity, previous_end = _FIELDS.unpack_from(data, 0)
    (crc,) = _CRC.unpack_from(data, _FIELDS.size)
    if magic != _MAGIC or zlib.crc32(data[: _FIELDS.size]) != crc:
        return None
    return SegmentHeader(base, capacity, previous_end)
