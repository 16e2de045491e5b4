"""Durable ingest end to end, against the goals of the design: spans a second and how long an answer takes.

    python benchmarks/ingest.py [--seconds 4] [--rounds 3] [--folder DIR]       (about seven minutes)

Sender (otlp_load.py), collector and baseline (naive_server.py) are processes of their own on loopback; no id
is sent twice; the disk is whatever holds the folder. Each is sent to for two seconds before it is measured: a
collector runs for days. Rounds alternate between the collectors and medians of rounds are printed with the
least and the most, ratios within rounds, so that a busy machine slows all. "Read": somebody opens page after
page.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import servers

PAGES = ("/functions", "/traces", "/slow", "/topology")
WARM_UP_S = 2.0


Report = dict[str, float]


class Figures:
    """Reports of one subject's rounds, None for one that failed."""

    def __init__(self) -> None:
        self.reports: list[Report | None] = []

    def add(self, report: Report | None) -> None:
        self.reports.append(report)

    def values(self, name: str) -> list[float]:
        """Of each round; NaN where there is none."""
        return [math.nan if report is None else report[name] for report in self.reports]

    def median(self, name: str) -> float:
        return median(self.values(name))

    def over(self, other: Figures, name: str) -> list[float]:
        """The ratio of each round."""
        return [mine / theirs for mine, theirs in zip(self.values(name), other.values(name))]


def median(values: Sequence[float]) -> float:
    """Of those that were measured."""
    known = [value for value in values if not math.isnan(value)]
    return statistics.median(known) if known else math.nan


@contextlib.contextmanager
def readers(ui: str) -> Iterator[list[float]]:
    """Somebody looks at the dashboards, one page after the other; the seconds each took."""
    stop, taken = threading.Event(), []
    for page in PAGES:  # one that is gone is to be noticed; later a busy server may refuse
        urllib.request.urlopen(ui + page, timeout=30).close()

    def look() -> None:
        while not stop.wait(0.05):
            for page in PAGES:
                began = time.perf_counter()
                with contextlib.suppress(OSError), urllib.request.urlopen(ui + page, timeout=30) as answer:
                    answer.read()
                taken.append(time.perf_counter() - began)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield taken
    finally:
        stop.set()
        thread.join()


# Measures one collector in this folder for so many seconds.
Subject = Callable[[Path, float], Report]


class Run:
    """One comparison: the same load on collectors that are started afresh each round."""

    def __init__(self, folder: Path, seconds: float, rounds: int) -> None:
        self._folder = folder
        self._seconds = seconds
        self._rounds = rounds
        self._number = 0

    def compare(self, subjects: dict[str, Subject]) -> dict[str, Figures]:
        figures = {name: Figures() for name in subjects}
        for _ in range(self._rounds):
            for name, measure in subjects.items():
                figures[name].add(self._once(name, measure))
        return figures

    def _once(self, name: str, measure: Subject) -> Report | None:
        self._number += 1
        folder = self._folder / str(self._number)
        try:
            return measure(folder, self._seconds)
        except (SystemExit, subprocess.CalledProcessError) as error:
            print(f"  a round of {name} failed and is left out: {error}", flush=True)
            return None
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            folder.with_suffix(".duckdb").unlink(missing_ok=True)


def ours(*load: str, pages: bool = False, **environment: str) -> Subject:
    def measure(folder: Path, seconds: float) -> Report:
        with servers.tracekit(folder, **environment) as server:
            warm_up(server)
            server.settle()
            with readers(server.ui) if pages else contextlib.nullcontext([]) as taken:
                report = sent(server, seconds, *load)
            # Acknowledged is durable, but a rate that lasts has to be inserted, too.
            report["stored_per_s"] = report["acknowledged"] / (report["seconds"] + server.settle())
            report["page_ms"] = 1e3 * statistics.median(taken) if taken else 0.0
            return report

    return measure


def naive(*load: str) -> Subject:
    def measure(folder: Path, seconds: float) -> Report:
        with servers.naive(folder) as server:
            warm_up(server)
            report = sent(server, seconds, "--expect", "100000", *load)
            report["stored_per_s"] = report["spans_per_s"]
            return report

    return measure


def warm_up(server: servers.Server) -> None:
    servers.load(
        server.otlp, "--seconds", str(WARM_UP_S), "--connections", "4", "--seed", "99", "--expect", "200000"
    )


def sent(server: servers.Server, seconds: float, *load: str) -> Report:
    """What the sender saw, and what it cost the server."""
    before = server.cpu_seconds
    found: dict[str, Any] = servers.load(server.otlp, "--seconds", str(seconds), *load)
    taken = found["acknowledged"]
    if not taken:
        raise SystemExit(f"nothing was acknowledged: {found['statuses']}")
    answers = found.pop("statuses")
    refused = sum(answers.values()) - answers.get("200", 0)
    cpu_us = 1e6 * (server.cpu_seconds - before) / taken
    return {**found, "refused": refused, "cpu_us": cpu_us, "rss_mib": server.rss_mib}


_COLUMNS = {
    "acked/s": "spans_per_s",
    "stored/s": "stored_per_s",
    "p50 ms": "p50_ms",
    "p99 ms": "p99_ms",
    "max ms": "max_ms",
    "CPU us": "cpu_us",
    "RSS MiB": "rss_mib",
    "refused": "refused",
}


def show(title: str, figures: dict[str, Figures]) -> None:
    print(f"\n{title}")
    print(f"  {'':28}" + "".join(f"{head:>9}" for head in _COLUMNS) + "   p99 ms of rounds")
    for name, found in figures.items():
        rates = [f"{found.median(column):>9,.0f}" for column in list(_COLUMNS.values())[:2]]
        others = [f"{found.median(column):>9.1f}" for column in list(_COLUMNS.values())[2:]]
        rounds = " ".join(f"{value:.0f}" for value in sorted(found.values("p99_ms")))
        print(f"  {name:28}" + "".join(rates + others) + f"   {rounds}", flush=True)


def goal(what: str, rounds: Sequence[float], wanted: float, *, at_most: bool = False, unit: str = "") -> None:
    """Print whether the median of the rounds meets what is wanted, with the least and the most."""
    measured = median(rounds)
    met = measured <= wanted if at_most else measured >= wanted
    spread = f"({min(rounds):.1f} to {max(rounds):.1f})"
    sign = "<=" if at_most else ">="
    verdict = "met " if met else "MISSED"
    print(f"  {verdict}  {what:50} {measured:8.1f}{unit:3} {spread:18} goal {sign} {wanted:g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="where the stores are made; by default where temporary files are")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        measure(Run(Path(folder), options.seconds, options.rounds))


def measure(run: Run) -> None:
    closed = {}
    for count in (1, 8, 32):
        closed[count] = run.compare(closed_loop(str(count)))
        show(f"Closed loop, identity, connections: {count}", closed[count])
    gzip = ("--connections", "8", "--gzip", "--expect")
    zipped = run.compare({"journal": ours(*gzip, "200000"), "naive": naive(*gzip, "60000")})
    show("Closed loop, gzip, connections: 8", zipped)
    steady = ("--connections", "16", "--rate", "100000")
    commit = {"TRACEKIT_ACKNOWLEDGE": "commit"}
    open_loop = run.compare(
        {
            "journal": ours(*steady, pages=True),
            "commit before answer": ours(*steady, pages=True, **commit),
        }
    )
    show("Open loop, 100,000 spans/s, connections: 16, dashboards read", open_loop)
    eight = ("--connections", "8")
    beside = run.compare({"nobody reads": ours(*eight), "dashboards read": ours(*eight, pages=True)})
    show("Closed loop, connections: 8, beside dashboards", beside)
    verdict(closed, zipped, open_loop, beside)


def closed_loop(connections: str) -> dict[str, Subject]:
    load = ("--connections", connections)
    subjects = {
        "journal": ours(*load),
        "commit before answer": ours(*load, "--expect", "250000", TRACEKIT_ACKNOWLEDGE="commit"),
        "naive": naive(*load),
    }
    if connections == "8":
        python = ours(*load, "--expect", "150000", TRACEKIT_DECODER="python")
        subjects["journal, decoder in Python"] = python
    return subjects


def best(closed: dict[int, dict[str, Figures]], name: str, column: str) -> Figures:
    """Of those of all numbers of connections."""
    return max((figures[name] for figures in closed.values()), key=lambda found: found.median(column))


def verdict(
    closed: dict[int, dict[str, Figures]],
    zipped: dict[str, Figures],
    open_loop: dict[str, Figures],
    beside: dict[str, Figures],
) -> None:
    bare = best(closed, "naive", "stored_per_s")
    print("\nGoals of DESIGN.md: medians of rounds (least to most)")
    acknowledged = best(closed, "journal", "spans_per_s").over(bare, "spans_per_s")
    goal("durable (acknowledged) over naive, best of each", acknowledged, 12, unit="x")
    stored = best(closed, "journal", "stored_per_s").over(bare, "stored_per_s")
    goal("the same counted to the end of the inserts", stored, 12, unit="x")
    ratio = zipped["journal"].over(zipped["naive"], "stored_per_s")
    goal("the same, gzip, 8 connections", ratio, 12, unit="x")
    fallback = closed[8]["journal, decoder in Python"].over(closed[8]["naive"], "stored_per_s")
    goal("fallback decoder over naive, 8 connections", fallback, 3, unit="x")
    for (count, figures), wanted in zip(closed.items(), (10, 35, 90)):
        rounds = figures["journal"].values("p99_ms")
        goal(f"ack p99, connections: {count}", rounds, wanted, at_most=True, unit="ms")
    journal = open_loop["journal"]
    for name, wanted in (("p50_ms", 3), ("p99_ms", 20)):
        what = f"100k spans/s beside dashboards, ack {name[:3]}"
        goal(what, journal.values(name), wanted, at_most=True, unit="ms")
    ratio = journal.over(open_loop["commit before answer"], "p50_ms")
    goal(
        "its p50 over that of commit before answer", [100 * one for one in ratio], 25, at_most=True, unit="%"
    )
    kept = beside["dashboards read"].over(beside["nobody reads"], "stored_per_s")
    goal("rate kept while dashboards are read", [100 * one for one in kept], 60, unit="%")
    meanwhile = beside["dashboards read"].values("p99_ms")
    goal("ack p99 meanwhile", meanwhile, 110, at_most=True, unit="ms")


if __name__ == "__main__":
    main()
