"""OTLP over HTTP/1.1, straight on a socket with keep-alive.

`http.client` costs 16 ms of a cold start, `requests` 71, opentelemetry's exporter about 104 at first flush.
"""

from __future__ import annotations

import _socket
from time import monotonic

from tracekit import otlp
from tracekit.exporters.base import DONE, REFUSED, RETRY, Exporter, Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from tracekit.span import Span

_RETRYABLE = (429, 502, 503, 504)  # OTLP specification, "Retryable response codes"
# An answer is a few bytes, or a page of a proxy, of which the status is all that is of use.
_MAX_HEAD, _MAX_BODY = 16 << 10, 16 << 10
_MAX_RETRY_AFTER_S = 300.0


class TlsFiles:
    """Paths of PEM files, each may be empty: what to trust instead of the system's roots, and who we are."""

    __slots__ = ("authorities", "certificate", "key")

    def __init__(self, authorities: str = "", certificate: str = "", key: str = "") -> None:
        self.authorities = authorities
        self.certificate = certificate
        self.key = key


class Broken(Exception):
    """The exchange failed in a way a new connection may mend."""


class OtlpHttpExporter(Exporter):
    """Posts protobuf to one URL. Not safe for two threads at once; the flusher has only one."""

    content_type = "application/x-protobuf"

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        gzip: bool = False,
        tls: TlsFiles | None = None,
        encode: Callable[[list[Any], Mapping[str, Any], int], bytes] = otlp.encode,
        signal: str = "spans",
    ) -> None:
        self.url = url
        self.signal = signal
        self._encode = encode
        if self.content_type == "application/x-protobuf":
            self.spools_as = "otlp.gz" if gzip else "otlp"
        self._tls = tls or TlsFiles()
        self._tls_context: Any = None
        self.secure, self.host, self.port, self.path = split_url(url)
        self._gzip = gzip
        self._head = self._fixed_head(headers or {})
        self._socket: Any = None
        self._in_tls = self._ending = False

    def encode(self, spans: list[Span], resource: Mapping[str, Any], dropped: int) -> tuple[Any, int]:
        body = self.render(self._encode(spans, resource, dropped))
        if self._gzip:
            body = _gzip(body)
        return body, len(body)

    def render(self, body: bytes) -> bytes:
        """What is posted for an encoded request."""
        return body

    def join(self, bodies: list[Any]) -> Any:
        # Protobuf messages one after the other are one message whose repeated fields continue. Compressed
        # ones are too, by the letter of gzip, but few receivers read past the first member.
        return None if self._gzip else b"".join(bodies)

    def send(self, body: Any, deadline: float) -> Result:
        try:
            self._in_tls = self._socket is not None and self.secure
            status, headers, answer = self._exchange(body, deadline)
        except (OSError, Broken, ValueError) as error:
            self.close()
            reason = (
                "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
            )
            return Result(RETRY, f"cannot reach {self.url} ({reason})")
        finally:
            self._in_tls = False
        return self._judge(status, headers, answer)

    def interrupt(self) -> bool:
        if not self.secure:
            return False  # let it go on for as long as the process does
        # OpenSSL's own exit handler frees what a handshake on our thread uses: that ends in a crash.
        self._ending = True
        connection = self._socket
        if connection is not None:
            try:
                _socket.socket.shutdown(connection, _socket.SHUT_RDWR)
            except OSError:
                return self._in_tls  # not connected, or not any more
        return self._in_tls

    def forget_connection(self) -> None:
        self.close()  # closing the child's copy of the descriptor leaves the parent's connection alone

    def close(self) -> None:
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()

    def _exchange(self, body: bytes, deadline: float) -> tuple[int, dict[str, str], bytes]:
        if self._socket is not None:
            try:
                return self._once(body, deadline)
            except TimeoutError:
                raise
            except (OSError, Broken):
                # The peer closed it while we were idle or frozen. The same bytes may arrive twice;
                # the receiver tells by span id.
                self.close()
        self._socket = self._connect(deadline)
        return self._once(body, deadline)

    def _once(self, body: bytes, deadline: float) -> tuple[int, dict[str, str], bytes]:
        connection = self._socket
        connection.settimeout(_left(deadline))
        connection.sendall(self._head + str(len(body)).encode() + b"\r\n\r\n" + body)
        reader = _Reader(connection, deadline)
        status, headers = reader.head()
        answer, complete = reader.body(status, headers)
        if not complete or headers.get("connection", "").lower() == "close":
            self.close()
        return status, headers, answer

    def _connect(self, deadline: float) -> Any:
        if self.secure:
            return self._connect_tls(deadline)
        error: OSError = OSError(f"no address for {self.host}")
        for family, kind, protocol, _, address in _addresses(self.host, self.port):
            connection = _socket.socket(family, kind, protocol)
            try:
                connection.settimeout(_left(deadline))
                connection.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
                connection.connect(address)
            except OSError as failure:
                connection.close()
                error = failure
            else:
                return connection
        raise error

    def _connect_tls(self, deadline: float) -> Any:
        self._in_tls = True
        if self._tls_context is None:
            self._tls_context = _tls_context(self._tls)
        import socket

        self._in_tls = False  # waiting for a connection is nothing an exit disturbs
        plain = socket.create_connection((self.host, self.port), timeout=_left(deadline))
        self._in_tls = True
        try:
            if self._ending:
                raise Broken("the process ends")
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wrapped = self._tls_context.wrap_socket(
                plain, server_hostname=self.host, do_handshake_on_connect=False
            )
            self._socket = wrapped  # from here on `interrupt` can end it
            wrapped.do_handshake()
            return wrapped
        except BaseException:
            plain.close()
            raise

    def _fixed_head(self, headers: Mapping[str, str]) -> bytes:
        host = f"[{self.host}]" if ":" in self.host else self.host
        lines = [
            f"POST {self.path} HTTP/1.1",
            f"Host: {host}:{self.port}",
            "User-Agent: tracekit",
            f"Content-Type: {self.content_type}",
        ]
        if self._gzip:
            lines.append("Content-Encoding: gzip")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines.append("Content-Length: ")
        return "\r\n".join(lines).encode("latin-1", "replace")

    def _judge(self, status: int, headers: dict[str, str], answer: bytes) -> Result:
        if 200 <= status < 300:
            partial = "application/x-protobuf" in headers.get("content-type", "") and answer
            return Result(DONE, f"{self.url} rejected some {self.signal}" if partial else "")
        if status in _RETRYABLE:
            return Result(RETRY, f"{self.url} answered {status}", _retry_after(headers))
        hint = {401: "; check OTEL_EXPORTER_OTLP_HEADERS", 404: "; check OTEL_EXPORTER_OTLP_ENDPOINT"}.get(
            status, ""
        )
        result = Result(REFUSED, f"{self.url} answered {status}: {self.signal} dropped{hint}")
        result.absent = status == 404
        return result


class _Reader:
    """Reads one bounded HTTP/1.1 response before a deadline."""

    def __init__(self, connection: Any, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._buffer = b""

    def head(self) -> tuple[int, dict[str, str]]:
        while True:
            raw = self._until(b"\r\n\r\n", _MAX_HEAD)
            lines = raw.decode("latin-1").split("\r\n")
            version, _, rest = lines[0].partition(" ")
            if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
                raise Broken("the answer is not HTTP")
            status = int(rest[:3])
            if status >= 200:  # 1xx answers are followed by the real one
                break
        pairs = [line.partition(":") for line in lines[1:]]
        return status, {name.strip().lower(): value.strip() for name, _, value in pairs}

    def body(self, status: int, headers: dict[str, str]) -> tuple[bytes, bool]:
        """The body, and whether the connection is clean after it."""
        if status in (204, 304):
            return b"", True
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._chunked()
        length = headers.get("content-length", "")
        if not length.isdigit() or int(length) > _MAX_BODY:
            return b"", False  # the status is known; an endless body is not worth reading
        return self._exactly(int(length)), True

    def _chunked(self) -> tuple[bytes, bool]:
        body = b""
        while len(body) <= _MAX_BODY:
            size = int(self._until(b"\r\n", 64).split(b";")[0], 16)
            if size > _MAX_BODY:
                break
            body += self._exactly(size)
            self._until(b"\r\n", _MAX_HEAD)
            if size == 0:
                return body, True
        return b"", False

    def _until(self, mark: bytes, limit: int) -> bytes:
        while (end := self._buffer.find(mark)) < 0:
            if len(self._buffer) > limit:
                raise Broken("the answer's head is too long")
            self._more()
        taken, self._buffer = self._buffer[:end], self._buffer[end + len(mark) :]
        return taken

    def _exactly(self, length: int) -> bytes:
        while len(self._buffer) < length:
            self._more()
        taken, self._buffer = self._buffer[:length], self._buffer[length:]
        return taken

    def _more(self) -> None:
        self._connection.settimeout(_left(self._deadline))
        data = self._connection.recv(8192)
        if not data:
            raise Broken("connection closed by the peer")
        self._buffer += data


def split_url(url: str) -> tuple[bool, str, int, str]:
    """(https?, host, port, path) of an http or https URL. Raises ValueError for anything else."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        raise ValueError(f"not an http(s) URL: {url!r}")
    secure = scheme.lower() == "https"
    authority, slash, path = rest.partition("/")
    authority = authority.rpartition("@")[2]
    if authority.startswith("["):
        host, _, tail = authority[1:].partition("]")
        port = tail[1:]
    else:
        host, _, port = authority.partition(":")
    if not host or (port and not port.isdigit()):
        raise ValueError(f"not an http(s) URL: {url!r}")
    return secure, host, int(port) if port else (443 if secure else 80), slash + path or "/"


def _addresses(host: str, port: int) -> list[Any]:
    # An IPv4 literal needs no resolver, and with it neither the "idna" codec nor /etc/hosts.
    if host.replace(".", "").isdigit():
        return [(_socket.AF_INET, _socket.SOCK_STREAM, 0, "", (host, port))]
    return _socket.getaddrinfo(host.encode("ascii", "ignore"), port, 0, _socket.SOCK_STREAM)


def _tls_context(files: TlsFiles) -> Any:
    # Loaded here, after the response: ssl and its context cost at least 24 ms.
    import ssl

    context = ssl.create_default_context(cafile=files.authorities or None)
    if files.certificate:
        context.load_cert_chain(files.certificate, files.key or None, _no_password)
    return context


def _no_password() -> str:
    raise ValueError("the client key is encrypted, and there is nobody to ask for its password")


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError("no time left")
    return left


def _retry_after(headers: dict[str, str]) -> float:
    text = headers.get("retry-after", "")
    if text.isdigit():
        return min(float(text), _MAX_RETRY_AFTER_S)
    return min(_seconds_until(text), _MAX_RETRY_AFTER_S) if text else 0.0


def _seconds_until(date: str) -> float:
    """Seconds to the moment an HTTP date names; 0 if it is past or no date."""
    from email.utils import parsedate_to_datetime  # only when a receiver uses the rarer form
    from time import time

    try:
        return max(parsedate_to_datetime(date).timestamp() - time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _gzip(body: bytes) -> bytes:
    from zlib import compressobj

    packer = compressobj(1, wbits=31)  # 31: a gzip header around deflate
    return packer.compress(body) + packer.flush()
