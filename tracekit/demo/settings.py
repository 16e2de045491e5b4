"""The demo's options, read once."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from tracekit.demo.ports import is_free

DEFAULT_PORTS = {"otlp_http": 4318, "otlp_grpc": 4317, "ui": 7318}


@dataclass(frozen=True)
class Settings:
    """`data` is None for a temporary folder; an address is HOST:PORT, port 0 for any free one."""

    seconds: float | None
    seed: int
    rate: float
    data: Path | None
    otlp_http: str
    otlp_grpc: str
    ui: str
    ledger: Path | None
    hold: bool
    progress: bool
    incidents: bool = False
    moved: tuple[str, ...] = ()
    """Sentences about default ports that were taken."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `tracekit demo`."""
    parser.add_argument(
        "--seconds", type=_positive, metavar="N", help="stop after N seconds (default: until Ctrl-C)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="repeat the same requests (default 1)"
    )
    parser.add_argument(
        "--rate", type=_positive, default=1.0, metavar="X", help="multiply the load (default 1)"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="keep traces here (default: a temporary folder)"
    )
    parser.add_argument("--otlp-http", metavar="HOST:PORT", help="OTLP over HTTP (default 127.0.0.1:4318)")
    parser.add_argument("--otlp-grpc", metavar="HOST:PORT", help="OTLP over gRPC (default 127.0.0.1:4317)")
    parser.add_argument("--ui", metavar="HOST:PORT", help="the dashboards (default 127.0.0.1:7318)")
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="write what really happened, as JSON")
    parser.add_argument(
        "--hold", action="store_true", help="when the load has ended, keep the dashboards running"
    )
    parser.add_argument(
        "--incidents", action="store_true", help="begin with two made-up hours in which five incidents happen"
    )
    parser.add_argument("--no-progress", action="store_true", help="print no progress line")


def read(options: argparse.Namespace) -> Settings:
    """Turns parsed options into settings; a default port that is taken becomes a free one."""
    addresses, moved = {}, []
    for name, port in DEFAULT_PORTS.items():
        given = getattr(options, name)
        addresses[name] = given or f"127.0.0.1:{port if is_free(port) else 0}"
        if not given and not is_free(port):
            moved.append(f"Port {port} is taken, so {_TITLES[name]} uses a free one.")
    return Settings(
        seconds=options.seconds,
        seed=options.seed,
        rate=options.rate,
        data=options.data,
        ledger=options.ledger,
        hold=options.hold,
        progress=not options.no_progress,
        incidents=options.incidents,
        moved=tuple(moved),
        **addresses,
    )


_TITLES = {"otlp_http": "OTLP over HTTP", "otlp_grpc": "OTLP over gRPC", "ui": "the dashboard"}


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not greater than zero")
    return value
