"""What the slow-call profiler costs: a computing call with and without it, interleaved, medians.

    python benchmarks/sdk_profile.py [--rounds N]

Both run the same fixed work in one process: "sampling" is profiled from its first millisecond, "armed" has a
threshold that it never reaches, "off" has none. The short call is one that does nothing, where arming is all
there is. Times are of the thread's own processor clock and of the wall: the wall also sees the other thread
take the interpreter's lock, the thread's clock does not see who else uses the machine. The least of the
rounds is shown too: on a machine that does other things, medians of two runs differ by more than the cost.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from tracekit import pipeline, traced
from tracekit.config import Config
from tracekit.exporters.memory import MemoryExporter
from tracekit.pipeline import Pipeline

CASES = {"off": "", "armed": "600000", "sampling": "1"}
SHORT_CALLS = 300


class Context:
    aws_request_id = "r"
    function_name = "f"
    invoked_function_arn = "arn"


@traced
def long(event: Any, context: Any) -> int:
    total = 0
    for number in range(6_000_000):
        total += number & 7
    return total


@traced
def short(event: Any, context: Any) -> None:
    pass


def use(after: str) -> MemoryExporter:
    exporter = MemoryExporter()
    env = {"TRACEKIT_PROFILE_AFTER_MS": after, "TRACEKIT_TIMEOUT_MARGIN_MS": "0"}
    pipeline.replace(Pipeline(Config({**env, "TRACEKIT_SNAPSHOT_AFTER_MS": "0"}), exporter))
    return exporter


def timed(function: Callable[..., Any], calls: int) -> tuple[float, float]:
    """(wall, thread's processor time) of a call in milliseconds."""
    wall, cpu = time.perf_counter(), time.thread_time()
    for _ in range(calls):
        function({}, Context())
    return (time.perf_counter() - wall) / calls * 1e3, (time.thread_time() - cpu) / calls * 1e3


def show(title: str, rows: dict[tuple[str, str], tuple[float, float]]) -> None:
    print(f"{'ms a call, ' + title:24} {'wall':>10} {'processor':>10}   over off")
    for (work, name), (wall, cpu) in rows.items():
        base = rows[work, "off"]
        over = f"{(wall / base[0] - 1) * 100:+.1f}% {(cpu / base[1] - 1) * 100:+.1f}%"
        print(f"{work + ', ' + name:24} {wall:10.3f} {cpu:10.3f}   {over}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    rows: dict[tuple[str, str], list[tuple[float, float]]] = {}
    samples: list[int] = []
    for _ in range(rounds):
        for name, after in CASES.items():
            exporter = use(after)
            rows.setdefault(("long", name), []).append(timed(long, 1))
            if name == "sampling":
                pipeline.get().flush(5)
                samples.append(exporter.spans[-1].attributes["tracekit.profile.samples"])
            if name != "sampling":
                rows.setdefault(("short", name), []).append(timed(short, SHORT_CALLS))
    for title, of in (("medians", statistics.median), ("least", min)):
        show(
            title,
            {key: (of([wall for wall, _ in row]), of([cpu for _, cpu in row])) for key, row in rows.items()},
        )
    print(f"looks in a long call: {statistics.median(samples):g}")


if __name__ == "__main__":
    main()
