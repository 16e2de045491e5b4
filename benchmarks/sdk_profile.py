"""What the slow-call profiler costs: a computing call with and without it, in turns. The goal is 2%.

    python benchmarks/sdk_profile.py [--rounds N]

All run the same fixed work in one process: "sampling" is profiled from its first millisecond, "armed" has a
threshold that it never reaches, "off" has none. The short call is one that does nothing, where arming is all
there is. Judged is the processor time of the whole process, the sampling thread's own included, as the median
of ratios: each round is compared with the calls without a profiler just before and just after it, so that a
machine that grows slower or faster meanwhile does not count. The wall is shown too; on a machine that does
other things it says more about those.
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
GOAL = 0.02


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
    """(wall, processor time of the process) of a call in milliseconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        function({}, Context())
    return (time.perf_counter() - wall) / calls * 1e3, (time.process_time() - cpu) / calls * 1e3


def one(work: str, name: str) -> tuple[float, float]:
    use(CASES[name])
    return timed(long, 1) if work == "long" else timed(short, SHORT_CALLS)


def looks() -> int:
    """How often a long call is looked at."""
    exporter = use(CASES["sampling"])
    long({}, Context())
    pipeline.get().flush(5)
    return int(exporter.spans[-1].attributes["tracekit.profile.samples"])


def show(work: str, name: str, pairs: list[tuple[tuple[float, float], tuple[float, float]]]) -> float:
    """Prints a row: milliseconds and what is over; gives the processor's share over."""
    cells = []
    for column in (0, 1):
        took = statistics.median([run[column] for run, _ in pairs])
        over = statistics.median([run[column] / base[column] - 1 for run, base in pairs])
        cells.append((took, over))
    text = "".join([f"{took:12.3f} {over * 100:+8.1f}%" for took, over in cells])
    print(f"{work + ', ' + name:20}{text}")
    return cells[1][1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=41)
    rounds = parser.parse_args().rounds
    rows: dict[tuple[str, str], list[tuple[tuple[float, float], tuple[float, float]]]] = {}
    for _ in range(rounds):
        for work, name in (("long", "armed"), ("long", "sampling"), ("short", "armed")):
            before, run, after = one(work, "off"), one(work, name), one(work, "off")
            base = ((before[0] + after[0]) / 2, (before[1] + after[1]) / 2)
            rows.setdefault((work, name), []).append((run, base))
    print(f"{'ms a call':20}{'wall':>12} {'over':>9}{'processor':>12} {'over':>9}   ({looks()} looks a call)")
    over = {key: show(*key, pairs) for key, pairs in rows.items()}["long", "sampling"]
    verdict = "ok" if over <= GOAL else "MISSED"
    print(f"\nsampling costs {over * 100:.1f}% of processor time, goal {GOAL:.0%}: {verdict}")


if __name__ == "__main__":
    main()
