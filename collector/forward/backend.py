"""The other backend over one kept connection, and whether what it answered is final."""

from __future__ import annotations

import contextlib
import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from collector.forward.record import Record

_RETRYABLE = (429, 502, 503, 504)
_LONGEST_WAIT_S = 300.0
_READ_AT_MOST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """`retry`: come back with it, after `wait_s` if the backend said so. Else `trouble` "" is success, and
    anything else the reason why it is given up."""

    trouble: str = ""
    retry: bool = False
    wait_s: float = 0.0


class Backend:
    """One thread's. Redirects are not followed: they would carry the headers elsewhere."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout_s: float) -> None:
        self._url = urlsplit(url)
        self._headers = dict(headers)
        self._timeout_s = timeout_s
        self._context = ssl.create_default_context() if self._url.scheme == "https" else None
        self._connection: http.client.HTTPConnection | None = None

    def send(self, record: Record) -> Outcome:
        try:
            return self._post(record)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Outcome(f"{type(error).__name__}: {error}", retry=True)

    def close(self) -> None:
        if self._connection:
            with contextlib.suppress(OSError):
                self._connection.close()
        self._connection = None

    def _post(self, record: Record) -> Outcome:
        headers = {"content-type": "application/json" if record.json else "application/x-protobuf"}
        if record.gzipped:
            headers["content-encoding"] = "gzip"
        connection = self._connected()
        path = f"{self._url.path}/v1/{record.signal}"
        connection.request("POST", path, record.body, self._headers | headers)
        response = connection.getresponse()
        whole = len(response.read(_READ_AT_MOST)) < _READ_AT_MOST
        if response.will_close or not whole:
            self.close()
        if 200 <= response.status < 300:
            return Outcome()
        if response.status in _RETRYABLE:
            return Outcome(f"HTTP {response.status}", True, _seconds(response.getheader("retry-after")))
        return Outcome(f"HTTP {response.status}")

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            host, port = self._url.hostname or "", self._url.port
            if self._context:
                self._connection = http.client.HTTPSConnection(
                    host, port, timeout=self._timeout_s, context=self._context
                )
            else:
                self._connection = http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        return self._connection


def _seconds(text: str | None) -> float:
    """Retry-After in seconds; a date, which OTLP does not ask for, counts as none."""
    return min(float(text), _LONGEST_WAIT_S) if text and text.isascii() and text.isdigit() else 0.0
