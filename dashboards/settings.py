"""What the dashboards are told at start, frozen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UiSettings:
    """Settings of the dashboards.

    `allowed_hosts` are Host names answered besides the loopback ones; "*" answers any (for use behind
    a proxy that checks). `otlp_endpoint` is printed in empty states for people to copy. `now_ns` is the
    clock, nanoseconds since the epoch; tests stop it.
    """

    allowed_hosts: tuple[str, ...] = ()
    otlp_endpoint: str = "http://127.0.0.1:4318"
    now_ns: Callable[[], int] = time.time_ns
