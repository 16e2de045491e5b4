"""A request's body off the wire: bounded in bytes and in time, inflated in steps, counted while it grows."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from dataclasses import dataclass

from collector.decode.result import TooLarge
from collector.ingest import Reservation
from collector.receivers import inflate, status
from collector.receivers.asgi import Receive
from collector.receivers.status import Failure

_DISCARD_S = 2.0


class Gone(Exception):
    """The client went away in the middle of its body."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """`max_bytes` counts after decompression; `timeout_s` is for the whole body, from first byte to last."""

    max_bytes: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Body:
    """`compressed` is the body as it came, None where it came plain."""

    plain: bytes
    compressed: bytes | None = None
    coding: str = ""


async def read_body(
    headers: Mapping[str, str], receive: Receive, reservation: Reservation, limits: BodyLimits
) -> Body:
    """Raises Failure, TooLarge, Undecodable, Busy, or Gone."""
    coding = _content_coding(headers)
    declared = _declared(headers)
    if declared > limits.max_bytes:
        if "expect" not in headers:  # a client that asks first has sent nothing yet
            await discard(receive)
        raise TooLarge(f"the request is larger than {limits.max_bytes} bytes")
    await reservation.room(declared)
    try:
        async with asyncio.timeout(limits.timeout_s):
            raw = await _raw(receive, reservation, limits)
    except TimeoutError:
        raise Failure(408, status.DEADLINE_EXCEEDED, "the body did not arrive in time") from None
    if coding == "identity":
        return Body(raw)
    plain = io.BytesIO()
    for piece in inflate.inflate(raw, coding, limits.max_bytes):
        reservation.grow(len(piece))
        plain.write(piece)
        await asyncio.sleep(0)  # a large body must not hold up the other connections
    return Body(plain.getvalue(), raw, coding)


def _content_coding(headers: Mapping[str, str]) -> str:
    coding = headers.get("content-encoding", "").lower() or "identity"
    coding = coding.removeprefix("x-")
    if coding != "identity" and coding not in inflate.ENCODINGS:
        known = ", ".join(inflate.ENCODINGS)
        message = f"Content-Encoding must be {known} or identity, not {coding[:100]}"
        raise Failure(415, status.INVALID_ARGUMENT, message)
    return coding


def _declared(headers: Mapping[str, str]) -> int:
    """How many bytes the head says there are; 0 if it does not."""
    declared = headers.get("content-length", "")
    return int(declared) if declared.isdecimal() else 0


async def _raw(receive: Receive, reservation: Reservation, limits: BodyLimits) -> bytes:
    # (Grown in one block: of pieces that are kept until the last one is there the allocator keeps holes. What
    # BytesIO holds at the end is handed over; bytes of a bytearray would be a second body for a moment.)
    body, total, more = io.BytesIO(), 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        piece, more = message.get("body", b""), message.get("more_body", False)
        total += len(piece)
        if total > limits.max_bytes:
            if more:
                await discard(receive)
            raise TooLarge(f"the request is larger than {limits.max_bytes} bytes")
        reservation.grow(len(piece))
        body.write(piece)
    return body.getvalue()


async def discard(receive: Receive) -> None:
    """Read on for a moment before refusing: closing over unread bytes makes the kernel reset the connection,
    and the reset overtakes the answer that says why."""
    try:
        async with asyncio.timeout(_DISCARD_S):
            while (await receive()).get("more_body"):
                pass
    except TimeoutError:
        return
