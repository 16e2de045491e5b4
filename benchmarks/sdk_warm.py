"""What a nested span costs in a warm process: tracekit against opentelemetry-sdk, interleaved, medians.

    python benchmarks/sdk_warm.py [--rounds N]

Both record spans without sending. tracekit's figure is for `@traced` on a function that does nothing, below a
recorded span (and below an unsampled one), minus the bare call. opentelemetry's is for
`tracer.start_as_current_span` as a decorator around the same function, with a processor that drops ended
spans. The encoder's time is shown apart, since it is paid at flush.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from tracekit import otlp, pipeline, span, traced
from tracekit.config import Config
from tracekit.exporters.memory import MemoryExporter
from tracekit.pipeline import Pipeline
from tracekit.queue import QUEUE
from tracekit.sampling import Sampler

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
    for name, median in medians.items():
        print(f"{name:20} {median:8.3f} us a span")
    print(f"ratio sampled        {medians['opentelemetry-sdk'] / medians['tracekit sampled']:8.1f} x")


if __name__ == "__main__":
    main()
