"""What the dashboards are told at start, frozen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from collector.analysis.cost import CURRENCY, DEFAULT_PRICES, Price


@dataclass(frozen=True, slots=True)
class UiSettings:
    """Settings of the dashboards.

    `allowed_hosts` are Host names answered besides the loopback ones; "*" answers any (for use behind
    a proxy that checks). `otlp_endpoint` is printed in empty states for people to copy. `now_ns` is the
    clock, nanoseconds since the epoch; tests stop it. `prices` are by cloud.platform, in `currency`.
    `team_attribute` and `tag_attributes` are keys of resources: whose a function is, and what it is
    listed and filtered by. `boards_folder` holds dashboards of whoever runs this; without it none are saved.
    """

    allowed_hosts: tuple[str, ...] = ()
    otlp_endpoint: str = "http://127.0.0.1:4318"
    now_ns: Callable[[], int] = time.time_ns
    prices: Mapping[str, Price] = field(default_factory=lambda: DEFAULT_PRICES)
    currency: str = CURRENCY
    team_attribute: str = "service.namespace"
    tag_attributes: tuple[str, ...] = ("deployment.environment.name",)
    boards_folder: Path | None = None
