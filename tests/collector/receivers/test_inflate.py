"""Bodies are inflated in steps: whole ones come out, damaged ones and bombs are noticed while small."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable

import pytest
import zstandard

from collector.decode.result import TooLarge, Undecodable
from collector.receivers.inflate import inflate

TEXT = b"tracekit " * 20_000 + random.Random(1).randbytes(50_000)
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
}


def whole(body: bytes, coding: str, limit: int = 2**26) -> bytes:
    return b"".join(inflate(body, coding, limit))


@pytest.mark.parametrize("coding", PACK)
def test_what_was_packed_comes_out(coding: str) -> None:
    assert whole(PACK[coding](TEXT), coding) == TEXT


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_several_members_are_one_body(coding: str) -> None:
    assert whole(PACK[coding](TEXT) + PACK[coding](b"more"), coding) == TEXT + b"more"


def test_zstd_frames_that_say_skip_are_skipped_and_sizes_may_be_left_out() -> None:
    skippable = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(TEXT)
    assert whole(skippable + unsized + skippable, "zstd") == TEXT


@pytest.mark.parametrize("coding", PACK)
def test_a_body_cut_off_anywhere_is_noticed(coding: str) -> None:
    packed = PACK[coding](TEXT)
    for length in [0, 1, 5, 9, *range(10, len(packed), len(packed) // 50), len(packed) - 1]:
        with pytest.raises(Undecodable):
            whole(packed[:length], coding)


@pytest.mark.parametrize("coding", PACK)
def test_bytes_behind_the_end_are_noticed(coding: str) -> None:
    with pytest.raises(Undecodable):
        whole(PACK[coding](TEXT) + b"tail", coding)


@pytest.mark.parametrize("coding", PACK)
def test_damage_is_an_error_of_the_sender_whatever_it_hits(coding: str) -> None:
    dice, packed = random.Random(7), PACK[coding](TEXT)
    for _ in range(300):
        damaged = bytearray(packed)
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        try:
            whole(bytes(damaged), coding)
        except (Undecodable, TooLarge):
            continue


@pytest.mark.parametrize("coding", PACK)
def test_a_bomb_is_noticed_by_its_ratio_or_its_size(coding: str) -> None:
    bomb = PACK[coding](b"\0" * 50_000_000)
    pieces = inflate(bomb, coding, 2**30)
    seen = 0
    with pytest.raises(TooLarge, match="fold"):
        for piece in pieces:
            seen += len(piece)
    assert seen <= max(2**20, 101 * len(bomb))
    with pytest.raises(TooLarge, match="larger"):
        whole(PACK[coding](TEXT), coding, limit=100_000)


def test_a_window_of_gigabytes_is_refused_before_it_is_allocated() -> None:
    frame = b"\x28\xb5\x2f\xfd\x00" + bytes([(31 - 10) << 3]) + b"\x01\x00\x00"  # 2 GiB; an empty last block
    with pytest.raises(TooLarge, match="window"):
        whole(frame, "zstd")


def test_a_body_of_many_members_is_not_copied_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """A megabyte of empty members would cost gigabytes of copies, forty times as much its square."""
    given = 0
    make = zlib.decompressobj

    class Counting:
        def __init__(self, bits: int) -> None:
            self._member = make(bits)

        def decompress(self, data: bytes, most: int) -> bytes:
            nonlocal given
            given += len(data)
            return self._member.decompress(data, most)

        def __getattr__(self, name: str) -> object:
            return getattr(self._member, name)

    body = gzip.compress(b"") * 5_000 + gzip.compress(TEXT)
    monkeypatch.setattr(zlib, "decompressobj", Counting)
    assert whole(body, "gzip") == TEXT
    assert given < 100 * len(body)


def test_a_zstd_body_of_many_blocks_is_looked_through_in_steps() -> None:
    body = b"\x28\xb5\x2f\xfd\x00\x58" + b"\0\0\0" * 100_000 + b"\x01\0\0"
    pieces = list(inflate(body, "zstd", 2**20))
    assert b"".join(pieces) == b""
    assert len(pieces) >= 10
