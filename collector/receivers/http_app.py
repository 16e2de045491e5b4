"""The ASGI application of all HTTP receivers: finds the route, reads, exports, answers in its encoding."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from collector import payload
from collector.decode.registry import DECODERS
from collector.decode.result import Decoded
from collector.ingest import Ingest
from collector.payload import Payload, Signal
from collector.receivers import asgi, status
from collector.receivers.access import Access
from collector.receivers.asgi import App, Receive, Scope, Send
from collector.receivers.body import BodyLimits, Gone, read_body
from collector.receivers.counts import Counts
from collector.receivers.status import Failure

log = logging.getLogger(__name__)

_HELLO = (
    b"tracekit collector: send OTLP with POST /v1/traces, /v1/metrics, /v1/logs (protobuf or JSON), "
    b"or Zipkin v2 JSON with POST /api/v2/spans.\n"
)


# Probes of whoever runs the process, who has no token.
UNGUARDED = frozenset({"/healthz", "/readyz"})


@dataclass(frozen=True, slots=True)
class Encoding:
    """How one media type is read and answered."""

    media_type: str
    name: payload.Encoding
    success: Callable[[Signal, Decoded], bytes]
    failure: Callable[[Failure], bytes]
    success_status: int = 200


@dataclass(frozen=True, slots=True)
class Route:
    """A path that takes payloads. `encodings` are by media type; `fallback` answers what named none."""

    path: str
    protocol: str
    signal: Signal
    encodings: Mapping[str, Encoding]
    fallback: Encoding

    @property
    def is_taken(self) -> bool:
        return any((self.signal, encoding.name) in DECODERS for encoding in self.encodings.values())


@dataclass(frozen=True, slots=True)
class Doorway:
    """What all receivers share: who may send, what is counted, and who hears of what was acknowledged."""

    access: Access = field(default_factory=Access)
    counts: Counts = field(default_factory=Counts)
    acknowledged: Callable[[Payload], None] = lambda payload: None


class HttpReceivers:
    """The Host header plays no role: ingest is not a browser's business.

    `operations` answers GET and HEAD at the paths it names (health, metrics); all but UNGUARDED ask for a
    token where senders need one.
    """

    def __init__(
        self,
        ingest: Ingest,
        routes: Sequence[Route],
        limits: BodyLimits,
        doorway: Doorway | None = None,
        operations: Mapping[str, App] | None = None,
    ) -> None:
        self._ingest = ingest
        self._routes = {route.path: route for route in routes}
        self._limits = limits
        self._doorway = doorway or Doorway()
        self._operations = operations or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await asgi.lifespan(receive, send)
        elif scope["type"] == "http":
            await self._respond(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, reading = scope["path"], scope["method"] in ("GET", "HEAD")
        if path == "/" and reading:
            await asgi.answer(send, 200, "text/plain; charset=utf-8", _HELLO)
        elif path in self._operations and reading:
            await self._operate(path, scope, receive, send)
        else:
            await self._take(scope, receive, send)

    async def _operate(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if path not in UNGUARDED:
                self._doorway.access.identify(asgi.headers_of(scope).get("authorization", ""))
        except Failure as failure:
            await _send_failure(send, failure, self._routes["/v1/traces"].fallback)
        else:
            await self._operations[path](scope, receive, send)

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = asgi.headers_of(scope)
        route = self._routes.get(scope["path"])
        encoding = _encoding(route, headers) or (route or self._routes["/v1/traces"]).fallback
        try:
            decoded = await self._export(_require(route, scope["method"], scope["path"]), headers, receive)
        except Exception as error:
            code = await _send_failure(send, _failure(error), encoding)
        else:
            code = encoding.success_status
            body = encoding.success(route.signal if route else "traces", decoded)
            await asgi.answer(send, code, encoding.media_type, body)
        protocol, signal = (route.protocol, route.signal) if route else ("otlp_http", "none")
        self._doorway.counts.answered(protocol, signal, str(code))

    async def _export(self, route: Route, headers: Mapping[str, str], receive: Receive) -> Decoded:
        sender = self._doorway.access.admit(headers.get("authorization", ""))
        encoding = _require_encoding(route, headers)
        with self._ingest.reserve() as reservation:
            body = await read_body(headers, receive, reservation, self._limits)
            sender.quota.charge(len(body.plain))
            offered = Payload(
                route.signal, encoding.name, body.plain, time.time_ns(), body.compressed, body.coding
            )
            decoded = await self._ingest.export(offered)
        status.require_salvageable(decoded)
        self._doorway.acknowledged(offered)
        kept, rejected = len(decoded.batch), decoded.rejected_items
        self._doorway.counts.took(route.protocol, route.signal, len(body.plain), kept, rejected)
        return decoded


def _failure(error: Exception) -> Failure:
    if isinstance(error, Gone):  # nobody reads this answer
        return Failure(400, status.INVALID_ARGUMENT, "the body was cut off")
    return status.failure_or_unavailable(error)


# ---------------------------------------------------------------- the request's head


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _encoding(route: Route | None, headers: Mapping[str, str]) -> Encoding | None:
    return route.encodings.get(_media_type(headers)) if route else None


def _require(route: Route | None, method: str, path: str) -> Route:
    if route is None:
        message = f"there is nothing at {path[:100]}: OTLP goes to /v1/traces, /v1/metrics, /v1/logs"
        raise Failure(404, status.UNIMPLEMENTED, message)
    if not route.is_taken:
        raise Failure(404, status.UNIMPLEMENTED, f"not yet: this version takes no {route.signal}")
    if method != "POST":
        raise Failure(405, status.UNIMPLEMENTED, f"{route.signal} are sent with POST")
    return route


def _require_encoding(route: Route, headers: Mapping[str, str]) -> Encoding:
    encoding = _encoding(route, headers)
    if encoding is None:
        known, given = " or ".join(filter(None, route.encodings)), headers.get("content-type", "none")
        raise Failure(415, status.INVALID_ARGUMENT, f"Content-Type must be {known}, not {given[:100]}")
    parameters = headers.get("content-type", "").lower().replace(" ", "").replace('"', "").split(";")[1:]
    if any(p.startswith("charset=") and p != "charset=utf-8" for p in parameters):
        raise Failure(415, status.INVALID_ARGUMENT, "the only charset is utf-8")
    return encoding


# ---------------------------------------------------------------- the answer


async def _send_failure(send: Send, failure: Failure, encoding: Encoding) -> int:
    """The status sent. (A caller that kept the failure would keep the frames it came through, its own too,
    and with them the body that was refused.)"""
    extra = []
    if failure.retry_after_s:
        extra.append((b"retry-after", str(failure.retry_after_s).encode()))
    if failure.http_status == 401:
        extra.append((b"www-authenticate", b'Bearer realm="tracekit"'))
    if failure.http_status == 405:
        extra.append((b"allow", b"POST"))
    if failure.http_status in (401, 408, 413):  # the rest of the body is not worth reading
        extra.append((b"connection", b"close"))
    await asgi.answer(send, failure.http_status, encoding.media_type, encoding.failure(failure), extra)
    return failure.http_status
