"""An append-only log of payloads with positions that are never used twice (RELIABILITY.md, INGEST.md).

A position counts bytes since the journal's first day. The store remembers, in the same transaction as the
rows, the position up to which it has them: replay begins there, so nothing counts twice.
"""

from __future__ import annotations

import dataclasses
import os
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from collector.folders import sync_folder
from collector.journal import damaged, scan
from collector.journal.record import HEADER_BYTES, Header, UnknownRecord, packed, payload_of, stored_bytes
from collector.journal.scan import Content, Damage
from collector.journal.segment import DATA_OFFSET, Segment, SegmentHeader
from collector.payload import Payload

SEGMENT_BYTES = 16 * 2**20
_NAME = re.compile(r"\d{8}\.seg")
# Free segments kept for reuse; more are given back to the disk.
_MOST_FREE = 32


class JournalFull(Exception):
    """The journal may not grow: the store lags behind, or the disk is nearly full. Nothing was appended."""


class Journal:
    """One thread appends; another may recycle, a third replay. Opening does not change what is there."""

    def __init__(
        self,
        folder: Path,
        mark: int,
        max_bytes: int,
        disk_floor_bytes: int = 0,
        segment_bytes: int | None = None,
    ) -> None:
        """`mark` is the position up to which the store has everything. OSError if the folder is unusable."""
        self.folder = folder
        self._mark = mark
        self.max_bytes = max_bytes
        self._disk_floor = disk_floor_bytes
        self._segment_bytes = segment_bytes or SEGMENT_BYTES
        self._lock = threading.Lock()
        self._preparing = False
        # Set when no segment is ready for the time after the current one: `prepare` is wanted.
        self.unprepared = threading.Event()
        self.unprepared.set()
        folder.mkdir(parents=True, exist_ok=True)
        self._next_number = 1 + max((int(path.stem) for path in _files(folder)), default=0)
        starts = _starts(folder)
        self._waiting = [c for c in _contents(starts, mark) if c.end > mark or c.damages]
        self._used = [(c.path, c.base, c.end, c.path.stat().st_size) for c in self._waiting]
        self._free = self._reusable({content.path for content in self._waiting})
        # Where `replay` ends: after all that was here when the journal was opened.
        self.replay_end = self._end = max([mark, *(content.end for content in self._waiting)])
        # Beyond whatever was written, torn or not: no position is ever used for a second record.
        self._fresh_base = max([mark, *(start.base + start.capacity for _, start in starts)])
        self._current: Segment | None = None
        self.damages = (*_gaps(self._waiting, mark), *(d for c in self._waiting for d in c.damages))
        for damage in self.damages:
            damaged.report(damage, folder)

    def _reusable(self, kept: set[Path]) -> list[Path]:
        """Files that nobody needs; those of an unusual size (an interrupted start, a huge record) go, and
        those that are too many (each kill leaves some)."""
        free: list[Path] = []
        for path in _files(self.folder):
            if path in kept:
                continue
            usual = path.stat().st_size == self._segment_bytes + DATA_OFFSET
            if usual and len(free) < _MOST_FREE:
                free.append(path)
            else:
                path.unlink()
        return free

    # ------------------------------------------------------------ writing

    @property
    def end(self) -> int:
        """Position after the last durable record."""
        return self._end

    @property
    def live_bytes(self) -> int:
        """Bytes of files that hold what no checkpoint covers yet, the one being written included."""
        with self._lock:
            used = sum(size for *_, size in self._used)
            return used + (self._current.capacity if self._current else 0)

    @property
    def disk_bytes(self) -> int:
        return sum(path.stat().st_size for path in _files(self.folder))

    def append(self, group: Sequence[tuple[Payload, int]]) -> list[int]:
        """Make payloads (each with its number of items) durable; the position after each.

        Raises JournalFull, or OSError; none of the group is to be acknowledged then.
        """
        ends: list[int] = []
        at = 0
        while at < len(group):
            segment = self._segment_with_room(stored_bytes(group[at][0]))
            count = _fitting(group, at, segment.room)
            ends += self._append(segment, group[at : at + count])
            at += count
        return ends

    def _append(self, segment: Segment, group: Sequence[tuple[Payload, int]]) -> list[int]:
        buffers: list[bytes] = []
        ends: list[int] = []
        position = segment.end
        for payload, items in group:
            header, body = packed(payload, items, position)
            buffers += (header, body)
            position += len(header) + len(body)
            ends.append(position)
        try:
            segment.append(buffers, position - segment.end)
        except OSError:
            # What fdatasync said no to may or may not be on disk, and asking again proves nothing: this
            # segment is given up, its good part is replayed if need be.
            self._retire()
            raise
        self._end = position
        return ends

    def _segment_with_room(self, needed: int) -> Segment:
        if self._current and self._current.room >= needed + HEADER_BYTES:
            return self._current
        previous_end = self._end
        segment = self._new_segment(needed + HEADER_BYTES)
        self._retire()
        try:
            segment.begin(self._fresh_base, previous_end)
        except OSError:  # a disk that others filled: nothing is to add up meanwhile
            segment.close()
            segment.path.unlink()
            raise
        self._fresh_base += segment.capacity
        self._current = segment
        return segment

    def _new_segment(self, needed: int) -> Segment:
        with self._lock:
            path = self._free.pop() if self._free and needed <= self._segment_bytes else None
            if not self._free:
                self.unprepared.set()
        if path:
            return Segment.reuse(path)
        capacity = max(self._segment_bytes, needed)
        if self.live_bytes + capacity > self.max_bytes and self._used:
            raise JournalFull(f"the store lags {self.live_bytes >> 20} MiB behind")
        self._require_disk(capacity)
        # Senders wait: one that is written through would take them a hundred milliseconds.
        return Segment.sparse(self._next_path(), capacity)

    def _require_disk(self, needed: int) -> None:
        status = os.statvfs(self.folder)
        if status.f_bavail * status.f_frsize - needed < self._disk_floor:
            raise JournalFull("the disk is nearly full")

    def _retire(self) -> None:
        with self._lock:  # at no moment may a reader find it neither in use nor used
            segment, self._current = self._current, None
            if segment:
                size = segment.capacity + DATA_OFFSET
                self._used.append((segment.path, segment.base, segment.end, size))
        if segment:
            segment.close()

    def prepare(self) -> None:
        """Have a segment ready before it is needed: writing one through takes as long as many appends. Any
        thread; OSError if there is no room."""
        with self._lock:
            self.unprepared.clear()
            if self._free or self._preparing:
                return
            self._preparing = True
        try:
            self._require_disk(self._segment_bytes)
            segment = Segment.create(self._next_path(), self._segment_bytes)
            segment.close()
            with self._lock:
                self._free.append(segment.path)
        except JournalFull:
            return  # an append that needs one says so
        finally:
            self._preparing = False

    def _next_path(self) -> Path:
        with self._lock:
            number, self._next_number = self._next_number, self._next_number + 1
        return self.folder / f"{number:08}.seg"

    def recycle(self, below: int) -> None:
        """The engine's own files hold everything below this position: segments wholly below it are free."""
        removed = False
        with self._lock:
            done = [entry for entry in self._used if entry[2] <= below]
            self._used = [entry for entry in self._used if entry[2] > below]
            for path, _, _, size in done:
                if len(self._free) < _MOST_FREE and size == self._segment_bytes + DATA_OFFSET:
                    self._free.append(path)
                else:
                    path.unlink()
                    removed = True
        if removed:
            sync_folder(self.folder)

    def close(self) -> None:
        self._retire()

    # ------------------------------------------------------------ reading

    @property
    def replay_bytes(self) -> int:
        """How much `replay` has to read."""
        return sum(content.end - max(content.base, self._mark) for content in self._waiting)

    def replay(self) -> Iterator[tuple[int, Payload]]:
        """What the journal held above the mark when it was opened: (position after it, payload), in order.

        A broken body is reported and left out; so is a record of a kind unknown here, whose bytes stay.
        """
        for content in self._waiting:
            known = {damage.start for damage in content.damages}
            for header, body in _records(content):
                if header.end <= self._mark:
                    continue
                broken = scan.broken_body(content.path, content.base, header, "a record is damaged")
                try:
                    if body is not None:
                        yield header.end, payload_of(header, body)
                    elif header.position not in known:
                        damaged.report(broken, self.folder)
                except UnknownRecord as error:
                    damaged.report(dataclasses.replace(broken, reason=str(error)), self.folder)

    def read(self, end: int) -> Payload | None:
        """The payload whose record ends at this position, if its segment is not recycled yet."""
        with self._lock:
            places = [(path, base) for path, base, stop, _ in self._used if base < end <= stop]
            if self._current and self._current.base < end:
                places.append((self._current.path, self._current.base))
        for path, base in places:
            for header, body in _records(Content(path, base, None, end, ())):
                if header.end == end and body is not None:
                    return payload_of(header, body)
        return None


def _records(content: Content) -> Iterator[tuple[Header, bytes | None]]:
    with scan.opened(content.path) as data:
        for header in scan.headers(content.path, data, content.base):
            if isinstance(header, Header):
                yield header, scan.body_of(data, content.base, header)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def _starts(folder: Path) -> list[tuple[Path, SegmentHeader]]:
    """Segments that were used, in the order in which they were."""
    found = [(path, scan.start_of(path)) for path in _files(folder)]
    return sorted(((path, start) for path, start in found if start), key=lambda pair: pair[1].base)


def _contents(starts: list[tuple[Path, SegmentHeader]], mark: int) -> list[Content]:
    """Those that may hold something above the mark: not one whose follower begins below it."""
    follower = [start.base for _, start in starts[1:]] + [sys.maxsize]
    return [scan.content_of(path, start) for (path, start), after in zip(starts, follower) if after > mark]


def _gaps(contents: list[Content], mark: int) -> Iterator[Damage]:
    """Where a segment says that another came before it, which is not here any more."""
    reached = mark
    for content in contents:
        previous_end = content.previous_end
        if previous_end is not None and previous_end > reached:
            yield Damage(content.path, reached, previous_end, "a segment before this one is missing")
        reached = max(reached, content.end)


def _fitting(group: Sequence[tuple[Payload, int]], at: int, room: int) -> int:
    """How many of the payloads from `at` on fit, the end mark included; at least one does."""
    room -= HEADER_BYTES
    count = 0
    while at + count < len(group):
        room -= stored_bytes(group[at + count][0])
        if room < 0:
            break
        count += 1
    return count
