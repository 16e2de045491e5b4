"""Who may send, and how much: bearer tokens kept as hashes, each with a quota of its own."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from collector.ingest import Busy
from collector.receivers import status
from collector.receivers.status import Failure

_SCHEME = "bearer "


@dataclass(frozen=True, slots=True)
class Token:
    """A sender. `sha256` is of the secret, which is kept nowhere; a `bytes_per_second` of 0 is no quota."""

    name: str
    sha256: bytes
    bytes_per_second: int = 0
    burst_bytes: int = 0


class Quota:
    """A token bucket that may be overdrawn by one payload: sizes are known only when a body has been read,
    so whoever is in debt waits, and over time the rate is kept exactly."""

    def __init__(self, rate: int, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = float(max(burst, rate))
        self._clock = clock
        self._lock = threading.Lock()
        self._level = self._burst
        self._at = clock()

    def require(self) -> None:
        """Raises Busy, with the time until the debt is paid."""
        with self._lock:
            self._refill()
            debt = -self._level
        if self._rate and debt > 0:
            raise Busy("this token's quota is used up", debt / self._rate)

    def charge(self, size: int) -> None:
        with self._lock:
            self._refill()
            self._level -= size

    def _refill(self) -> None:
        now = self._clock()
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now


class Sender:
    """One token at work."""

    def __init__(self, token: Token | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = token.name if token else ""
        rate, burst = (token.bytes_per_second, token.burst_bytes) if token else (0, 0)
        self.quota = Quota(rate, burst, clock)


class Access:
    """The door of every receiver. Without tokens it is open."""

    def __init__(self, tokens: Iterable[Token] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._senders = {token.sha256: Sender(token, clock) for token in tokens}
        self._anyone = Sender(None, clock)

    def admit(self, authorization: str) -> Sender:
        """The sender of an `Authorization` header. Raises Failure (401), or Busy if its quota is used up."""
        sender = self.identify(authorization)
        sender.quota.require()
        return sender

    def identify(self, authorization: str) -> Sender:
        """The same, whatever is left of its quota."""
        if not self._senders:
            return self._anyone
        if not authorization.lower().startswith(_SCHEME):
            raise _unauthenticated("a token is needed: Authorization: Bearer TOKEN")
        # Looked up by hash: how long that takes says nothing about the secret.
        digest = hashlib.sha256(authorization[len(_SCHEME) :].strip().encode()).digest()
        sender = self._senders.get(digest)
        if sender is None:
            raise _unauthenticated("this token is not known")
        return sender


def _unauthenticated(message: str) -> Failure:
    return Failure(401, status.UNAUTHENTICATED, message)
