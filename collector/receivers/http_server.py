"""uvicorn with the bounds it lacks: time and size of a request's head (RELIABILITY.md, "OTLP in Python")."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from collector.settings import Address

_MAX_HEADERS = 200
_MAX_HEAD_BYTES = 64 * 1024
_SHUTDOWN_S = 3
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def _bounded_protocol(header_timeout_s: float) -> type[HttpToolsProtocol]:
    """uvicorn builds protocols itself, so the bound travels in the class."""

    class Protocol(HttpToolsProtocol):
        """Closes a connection that takes too long, or too much, before its request begins."""

        _deadline: asyncio.TimerHandle | None = None
        _head_bytes = 0

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._start_deadline()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._head_bytes = 0
            self._start_deadline()

        def on_url(self, url: bytes) -> None:
            super().on_url(url)
            self._count(len(url))

        def on_header(self, name: bytes, value: bytes) -> None:
            super().on_header(name, value)
            self._count(len(name) + len(value))

        def on_headers_complete(self) -> None:
            self._stop_deadline()
            if not self.transport.is_closing():
                super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_deadline()
            super().connection_lost(exc)

        def _start_deadline(self) -> None:
            self._stop_deadline()
            self._deadline = self.loop.call_later(header_timeout_s, self.transport.close)

        def _stop_deadline(self) -> None:
            if self._deadline:
                self._deadline.cancel()
                self._deadline = None

        def _count(self, size: int) -> None:
            self._head_bytes += size
            if self._head_bytes > _MAX_HEAD_BYTES or len(self.headers) > _MAX_HEADERS:
                self._refuse()

        def _refuse(self) -> None:
            if not self.transport.is_closing():
                self.transport.write(_TOO_LARGE)
                self.transport.close()

    return Protocol


class _Server(uvicorn.Server):
    """Signals belong to whoever composes the process, not to one of its servers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _TlsServer(_Server):
    """uvicorn leaves a minute for a handshake, while nothing counts the connection: as long as for a head."""

    def __init__(self, config: uvicorn.Config, context: ssl.SSLContext, handshake_timeout_s: float) -> None:
        super().__init__(config)
        self._context = context
        self._handshake_timeout_s = handshake_timeout_s

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(
                self._protocol,
                sock=listener,
                ssl=self._context,
                ssl_handshake_timeout=self._handshake_timeout_s,
            )
            for listener in sockets or ()
        ]
        self.started = True

    def _protocol(self) -> asyncio.Protocol:
        kind: Any = self.config.http_protocol_class
        made: asyncio.Protocol = kind(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


@contextlib.asynccontextmanager
async def serving(
    app: Any, address: Address, header_timeout_s: float, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Address]:
    """Listens while the context lasts and says where (port 0 becomes a real one); over TLS if given.

    On leaving, requests under way get a few seconds to finish. OSError if the address is taken.
    """
    listener = listen(address)
    host, port = listener.getsockname()[:2]
    config = uvicorn.Config(
        app,
        http=_bounded_protocol(header_timeout_s),
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_SHUTDOWN_S,
    )
    server = _TlsServer(config, tls, header_timeout_s) if tls else _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        # The listener queues connections already: there is nothing to wait for.
        yield Address(host, port)
    finally:
        server.should_exit = True
        await task
        listener.close()


def listen(address: Address) -> socket.socket:
    """OSError, naming the address, if it cannot be had."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {address}: {error.strerror}") from error
    listener.listen(1024)
    listener.setblocking(False)
    return listener
