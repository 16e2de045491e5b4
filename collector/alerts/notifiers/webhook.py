"""POST to a URL. Resolve once, connect by address, follow no redirect, read little, never for long.

The path and query of a webhook's URL are often its only secret: no error, log line or exception made
here repeats them.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from collector.alerts.notification import Notification
from collector.alerts.notifiers.addresses import check_literal, resolve
from collector.alerts.notifiers.alertmanager import payload
from collector.alerts.notifiers.base import DeliveryError, InvalidTarget, Notifier, Policy

MAX_URL_CHARACTERS = 2048
_RETRYABLE = frozenset({408, 425, 429})  # and every 5xx
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,254}}\Z){_LABEL}(?:\.{_LABEL})*\.?", re.IGNORECASE)
_IPV4 = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WebhookUrl:
    """A webhook's URL, taken apart and found sound."""

    tls: bool
    host: str
    port: int
    path: str  # with the query
    authority: str  # for the Host header

    @classmethod
    def parse(cls, url: str) -> WebhookUrl:
        """Raises InvalidTarget with a reason for a person; the reason never repeats the URL."""
        _check_characters(url)
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise InvalidTarget("the webhook is not a valid URL") from None
        if parts.scheme not in ("http", "https"):
            raise InvalidTarget("the webhook must be an http:// or https:// URL")
        if "@" in parts.netloc:
            raise InvalidTarget("the webhook must not carry a user name or password")
        host = _sound_host(parts.hostname or "")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        tls = parts.scheme == "https"
        return cls(tls, host, (443 if tls else 80) if port is None else port, path, parts.netloc)


class WebhookNotifier(Notifier):
    """Alertmanager's outgoing webhook format to an http or https URL."""

    key = "webhook"

    def accepts(self, target: str) -> bool:
        return True  # last of the registry; `check` says what is wrong with what nobody else wanted

    def check(self, target: str, policy: Policy) -> None:
        check_literal(WebhookUrl.parse(target).host, policy.allow_private)

    def send(self, target: str, notification: Notification, policy: Policy) -> None:
        url = WebhookUrl.parse(target)
        body = json.dumps(payload(notification, policy.external_url)).encode()
        deadline = time.monotonic() + policy.timeout_s
        address = resolve(url.host, url.port, policy.allow_private, policy.timeout_s)
        with _connected(url, address, deadline) as connection:
            _judge(_post(connection, url, body))


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    retry_after: str


@contextmanager
def _connected(url: WebhookUrl, address: str, deadline: float) -> Iterator[http.client.HTTPConnection]:
    """A connection to the address that is cut at the deadline, however slowly the other side drips:
    a socket's own timeout starts anew with every byte."""
    connection = http.client.HTTPConnection(url.host, url.port)
    connection.sock = socket.create_connection((address, url.port), timeout=_left_s(deadline))
    cut = threading.Timer(_left_s(deadline), _cut, (connection,))
    cut.daemon = True
    cut.start()
    try:
        if url.tls:
            _secure(connection, url.host)
        yield connection
    except (http.client.HTTPException, ssl.SSLError, ConnectionError) as error:
        if time.monotonic() >= deadline:
            raise TimeoutError from None
        raise DeliveryError(_plain(error), final=False) from None
    finally:
        cut.cancel()
        connection.close()


def _left_s(deadline: float) -> float:
    return max(0.1, deadline - time.monotonic())


def _secure(connection: http.client.HTTPConnection, host: str) -> None:
    """TLS for the name that was asked for, on the connection to its address. The handshake comes after
    the swap of sockets, so that the deadline can cut it too."""
    context = ssl.create_default_context()
    secured = context.wrap_socket(connection.sock, server_hostname=host, do_handshake_on_connect=False)
    connection.sock = secured
    try:
        secured.do_handshake()
    except ssl.SSLCertVerificationError as error:
        reason = f"the certificate is not valid for this host: {error.verify_message}"
        raise DeliveryError(reason, final=False) from None


def _cut(connection: http.client.HTTPConnection) -> None:
    sock = connection.sock
    try:
        if sock is not None:
            socket.socket.shutdown(sock, socket.SHUT_RDWR)  # beneath TLS, whose own shutdown would wait
    except OSError:
        return  # closed in the meantime, which is what this is for


def _post(connection: http.client.HTTPConnection, url: WebhookUrl, body: bytes) -> _Answer:
    headers = {
        "Host": url.authority,
        "Content-Type": "application/json",
        "User-Agent": "tracekit-alerts",
        "Connection": "close",
    }
    connection.request("POST", url.path, body, headers)
    with connection.getresponse() as response:  # status and headers only; the body is nobody's concern
        return _Answer(response.status, response.headers.get("Retry-After", ""))


def _judge(answer: _Answer) -> None:
    """Return if the receiver took the message; otherwise say whether to come again."""
    if 200 <= answer.status < 300:
        return
    if 300 <= answer.status < 400:
        raise DeliveryError(f"answered {answer.status}: redirects are not followed", final=True)
    final = answer.status < 500 and answer.status not in _RETRYABLE
    raise DeliveryError(
        f"answered {answer.status}", final=final, retry_after_s=retry_after_seconds(answer.retry_after)
    )


def retry_after_seconds(text: str) -> float | None:
    """The Retry-After header (RFC 9110: seconds, or a date) as seconds from now; None if it says nothing."""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, moment.timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _plain(error: Exception) -> str:
    """An error's kind in words; messages of http.client may repeat what the other side sent."""
    if isinstance(error, ssl.SSLError):
        return "the TLS handshake failed"
    if isinstance(error, ConnectionError):
        return error.strerror or "the connection was closed before an answer"
    return "the answer is not HTTP"


def _check_characters(url: str) -> None:
    if len(url) > MAX_URL_CHARACTERS:
        raise InvalidTarget(f"the webhook's URL is longer than {MAX_URL_CHARACTERS} characters")
    if not url.isascii():
        raise InvalidTarget("the webhook must be ASCII: write international host names as xn--… (punycode)")
    if any(character <= " " or character in '\x7f\\"<>^`{|}' for character in url):
        raise InvalidTarget("the webhook contains a space or another character no URL may contain")


def _sound_host(host: str) -> str:
    """A host name or a plainly written address: what the resolver would guess at (2130706433, 0x7f.1, 127.1)
    is refused rather than guessed."""
    if not host:
        raise InvalidTarget("the webhook names no host")
    if ":" in host:
        return host  # urlsplit has checked the brackets and the IPv6 address within
    if not _HOST_NAME.fullmatch(host):
        raise InvalidTarget("the webhook's host name is not valid")
    last = host.rstrip(".").rpartition(".")[2]
    if _NUMBER.fullmatch(last) and not _strict_ipv4(host):
        raise InvalidTarget("write an IPv4 address as four decimal numbers")
    return host


def _strict_ipv4(host: str) -> bool:
    if not _IPV4.fullmatch(host):
        return False
    parts = host.split(".")
    return all(int(part) <= 255 and str(int(part)) == part for part in parts)
