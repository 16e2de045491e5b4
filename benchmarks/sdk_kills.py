"""How many killed calls leave a trace that names the span that hung.

    python benchmarks/sdk_kills.py [--kills 200] [--together 4]

Real processes make a call with a timeout of 2 to 4 s, hang in a nested span at a random moment (asleep, in a
loop that computes, or waiting for a lock) and are killed with SIGKILL when the timeout is reached, as a
platform does. A real collector stores what they sent; each call should then have a trace in which the span
that hung is stored as failed with error type `tracekit.unfinished`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from collector.app import open_ingest, open_store, run_receivers
from collector.settings import Settings
from collector.storage.base import SpanReader, TracesQuery, Window

FUNCTION = """
import sys, threading, time
from tracekit import span, traced

number, timeout, before, how = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4]

class Function:
    name = "victim"

Function.timeout = timeout

class Context:
    request_id = number
    function = Function

@traced
def hung():
    if how == "asleep":
        time.sleep(600)
    elif how == "computing":
        while True:
            pass
    else:
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()

@traced
def handler(event, context):
    print("called", flush=True)
    with span("prepare"):
        time.sleep(before)
    with span("work"):
        hung()

handler(b"{}", Context())
"""
ROOT = Path(__file__).resolve().parents[1]
HOW = ("asleep", "computing", "locked")


@dataclass(frozen=True, slots=True)
class Kill:
    """One process to be killed at its timeout."""

    number: int
    timeout_s: int
    before_s: float
    how: str


def kills(count: int, seed: int) -> list[Kill]:
    """The same for the same seed."""
    draw = random.Random(seed)
    timeouts = [draw.choice((2, 3, 4)) for _ in range(count)]
    return [
        Kill(number, timeout, draw.uniform(0, timeout * 0.7), draw.choice(HOW))
        for number, timeout in enumerate(timeouts)
    ]


def carry_out(kill: Kill, endpoint: str) -> None:
    """Starts the process, and kills it when its timeout is reached."""
    command = [
        sys.executable,
        "-c",
        FUNCTION,
        f"{kill.number}",
        f"{kill.timeout_s}",
        f"{kill.before_s}",
        kill.how,
    ]
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_SERVICE_NAME": f"victim-{kill.number}"}
    with subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(kill.timeout_s)
        finally:
            process.kill()


@contextlib.contextmanager
def collecting(folder: Path, **overrides: str) -> Iterator[tuple[str, SpanReader]]:
    """A collector in a thread of this process: (endpoint, reader)."""
    given = {"data_dir": str(folder), "otlp_http": "127.0.0.1:0", "otlp_grpc": "off"} | overrides
    settings = Settings.from_env({}, given)
    loop, stop, started = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    bound: list[str] = []

    with contextlib.closing(open_store(settings)) as store, open_ingest(store.writer, settings) as ingest:

        async def serve() -> None:
            async with run_receivers(ingest, settings) as addresses:
                bound.append(str(addresses.otlp_http))
                started.set()
                await stop.wait()

        thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
        thread.start()
        started.wait(30)
        try:
            yield f"http://{bound[0]}", store.reader
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.close()


def named(reader: SpanReader, done: list[Kill]) -> set[int]:
    """Numbers of the calls whose trace names the hung span as the innermost that never finished."""
    window = Window(time.time_ns() - 3600 * 10**9, time.time_ns())
    found = set()
    for kill in done:
        page = reader.traces(TracesQuery(window, service=f"victim-{kill.number}", limit=10))
        spans = [span for trace in page.traces for span in reader.trace(trace.trace_id)]
        open_ones = [span for span in spans if span.error_type == "tracekit.unfinished"]
        parents = {span.parent_span_id for span in open_ones}
        leaves = [span.name for span in open_ones if span.span_id not in parents]
        if leaves == ["hung"]:
            found.add(kill.number)
    return found


def run(done: list[Kill], together: int, folder: Path) -> set[int]:
    """Carries out the kills, waits until the collector has given up on them all, and says which it names."""
    with collecting(folder, unfinished_grace_s="3", timeout_grace_s="3") as (endpoint, reader):
        with ThreadPoolExecutor(together) as pool:
            list(pool.map(lambda kill: carry_out(kill, endpoint), done))
        deadline = time.monotonic() + 30
        while len(found := named(reader, done)) < len(done) and time.monotonic() < deadline:
            time.sleep(0.5)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--together", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    done = kills(options.kills, options.seed)
    with tempfile.TemporaryDirectory() as folder:
        found = run(done, options.together, Path(folder))
    print(f"{len(found)} of {len(done)} killed calls left a trace that names the span that hung")
    missed = Counter((kill.how, kill.timeout_s) for kill in done if kill.number not in found)
    for (how, timeout), count in sorted(missed.items()):
        print(f"  missed: {count} {how}, timeout {timeout} s")


if __name__ == "__main__":
    main()
