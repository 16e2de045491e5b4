"""Three times what the collector can take, for minutes: memory stays bounded, work goes on, no answer lies.

    python benchmarks/overload.py [--minutes 10] [--factor 3]

First a closed loop tells what this machine can take for a minute, counted to the end of the inserts; then an
open loop offers a multiple of it. Both make payloads as they send them, so the sender beside the collector
costs the same a payload, and in both the store is looked after as it is in production. Goodput is what was
acknowledged against the first figure. At the end the store is opened by other means and its spans are counted
against the acknowledged ones.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from pathlib import Path

import duckdb
import servers

MOST_RSS_MIB = 1_536
LEAST_GOODPUT = 0.90
_CAPACITY = ("--seconds", "60", "--as-sent", "--seed", "1")


class Watch(threading.Thread):
    """The largest resident set, looked at four times a second."""

    def __init__(self, server: servers.Server) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._stop_now = threading.Event()
        self.most = 0.0

    def run(self) -> None:
        while not self._stop_now.wait(0.25):
            self.most = max(self.most, self._server.rss_mib)

    def stop(self) -> float:
        self._stop_now.set()
        self.join()
        return self.most


def stored(folder: Path) -> int:
    total = 0
    for path in folder.glob("*.duckdb"):
        with duckdb.connect(str(path), read_only=True) as connection:
            if ("spans",) in connection.execute("SHOW TABLES").fetchall():
                total += connection.execute("SELECT count(*) FROM spans").fetchall()[0][0]
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--factor", type=float, default=3.0)
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with servers.tracekit(folder) as server:
            can = servers.load(server.otlp, *_CAPACITY, "--connections", str(options.connections))
            can["spans_per_s"] = can["acknowledged"] / (can["seconds"] + server.settle())
            watch = Watch(server)
            watch.start()
            over = overload(server, options, can["spans_per_s"])
            most = watch.stop()
        in_store = stored(folder)
    goodput = over["spans_per_s"] / can["spans_per_s"]
    total = int(can["acknowledged"] + over["acknowledged"])
    print(f"it can take   {can['spans_per_s']:>12,.0f} spans/s, in a closed loop over as many connections")
    print(f"offered       {can['spans_per_s'] * options.factor:>12,.0f} spans/s for {over['seconds']:.0f} s")
    print(f"acknowledged  {over['spans_per_s']:>12,.0f} spans/s, p99 {over['p99_ms']} ms after it was due")
    print(f"answers       {over['statuses']}; {over['given_up']} payloads the sender could not hold")
    for met, text in (
        (most <= MOST_RSS_MIB, f"largest RSS {most:,.0f} MiB, goal <= {MOST_RSS_MIB:,}"),
        (goodput >= LEAST_GOODPUT, f"goodput {goodput:.0%}, goal >= {LEAST_GOODPUT:.0%}"),
        (in_store >= total, f"acknowledged {total:,} spans, stored {in_store:,}"),
    ):
        print(f"  {'met ' if met else 'MISSED'}  {text}")


def overload(server: servers.Server, options: argparse.Namespace, can: float) -> dict[str, float]:
    rate = int(can * options.factor)
    load = ("--seconds", str(options.minutes * 60), "--connections", str(options.connections), "--seed", "2")
    return servers.load(server.otlp, *load, "--rate", str(rate))


if __name__ == "__main__":
    main()
