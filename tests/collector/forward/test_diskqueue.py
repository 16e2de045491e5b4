"""Copies wait on disk in order, within bounds, across restarts and torn writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collector.forward.diskqueue import DiskQueue
from collector.forward.record import Record


def record(number: int, size: int = 10) -> Record:
    return Record("traces", f"{number:0{size}d}".encode(), json=bool(number % 2), gzipped=number % 3 == 0)


def taken(queue: DiskQueue, at_most: int = 10_000) -> list[int]:
    """The numbers that can be read now."""
    found = []
    while len(found) < at_most and (waiting := queue.peek(0)):
        found.append(int(waiting.record.body))
        queue.advance(waiting)
    return found


def test_records_come_out_whole_and_in_order(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path, 10**6, segment_bytes=100)
    originals = [record(n) for n in range(50)]
    assert queue.append(originals) == 0
    found = []
    while waiting := queue.peek(0):
        found.append(waiting.record)
        queue.advance(waiting)
    assert found == originals
    assert queue.waiting_bytes == 0
    assert len(list(tmp_path.glob("*.seg"))) == 1, "what was read is not kept"


def test_a_record_stays_until_it_is_done_with(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path, 10**6)
    queue.append([record(1), record(2)])
    first, again = queue.peek(0), queue.peek(0)
    assert first == again and first is not None
    queue.advance(first)
    queue.advance(first)
    assert taken(queue) == [2]


def test_too_many_bytes_drop_the_oldest_file_and_say_how_many_records_went(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path, 1000, segment_bytes=200)
    dropped = sum(queue.append([record(n)]) for n in range(200))
    assert queue.waiting_bytes <= 1000
    found = taken(queue)
    assert found == list(range(dropped, 200))
    assert dropped > 100


def test_dropping_what_is_being_sent_does_not_skip_what_follows(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path, 200, segment_bytes=50)
    queue.append([record(0)])
    under_way = queue.peek(0)
    assert under_way is not None
    dropped = queue.append([record(n) for n in range(1, 40)])
    queue.advance(under_way)
    assert taken(queue) == list(range(dropped, 40))


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path, 10**6, segment_bytes=100)
    queue.append([record(n) for n in range(20)])
    taken(queue, at_most=7)
    queue.save_place()
    taken(queue, at_most=2)  # read, but not remembered: repeated after a crash
    again = DiskQueue(tmp_path, 10**6, segment_bytes=100)
    again.append([record(20)])
    assert taken(again) == list(range(7, 21))


def test_a_torn_write_loses_itself_alone(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path, 10**6)
    queue.append([record(n) for n in range(5)])
    (segment,) = tmp_path.glob("*.seg")
    segment.write_bytes(segment.read_bytes()[:-3])
    again = DiskQueue(tmp_path, 10**6)
    again.append([record(5)])
    assert taken(again) == [0, 1, 2, 3, 5]


def test_a_flipped_bit_ends_its_file_and_no_more(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path, 10**6, segment_bytes=60)
    queue.append([record(n) for n in range(9)])  # three a file
    oldest = min(tmp_path.glob("*.seg"))
    damaged = bytearray(oldest.read_bytes())
    damaged[25] ^= 1
    oldest.write_bytes(damaged)
    assert taken(DiskQueue(tmp_path, 10**6)) == [0, *range(3, 9)]


def test_a_place_that_was_torn_begins_at_the_oldest(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path, 10**6)
    queue.append([record(1)])
    (tmp_path / "place").write_text("1")
    assert taken(DiskQueue(tmp_path, 10**6)) == [1]


def test_a_disk_that_takes_no_new_file_for_a_while_does_not_keep_the_queue_from_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "no space left on device")

    queue = DiskQueue(tmp_path, 10**6)
    with monkeypatch.context() as full, pytest.raises(OSError, match="no space"):
        full.setattr(Path, "open", fail)
        queue.append([record(1)])
    assert taken(queue) == []
    queue.append([record(2)])
    assert taken(queue) == [2]


def test_what_is_written_after_a_restart_of_an_empty_queue_survives_a_kill(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path, 10**6)
    queue.append([record(1)])
    assert taken(queue) == [1]
    queue.save_place()
    queue = DiskQueue(tmp_path, 10**6)
    assert taken(queue) == []
    queue.save_place()
    DiskQueue(tmp_path, 10**6).append([record(2)])  # killed before the place is saved again
    assert taken(DiskQueue(tmp_path, 10**6)) == [2]
