"""What a nested span costs in a warm process: tracekit against opentelemetry-sdk, interleaved, medians.

    python benchmarks/sdk_warm.py [--rounds N]

Both record spans without sending. tracekit's figure is for `@traced` on a function that does nothing, below a
recorded span (and below an unsampled one), minus the bare call. opentelemetry's is for
`tracer.start_as_current_span` as a decorator around the same function, with a processor that drops ended
spans. The encoder's time is shown apart, since it is paid at flush.

Bytes a span are those of the encoded request, of the nested spans above and of ones with four attributes.
Memory is the peak (VmHWM) of a process of its own that makes calls and exports them to loopback,
over one that only makes them.
"""

from __future__ import annotations

import argparse
import compileall
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

import tracekit
from tracekit import otlp, pipeline, span, traced
from tracekit.config import Config
from tracekit.exporters.memory import MemoryExporter
from tracekit.pipeline import Pipeline
from tracekit.queue import QUEUE
from tracekit.sampling import Sampler

FOUR = {"shop.order.id": "o-1234567", "shop.items": 3, "shop.paid": True, "shop.total": 12.5}
CALLS = 2000  # below the queue's own limit, so that no encoding is measured with the spans


def plain() -> None:
    pass


ours = traced(plain)
provider = TracerProvider()
provider.add_span_processor(SpanProcessor())
theirs = provider.get_tracer("bench").start_as_current_span("plain")(plain)


def cost(function: Callable[[], None]) -> float:
    """Microseconds a call, loop included."""
    began = time.perf_counter()
    for _ in range(CALLS):
        function()
    return (time.perf_counter() - began) / CALLS * 1e6


def below_root(function: Callable[[], None], sampler: str) -> float:
    pipeline.get().sampler = Sampler(sampler)
    with span("root"):
        took = cost(function)
    QUEUE.clear()
    return took


def bytes_a_span(**attributes: Any) -> float:
    pipeline.get().sampler = Sampler()
    nested = traced(attributes=attributes)(plain)
    with span("root"):
        for _ in range(CALLS):
            nested()
        spans = QUEUE._raw[:]  # the end of the root may send them
    size = len(otlp.encode(spans, pipeline.get().resource)) / len(spans)
    QUEUE.clear()
    return size


def encoding() -> float:
    pipeline.get().sampler = Sampler()
    with span("root"):
        for _ in range(CALLS):
            ours()
        spans = QUEUE._raw[:]
    began = time.perf_counter()
    otlp.encode(spans, {"service.name": "bench"})
    took = (time.perf_counter() - began) / len(spans) * 1e6
    QUEUE.clear()
    return took


PEAK = """
{decorate}
def work(): pass
{decorate}
def handler(event, context):
    for _ in range(20): work()
class Context:
    aws_request_id = "r"; function_name = "f"; invoked_function_arn = "arn"
for _ in range(500): handler({{}}, Context())
# Not ru_maxrss: that of a new process begins with its parent's.
print(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])
"""


class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def peak_added(rounds: int) -> float:
    """MB, median."""
    compileall.compile_dir(tracekit.__path__[0], quiet=2)  # as a deployment is: compiling would be the peak
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    env = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_address[1]}"}

    def peak(decorate: str) -> float:
        command = [sys.executable, "-c", PEAK.format(decorate=decorate)]
        return int(subprocess.run(command, env=env, check=True, capture_output=True).stdout) * 1024 / 1e6

    traced_ = "from tracekit import traced\n@traced"
    added = [peak(traced_) - peak("") for _ in range(rounds)]
    server.shutdown()
    return statistics.median(added)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=41)
    rounds = parser.parse_args().rounds
    pipeline.replace(Pipeline(Config({}), MemoryExporter()))
    rows: dict[str, list[float]] = {}
    for _ in range(rounds):
        bare = cost(plain)
        rows.setdefault("tracekit sampled", []).append(below_root(ours, "always_on") - bare)
        rows.setdefault("tracekit unsampled", []).append(below_root(ours, "always_off") - bare)
        rows.setdefault("tracekit encode", []).append(encoding())
        rows.setdefault("opentelemetry-sdk", []).append(cost(theirs) - bare)
    medians = {name: statistics.median(values) for name, values in rows.items()}
    ratio = medians["opentelemetry-sdk"] / medians["tracekit sampled"]
    peak = peak_added(min(rounds, 5))
    told("tracekit sampled", medians["tracekit sampled"], "us a span", most=1.0)
    told("tracekit unsampled", medians["tracekit unsampled"], "us a span", most=0.15)
    told("tracekit encode", medians["tracekit encode"], "us a span")
    told("opentelemetry-sdk", medians["opentelemetry-sdk"], "us a span")
    told("times tracekit", ratio, "", least=10.0)
    told("encoded", bytes_a_span(), "bytes a span", most=400)
    told("with 4 attributes", bytes_a_span(**FOUR), "bytes a span", most=400)
    told("peak memory added", peak, "MB", most=2.0)


def told(what: str, value: float, unit: str, most: float | None = None, least: float | None = None) -> None:
    """Prints a figure, with its goal and whether it is met where it has one."""
    text = f"{what:20} {value:8.3f} {unit}"
    if most is not None:
        text = f"{text:44}goal {most:g} at most: {'ok' if value <= most else 'MISSED'}"
    elif least is not None:
        text = f"{text:44}goal {least:g} at least: {'ok' if value >= least else 'MISSED'}"
    print(text)


if __name__ == "__main__":
    main()
