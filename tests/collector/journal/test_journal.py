"""The journal gives back everything whole, in order, once, and says what it could not."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.journal import Journal, JournalFull
from collector.journal.record import CODINGS, ENCODINGS, HEADER_BYTES, SIGNALS
from collector.journal.segment import DATA_OFFSET, Segment
from collector.payload import ENCODINGS as KNOWN_ENCODINGS
from collector.payload import SIGNALS as KNOWN_SIGNALS
from collector.payload import Payload

SEGMENT = 8_192


def payload(number: int, size: int = 200) -> Payload:
    body = random.Random(number).randbytes(size)
    return Payload("traces", "protobuf", number.to_bytes(4, "big") + body, 1_000 + number)


def numbers(journal: Journal) -> list[int]:
    return [int.from_bytes(found.body[:4], "big") for _, found in journal.replay()]


def opened(folder: Path, mark: int = 0, max_bytes: int = 2**30) -> Journal:
    return Journal(folder, mark, max_bytes, segment_bytes=SEGMENT)


def filled(folder: Path, count: int = 100) -> list[int]:
    """A closed journal of `count` payloads in several segments; the position after each."""
    journal = opened(folder)
    ends: list[int] = []
    for first in range(0, count, 4):
        ends += journal.append([(payload(n), 1) for n in range(first, min(first + 4, count))])
    journal.close()
    return ends


def no_room(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_was_appended_is_replayed_in_order(tmp_path: Path) -> None:
    ends = filled(tmp_path)
    journal = opened(tmp_path)
    assert list(journal.replay()) == [(end, payload(number)) for number, end in enumerate(ends)]
    assert journal.damages == ()
    assert len(list(tmp_path.glob("*.seg"))) > 2


def test_replay_begins_after_the_mark(tmp_path: Path) -> None:
    ends = filled(tmp_path)
    assert numbers(opened(tmp_path, ends[41])) == list(range(42, 100))
    assert numbers(opened(tmp_path, ends[-1])) == []


def test_positions_only_grow_across_starts(tmp_path: Path) -> None:
    last = filled(tmp_path)[-1]
    for start in range(1, 4):
        journal = opened(tmp_path)
        assert journal.end == last
        (end,) = journal.append([(payload(1_000 + start), 1)])
        assert end > last
        last = end
        journal.close()
    assert numbers(opened(tmp_path))[-3:] == [1_001, 1_002, 1_003]


def test_a_mark_beyond_the_journal_is_never_undercut(tmp_path: Path) -> None:
    journal = opened(tmp_path, mark=10**9)
    assert journal.append([(payload(1), 1)])[0] > 10**9


def test_a_recycled_segment_gives_back_only_its_last_use(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for number in range(500):
        (end,) = journal.append([(payload(number), 1)])
        if number % 50 == 49:
            journal.recycle(end)
    assert len(list(tmp_path.glob("*.seg"))) < 10, "segments are used again"
    journal.append([(payload(number), 1) for number in range(500, 510)])
    journal.close()
    again = opened(tmp_path, end)
    assert numbers(again) == list(range(500, 510))
    assert again.damages == ()


def test_segments_that_kills_left_do_not_add_up(tmp_path: Path) -> None:
    end = filled(tmp_path, 2_000)[-1]
    assert len(list(tmp_path.glob("*.seg"))) > 60
    again = opened(tmp_path, end)
    assert len(list(tmp_path.glob("*.seg"))) <= 32
    again.append([(payload(7), 1)])
    again.close()
    assert numbers(opened(tmp_path, end)) == [7]


def test_nobody_waits_for_a_segment_to_be_written_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Segment, "create", lambda *_: pytest.fail("an append wrote a whole segment"))
    ends = filled(tmp_path)
    journal = opened(tmp_path)
    assert numbers(journal) == list(range(100))
    journal.recycle(ends[-1])
    assert journal.append([(payload(100), 1)])[0] > ends[-1]


def test_a_segment_that_cannot_be_begun_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("os.pwritev", no_room)
        for _ in range(3):
            with pytest.raises(OSError, match="No space left"):
                journal.append([(payload(1), 1)])
    assert list(tmp_path.glob("*.seg")) == []
    journal.append([(payload(2), 1)])
    assert numbers(opened(tmp_path)) == [2]


def test_a_prepared_segment_is_written_through_before_its_use(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 0, 2**30)
    journal.prepare()
    (prepared,) = tmp_path.glob("*.seg")
    assert prepared.stat().st_blocks * 512 >= prepared.stat().st_size
    journal.append([(payload(1), 1)])
    assert list(tmp_path.glob("*.seg")) == [prepared]


def test_a_payload_larger_than_a_segment_gets_one_of_its_own(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append([(payload(1), 1), (payload(2, 3 * SEGMENT), 1), (payload(3), 1)])
    journal.close()
    assert numbers(opened(tmp_path)) == [1, 2, 3]


def test_a_compressed_payload_is_kept_as_it_came(tmp_path: Path) -> None:
    came = Payload("logs", "json", b"{}" * 500, 7, b"short", "gzip")
    journal = opened(tmp_path)
    journal.append([(came, 1)])
    journal.close()
    kept = Payload("logs", "json", b"", 7, b"short", "gzip")
    assert [found for _, found in opened(tmp_path).replay()] == [kept]


def test_a_journal_that_may_not_grow_refuses_and_takes_again_after_a_checkpoint(tmp_path: Path) -> None:
    journal = opened(tmp_path, max_bytes=3 * SEGMENT)
    end = 0
    with pytest.raises(JournalFull):
        for number in range(1_000):
            (end,) = journal.append([(payload(number), 1)])
    journal.recycle(end)
    assert journal.append([(payload(9), 1)])


def test_a_disk_nearly_full_is_refused_before_a_segment_is_made(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 0, 2**30, disk_floor_bytes=2**60, segment_bytes=SEGMENT)
    with pytest.raises(JournalFull):
        journal.append([(payload(1), 1)])
    assert not list(tmp_path.glob("*.seg"))


def test_a_failed_write_acknowledges_nothing_and_leaves_the_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(tmp_path)
    journal.append([(payload(1), 1)])

    def broken(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("os.fdatasync", broken)
        with pytest.raises(OSError):
            journal.append([(payload(2), 1)])
    journal.append([(payload(3), 1)])
    journal.close()
    assert set(numbers(opened(tmp_path))) >= {1, 3}


def test_one_payload_is_found_again_by_its_position(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    ends = journal.append([(payload(n), 1) for n in range(60)])
    assert [journal.read(end) for end in ends] == [payload(n) for n in range(60)]


def segment_of(folder: Path, position: int) -> tuple[Path, int]:
    """The file that holds this position, and where."""
    journal = opened(folder)
    path, base, _, _ = next(entry for entry in journal._used if entry[1] <= position < entry[2])
    return path, DATA_OFFSET + position - base


def overwrite(folder: Path, position: int, damage: Callable[[bytes], bytes], length: int = 1) -> None:
    path, at = segment_of(folder, position)
    with path.open("r+b") as file:
        file.seek(at)
        before = file.read(length)
        file.seek(at)
        file.write(damage(before))


def flip(data: bytes) -> bytes:
    return bytes([data[0] ^ 0x10]) + data[1:]


@pytest.mark.parametrize("inside", [0, 5, 9, 17, 20, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 100])
def test_a_flipped_bit_costs_one_record_and_is_reported(
    tmp_path: Path, inside: int, caplog: pytest.LogCaptureFixture
) -> None:
    ends = filled(tmp_path)
    overwrite(tmp_path, ends[40] + inside, flip)
    journal = opened(tmp_path)
    assert numbers(journal) == [n for n in range(100) if n != 41]
    assert "cannot be read" in caplog.text
    assert list((tmp_path / "damaged").iterdir()), "the damaged bytes are kept aside"


def test_zeros_in_the_middle_cost_the_records_they_cover(tmp_path: Path) -> None:
    ends = filled(tmp_path)
    overwrite(tmp_path, ends[2] + 10, lambda data: bytes(len(data)), 600)
    assert numbers(opened(tmp_path)) == [n for n in range(100) if n not in (3, 4, 5)]


@pytest.mark.parametrize("cut", [0, 1, HEADER_BYTES, HEADER_BYTES + 50])
@pytest.mark.parametrize("how", ["truncated", "zeroed", "garbage"])
def test_a_torn_tail_costs_only_what_was_torn_and_is_reported(
    tmp_path: Path, cut: int, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    ends = filled(tmp_path, 96)
    path, at = segment_of(tmp_path, ends[90])
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(at + cut)
        if how == "zeroed":
            file.truncate(size)
        elif how == "garbage":
            file.seek(at + cut)
            file.write(random.Random(3).randbytes(size - at - cut))
    journal = opened(tmp_path)
    assert numbers(journal) == list(range(91))
    assert journal.damages
    assert "cannot be read" in caplog.text
    assert journal.append([(payload(5), 1)])[0] > ends[-1]


def test_a_damaged_header_of_a_segment_costs_nothing(tmp_path: Path) -> None:
    filled(tmp_path)
    for path in tmp_path.glob("*.seg"):
        with path.open("r+b") as file:
            file.seek(9)
            file.write(b"\xff")
    assert numbers(opened(tmp_path)) == list(range(100))


def test_a_missing_segment_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    filled(tmp_path)
    sorted(tmp_path.glob("*.seg"))[1].unlink()
    journal = opened(tmp_path)
    assert 0 in numbers(journal) and 99 in numbers(journal)
    assert "a segment before this one is missing" in caplog.text


def test_a_segment_begun_and_never_written_to_is_no_damage(tmp_path: Path) -> None:
    ends = filled(tmp_path)
    journal = opened(tmp_path)
    journal.append([(payload(100), 1)])
    journal.close()
    path = max(tmp_path.glob("*.seg"))
    again = Segment.reuse(path)
    again.begin(10**6, ends[-1])
    again.close()
    assert opened(tmp_path).damages == ()


def test_damage_below_the_mark_is_nobodys_concern(tmp_path: Path) -> None:
    ends = filled(tmp_path)
    overwrite(tmp_path, ends[3] + HEADER_BYTES, flip)
    journal = opened(tmp_path, ends[60])
    assert numbers(journal) == list(range(61, 100))


def test_an_interrupted_start_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "00000099.seg").write_bytes(bytes(100))
    (tmp_path / "00000098.seg").touch()
    assert numbers(opened(tmp_path)) == list(range(100))


def test_every_kind_of_payload_has_a_number_on_disk() -> None:
    assert set(SIGNALS) == set(KNOWN_SIGNALS)
    assert set(ENCODINGS) == set(KNOWN_ENCODINGS)
    assert set(CODINGS) >= {"", "gzip", "deflate", "zstd"}


def test_a_payload_is_found_while_its_segment_is_put_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is set aside is read here, on another thread: not found, it would be lost."""
    journal = opened(tmp_path)
    (end,) = journal.append([(payload(1), 1)])
    found = []
    close = Segment.close

    def read_first(segment: Segment) -> None:
        found.append(journal.read(end))
        close(segment)

    monkeypatch.setattr(Segment, "close", read_first)
    journal.close()
    assert found == [payload(1)]
