"""Decompression in bounded steps: a bomb is noticed while it is still small."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from collector.decode.result import TooLarge, Undecodable
from collector.receivers import zstd

_STEP = 256 * 1024
# zlib copies what it is given and does not use: a body of very many members must not be copied for each.
_FIRST_BITE, _LARGEST_BITE = 1024, 256 * 1024
# Traces compress 5 to 20 fold; 100 above the first MiB is nobody's real traffic.
_MAX_RATIO = 100
_RATIO_FREE_BYTES = 1024 * 1024

_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS

ENCODINGS = ("gzip", "deflate", "zstd")


def inflate(body: bytes, encoding: str, max_bytes: int) -> Iterator[bytes]:
    """The plain bytes of a gzip or zstd (one or several members) or deflate (with or without header) body.

    Raises Undecodable if it is damaged or cut off, TooLarge beyond `max_bytes` or the ratio.
    """
    total = 0
    try:
        for piece in zstd.pieces(body, _STEP) if encoding == "zstd" else _zlib_pieces(body, encoding):
            total += len(piece)
            if total > max_bytes:
                raise TooLarge(f"the request is larger than {max_bytes} bytes after decompression")
            if total > _RATIO_FREE_BYTES and total > _MAX_RATIO * len(body):
                raise TooLarge(f"the request expands more than {_MAX_RATIO} fold")
            yield piece
    except zlib.error as error:
        raise Undecodable(f"the body is not valid {encoding}") from error


def _zlib_pieces(body: bytes, encoding: str) -> Iterator[bytes]:
    bits = _GZIP if encoding == "gzip" else _ZLIB if _has_zlib_header(body) else _RAW
    view, at = memoryview(body), 0
    while True:
        member, bite = zlib.decompressobj(bits), _FIRST_BITE
        while not member.eof:
            given = view[at : at + bite]
            piece = member.decompress(given, _STEP)
            at += len(given) - len(member.unconsumed_tail) - len(member.unused_data)
            if not piece and at == len(view) and not member.eof:
                raise Undecodable(f"the {encoding} body is cut off")
            yield piece
            bite = min(2 * bite, _LARGEST_BITE)
        if at == len(view):
            return
        if encoding != "gzip":
            raise Undecodable("bytes follow the deflate stream")


def _has_zlib_header(body: bytes) -> bool:
    """RFC 1950. "deflate" means this in HTTP, yet some senders leave the header out."""
    return len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
