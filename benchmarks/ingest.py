"""Durable ingest end to end, against the goals of the design: spans a second and how long an answer takes.

    python benchmarks/ingest.py [--seconds 5] [--rounds 3]

Sender (otlp_load.py), collector and baseline (naive_server.py) are processes of their own on loopback; no id
is sent twice; the disk is whatever holds the temporary folder. Rounds alternate between the collectors and
medians are printed, so that a busy machine slows all. "Read": somebody opens page after page.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import servers

PAGES = ("/functions", "/traces", "/slow", "/map")


class Figures:
    """Reports of one subject's rounds."""

    def __init__(self) -> None:
        self.reports: list[dict[str, float]] = []

    def add(self, report: dict[str, float]) -> None:
        self.reports.append(report)

    def median(self, name: str) -> float:
        return statistics.median(report[name] or 0.0 for report in self.reports)


@contextlib.contextmanager
def readers(ui: str) -> Iterator[list[float]]:
    """Somebody looks at the dashboards, one page after the other; the seconds each took."""
    stop, taken = threading.Event(), []

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


class Run:
    """One comparison: the same load on collectors that are started afresh each round."""

    def __init__(self, folder: Path, seconds: float, rounds: int) -> None:
        self._folder = folder
        self._seconds = seconds
        self._rounds = rounds
        self._number = 0

    def compare(self, subjects: dict[str, Callable[[Path, float], dict[str, float]]]) -> dict[str, Figures]:
        figures = {name: Figures() for name in subjects}
        for _ in range(self._rounds):
            for name, measure in subjects.items():
                self._number += 1
                figures[name].add(measure(self._folder / str(self._number), self._seconds))
        return figures


def ours(*load: str, pages: bool = False, **environment: str) -> Callable[[Path, float], dict[str, float]]:
    def measure(folder: Path, seconds: float) -> dict[str, float]:
        with servers.tracekit(folder, **environment) as server:
            servers.load(server.otlp, "--seconds", "0.5", "--connections", "2", "--seed", "99")
            before = server.cpu_seconds
            with readers(server.ui) if pages else contextlib.nullcontext([]) as taken:
                report = servers.load(server.otlp, "--seconds", str(seconds), *load)
            # Acknowledged is durable, but a rate that lasts has to be inserted, too.
            report["stored_per_s"] = report["acknowledged"] / (report["seconds"] + server.settle())
            report["cpu_us"] = 1e6 * (server.cpu_seconds - before) / max(report["acknowledged"], 1)
            report["rss_mib"] = server.rss_mib
            report["page_ms"] = 1e3 * statistics.median(taken) if taken else 0.0
            return report

    return measure


def naive(*load: str) -> Callable[[Path, float], dict[str, float]]:
    def measure(folder: Path, seconds: float) -> dict[str, float]:
        with servers.naive(folder) as server:
            report = servers.load(server.otlp, "--seconds", str(seconds), "--expect", "100000", *load)
            report["stored_per_s"] = report["spans_per_s"]
            report["cpu_us"] = 1e6 * server.cpu_seconds / max(report["acknowledged"], 1)
            report["rss_mib"] = server.rss_mib
            return report

    return measure


_COLUMNS = ("spans_per_s", "stored_per_s", "p50_ms", "p99_ms", "max_ms", "cpu_us", "rss_mib")


def show(title: str, figures: dict[str, Figures]) -> None:
    print(f"\n{title}")
    heads = ("acked/s", "stored/s", "p50 ms", "p99 ms", "max ms", "CPU us", "RSS MiB")
    print(f"  {'':28}" + "".join(f"{head:>9}" for head in heads))
    for name, found in figures.items():
        rate, stored, *times, cpu, rss = map(found.median, _COLUMNS)
        latencies = "".join(f"{value:>9.1f}" for value in times)
        print(f"  {name:28}{rate:>9,.0f}{stored:>9,.0f}{latencies}{cpu:>9.2f}{rss:>9.0f}", flush=True)


def goal(what: str, measured: float, wanted: float, *, at_most: bool = False, unit: str = "") -> None:
    met = measured <= wanted if at_most else measured >= wanted
    sign = "<=" if at_most else ">="
    print(f"  {'met ' if met else 'MISSED'}  {what:58} {measured:8.1f}{unit}  goal {sign} {wanted:g}{unit}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder), options.seconds, options.rounds)
        closed = {
            f"{count} connections": run.compare(
                {
                    "journal": ours("--connections", str(count)),
                    "commit before answer": ours("--connections", str(count), TRACEKIT_ACKNOWLEDGE="commit"),
                    "journal, decoder in Python": ours(
                        "--connections", str(count), TRACEKIT_DECODER="python"
                    ),
                    "naive": naive("--connections", str(count)),
                }
            )
            for count in (1, 8, 32)
        }
        for title, figures in closed.items():
            show(f"Closed loop, identity, {title}", figures)
        zipped = run.compare({"journal": ours("--connections", "8", "--gzip", "--expect", "150000")})
        show("Closed loop, gzip, 8 connections", zipped)
        steady = ("--connections", "16", "--rate", "100000")
        open_loop = run.compare(
            {
                "journal": ours(*steady, pages=True),
                "commit before answer": ours(*steady, pages=True, TRACEKIT_ACKNOWLEDGE="commit"),
            }
        )
        show("Open loop, 100,000 spans/s, 16 connections, dashboards read", open_loop)
        beside = run.compare({"journal": ours("--connections", "8", pages=True)})
        show("Closed loop, 8 connections, dashboards read", beside)
    verdict(closed, open_loop, beside)


def verdict(
    closed: dict[str, dict[str, Figures]], open_loop: dict[str, Figures], beside: dict[str, Figures]
) -> None:
    best = max(figures["journal"].median("stored_per_s") for figures in closed.values())
    peak = max(figures["journal"].median("spans_per_s") for figures in closed.values())
    bare = max(figures["naive"].median("spans_per_s") for figures in closed.values())
    python = [figures["journal, decoder in Python"] for figures in closed.values()]
    fallback = max(found.median("stored_per_s") for found in python)
    print("\nGoals of DESIGN.md")
    goal("durable (acknowledged) over naive, best of each", peak / bare, 12, unit="x")
    goal("the same counted to the end of the inserts", best / bare, 12, unit="x")
    goal("fallback decoder over naive, best of each", fallback / bare, 3, unit="x")
    for (title, figures), wanted in zip(closed.items(), (10, 35, 90)):
        goal(f"ack p99, {title}", figures["journal"].median("p99_ms"), wanted, at_most=True, unit=" ms")
    journal, commit = open_loop["journal"], open_loop["commit before answer"]
    goal("100k spans/s beside dashboards, ack p50", journal.median("p50_ms"), 3, at_most=True, unit=" ms")
    goal("100k spans/s beside dashboards, ack p99", journal.median("p99_ms"), 20, at_most=True, unit=" ms")
    ratio = journal.median("p50_ms") / max(commit.median("p50_ms"), 0.001)
    goal("its p50 over that of commit before answer", ratio, 0.25, at_most=True, unit="x")
    alone = closed["8 connections"]["journal"]
    kept = beside["journal"].median("stored_per_s") / alone.median("stored_per_s")
    goal("rate kept while dashboards are read", 100 * kept, 60, unit=" %")
    goal("ack p99 meanwhile", beside["journal"].median("p99_ms"), 110, at_most=True, unit=" ms")


if __name__ == "__main__":
    main()
