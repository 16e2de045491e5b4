"""zstd bodies (RFC 8878) in bounded steps. The frames are walked before anything is expanded: the library
gives back what it has of a body that was cut off and does not say so."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import zstandard

from collector.decode.result import TooLarge, Undecodable

# What RFC 8878 asks every decoder to grant. A frame may ask for 2 GiB of history.
_MAX_WINDOW = 8 * 1024 * 1024
_MAGIC = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"  # after a byte of 0x50 to 0x5f
_RLE = 1
_BLOCKS_AT_ONCE = 10_000


def pieces(body: bytes, step: int) -> Iterator[bytes]:
    """The plain bytes, at most `step` at once. Raises Undecodable, or TooLarge for a window beyond 8 MiB."""
    yield from _require_whole_frames(body)
    reader = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).stream_reader(
        body, read_across_frames=True
    )
    try:
        while piece := reader.read(step):
            yield piece
    except zstandard.ZstdError as error:
        raise Undecodable("the body is not valid zstd") from error


def _require_whole_frames(body: bytes) -> Iterator[bytes]:
    """Yields nothing now and then, so that a body of very many blocks holds nobody up."""
    at = 0
    while at < len(body) or not body:
        if body[at : at + 4] == _MAGIC:
            at = yield from _end_of_frame(body, at)
        elif body[at + 1 : at + 4] == _SKIPPABLE and body[at] >> 4 == 5:
            at += 8 + int.from_bytes(body[at + 4 : at + 8], "little")
            yield b""
        else:
            raise Undecodable("the body is not valid zstd")
        if at > len(body):
            raise Undecodable("the zstd body is cut off")


def _end_of_frame(body: bytes, start: int) -> Generator[bytes, None, int]:
    try:
        head = body[start : start + 18]  # the longest header a frame can have
        frame, at = zstandard.get_frame_parameters(head), start + zstandard.frame_header_size(head)
    except zstandard.ZstdError as error:
        raise Undecodable("the zstd body is cut off") from error
    if frame.window_size > _MAX_WINDOW:
        raise TooLarge(f"the zstd body asks for a window beyond {_MAX_WINDOW} bytes")
    last, blocks = False, 0
    while not last:
        blocks += 1
        if blocks % _BLOCKS_AT_ONCE == 0:
            yield b""
        block = body[at : at + 3]
        if len(block) < 3:
            raise Undecodable("the zstd body is cut off")
        header = int.from_bytes(block, "little")
        last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
        at += 3 + (1 if kind == _RLE else size)
    return at + (4 if frame.has_checksum else 0)
