"""Reading segments that may be damaged: everything whole is found, before the damage and after it."""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from collector.journal.record import HEADER_BYTES, MAGIC, Header, header_at, is_whole
from collector.journal.segment import DATA_OFFSET, SegmentHeader, header_of


@dataclass(frozen=True, slots=True)
class Damage:
    """Positions that hold no whole record. `reason` is for the operator.

    `offset` is where `start` lies in the file, None where it holds nothing of it; `items` is how many
    spans, records or points were in it, where its header still says so.
    """

    path: Path
    start: int
    end: int
    reason: str
    offset: int | None = None
    items: int | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What a segment tells of itself. `end` is the position after its last record."""

    path: Path
    base: int
    previous_end: int | None  # None where the segment's own header is damaged
    end: int
    damages: tuple[Damage, ...]


@contextlib.contextmanager
def opened(path: Path) -> Iterator[mmap.mmap]:
    """The file's bytes, mapped while the context lasts. ValueError if it is empty."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        yield mapped


def start_of(path: Path) -> SegmentHeader | None:
    """None for a segment that was never used."""
    size = path.stat().st_size
    if not size:
        return None
    with opened(path) as data:
        known = header_of(data)
        if known:
            return known
        base = _base_by_record(data)
    return None if base is None else SegmentHeader(base, size - DATA_OFFSET, None)


def content_of(path: Path, start: SegmentHeader) -> Content:
    """Walks the headers. A body is checked when it is replayed; only the last one is checked here."""
    damages: list[Damage] = []
    base = start.base
    if start.previous_end is None:
        damages.append(Damage(path, base, base, "the segment's header is damaged; its records were found"))
    with opened(path) as data:
        last, end = None, base
        for found in headers(path, data, base):
            if isinstance(found, Damage):
                damages.append(found)
            else:
                last, end = found, found.end
        if last and body_of(data, base, last) is None and damages and damages[-1].start == last.end:
            damages[-1] = broken_body(path, base, last, "a record is torn, or was being written")
        if len(data) < DATA_OFFSET + start.capacity:
            damages.append(Damage(path, end, base + start.capacity, "the file is cut off"))
    return Content(path, base, start.previous_end, end, tuple(damages))


def body_of(data: mmap.mmap, base: int, header: Header) -> bytes | None:
    """The body of a record, None if it is not what its header vouches for."""
    at = DATA_OFFSET + header.position - base + HEADER_BYTES
    body = data[at : at + header.length]
    return body if is_whole(header, body) else None


def broken_body(path: Path, base: int, header: Header, reason: str) -> Damage:
    offset = DATA_OFFSET + header.position - base
    return Damage(path, header.position, header.end, reason, offset, header.items)


def headers(path: Path, data: mmap.mmap, base: int) -> Iterator[Header | Damage]:
    """Headers in order of position; where one is broken, that, and the search goes on behind it."""
    at = DATA_OFFSET
    while True:
        header, place = header_at(data, at), base + at - DATA_OFFSET
        if header and header.position == place and at + HEADER_BYTES + header.length <= len(data):
            if not header.length:
                return  # an end mark: nothing was written after it
            yield header
            at += HEADER_BYTES + header.length
            continue
        if at + HEADER_BYTES > len(data) or (at == DATA_OFFSET and header and header.position < base):
            return  # full to the brim, or begun again and never written to
        found = _next(data, base, at + 1)
        end = len(data) if found is None else found
        reason = "no record can be read here" if found is None else "a record's header is damaged"
        yield Damage(path, place, base + end - DATA_OFFSET, reason, at)
        if found is None:
            return
        at = found


def _next(data: mmap.mmap, base: int, start: int) -> int | None:
    """Offset of the next whole header (or end mark) that lies where it says."""
    at = data.find(MAGIC, start)
    while at >= 0:
        header = header_at(data, at)
        if header and header.position == base + at - DATA_OFFSET:
            return at
        at = data.find(MAGIC, at + 1)
    return None


def _base_by_record(data: mmap.mmap) -> int | None:
    """Where the segment begins by what its records say of themselves: the latest use wins."""
    first = header_at(data, DATA_OFFSET)
    if first:
        return first.position
    bases = []
    at = data.find(MAGIC, DATA_OFFSET)
    while at >= 0:
        header = header_at(data, at)
        if header:
            bases.append(header.position - (at - DATA_OFFSET))
            at += header.length
        at = data.find(MAGIC, at + 1)
    return max(bases, default=None)
