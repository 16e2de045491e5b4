"""Free ports on loopback for servers that must be told their port before they start."""

from __future__ import annotations

import itertools
import os
import socket

# Below Linux' range for outgoing connections (32768-60999), so that none can take a port between our look and
# the server's bind; the start differs by process, so that two demos side by side rarely meet.
_candidates = itertools.cycle(range(20_000, 32_000))
for _ in range(os.getpid() * 37 % 12_000):
    next(_candidates)


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port nobody listens on and this process has not handed out recently."""
    return next(port for port in _candidates if is_free(port))


def listens(port: int) -> bool:
    """Whether something accepts connections on `port`. A connection is not a request: no call is counted."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
