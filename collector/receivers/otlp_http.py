"""OTLP/HTTP: POST /v1/traces in protobuf or JSON, plain, gzip or deflate. A raw ASGI application."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from collector import payload
from collector.decode.result import Decoded, TooLarge
from collector.ingest import Ingest, Reservation
from collector.payload import Payload
from collector.receivers import status
from collector.receivers.inflate import inflate
from collector.receivers.status import Failure

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_HELLO = b"tracekit collector: send OTLP traces with POST /v1/traces (protobuf or JSON).\n"
_DISCARD_S = 2.0
_NOT_YET = "not yet: traces only in this version"


@dataclass(frozen=True, slots=True)
class Encoding:
    """How one media type is read and answered."""

    media_type: str
    name: payload.Encoding
    success: Callable[[Decoded], bytes]
    failure: Callable[[Failure], bytes]


PROTOBUF = Encoding("application/x-protobuf", "protobuf", status.response_protobuf, status.status_protobuf)
JSON = Encoding("application/json", "json", status.response_json, status.status_json)
_ENCODINGS = {
    "application/x-protobuf": PROTOBUF,
    "application/protobuf": PROTOBUF,
    "application/json": JSON,
}


class OtlpHttp:
    """The ASGI application. The Host header plays no role: ingest is not a browser's business."""

    def __init__(self, ingest: Ingest, max_body_bytes: int, body_timeout_s: float) -> None:
        self._ingest = ingest
        self._max_body_bytes = max_body_bytes
        self._body_timeout_s = body_timeout_s

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._respond(scope, receive, send)

    async def _respond(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        encoding = _ENCODINGS.get(_media_type(headers))
        try:
            if scope["path"] == "/" and scope["method"] in ("GET", "HEAD"):
                await _send(send, 200, "text/plain; charset=utf-8", _HELLO)
                return
            _require_traces(scope)
            decoded = await self._export(_require(encoding, headers), headers, receive)
        except Exception as error:
            await _send_failure(send, _failure(error), encoding or JSON)
        else:
            answer = encoding or JSON
            await _send(send, 200, answer.media_type, answer.success(decoded))

    async def _export(self, encoding: Encoding, headers: dict[str, str], receive: Receive) -> Decoded:
        with self._ingest.reserve() as reservation:
            offered = await self._payload(encoding, headers, receive, reservation)
            decoded = await self._ingest.export(offered)
        failure = status.nothing_salvageable(decoded)
        if failure:
            raise failure
        return decoded

    async def _payload(
        self, encoding: Encoding, headers: dict[str, str], receive: Receive, reservation: Reservation
    ) -> Payload:
        coding = _content_coding(headers)
        declared = headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self._max_body_bytes:
            if "expect" not in headers:  # a client that asks first has sent nothing yet
                await _discard(receive)
            raise TooLarge(f"the request is larger than {self._max_body_bytes} bytes")
        try:
            async with asyncio.timeout(self._body_timeout_s):
                raw = await self._raw(receive, reservation)
        except TimeoutError:
            raise Failure(408, status.DEADLINE_EXCEEDED, "the body did not arrive in time") from None
        if coding == "identity":
            return Payload("traces", encoding.name, raw, time.time_ns())
        received_ns = time.time_ns()
        pieces = []
        for piece in inflate(raw, coding, self._max_body_bytes):
            reservation.grow(len(piece))
            pieces.append(piece)
            await asyncio.sleep(0)  # a large body must not hold up the other connections
        return Payload("traces", encoding.name, b"".join(pieces), received_ns, raw, coding)

    async def _raw(self, receive: Receive, reservation: Reservation) -> bytes:
        pieces, total, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            piece, more = message.get("body", b""), message.get("more_body", False)
            total += len(piece)
            if total > self._max_body_bytes:
                if more:
                    await _discard(receive)
                raise TooLarge(f"the request is larger than {self._max_body_bytes} bytes")
            reservation.grow(len(piece))
            pieces.append(piece)
        return b"".join(pieces)


async def _discard(receive: Receive) -> None:
    """Read on for a moment before refusing: closing over unread bytes makes the kernel reset the connection,
    and the reset overtakes the answer that says why."""
    try:
        async with asyncio.timeout(_DISCARD_S):
            while (await receive()).get("more_body"):
                pass
    except TimeoutError:
        return


class _Gone(Exception):
    """The client went away in the middle of its body."""


def _failure(error: Exception) -> Failure:
    if isinstance(error, _Gone):  # nobody reads this answer
        return Failure(400, status.INVALID_ARGUMENT, "the body was cut off")
    try:
        return status.failure_of(error)
    except Exception:
        log.exception("a request failed in a way the receiver does not know")
        return Failure(503, status.UNAVAILABLE, "internal error", status.jittered(5.0))


# ---------------------------------------------------------------- the request's head


def _headers(scope: MutableMapping[str, Any]) -> dict[str, str]:
    """By lower-case name; a repeated header is joined by commas, as HTTP says."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _media_type(headers: dict[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _require_traces(scope: MutableMapping[str, Any]) -> None:
    path, method = scope["path"], scope["method"]
    if path in ("/v1/metrics", "/v1/logs", "/v1development/profiles"):
        raise Failure(404, status.UNIMPLEMENTED, _NOT_YET)
    if path != "/v1/traces":
        raise Failure(404, status.UNIMPLEMENTED, f"there is nothing at {path[:100]}: traces go to /v1/traces")
    if method != "POST":
        raise Failure(405, status.UNIMPLEMENTED, "traces are sent with POST")


def _require(encoding: Encoding | None, headers: dict[str, str]) -> Encoding:
    if encoding is None:
        given = headers.get("content-type", "none")[:100]
        message = f"Content-Type must be application/x-protobuf or application/json, not {given}"
        raise Failure(415, status.INVALID_ARGUMENT, message)
    parameters = headers["content-type"].lower().replace(" ", "").replace('"', "").split(";")[1:]
    if any(p.startswith("charset=") and p != "charset=utf-8" for p in parameters):
        raise Failure(415, status.INVALID_ARGUMENT, "the only charset is utf-8")
    return encoding


def _content_coding(headers: dict[str, str]) -> str:
    coding = headers.get("content-encoding", "").lower() or "identity"
    coding = coding.removeprefix("x-")
    if coding not in ("identity", "gzip", "deflate"):
        message = f"Content-Encoding must be gzip, deflate or identity, not {coding[:100]}"
        raise Failure(415, status.INVALID_ARGUMENT, message)
    return coding


# ---------------------------------------------------------------- the answer


async def _send_failure(send: Send, failure: Failure, encoding: Encoding) -> None:
    extra = []
    if failure.retry_after_s:
        extra.append((b"retry-after", str(failure.retry_after_s).encode()))
    if failure.http_status == 405:
        extra.append((b"allow", b"POST"))
    if failure.http_status in (408, 413):  # the rest of the body is not worth reading
        extra.append((b"connection", b"close"))
    await _send(send, failure.http_status, encoding.media_type, encoding.failure(failure), extra)


async def _send(
    send: Send, code: int, media_type: str, body: bytes, extra: list[tuple[bytes, bytes]] | None = None
) -> None:
    headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
        *(extra or []),
    ]
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
