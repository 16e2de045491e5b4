"""What tracing costs a call while its backend is down: tracekit and opentelemetry-sdk, interleaved, medians.

    python benchmarks/sdk_outage.py [--rounds N] [--peer-rounds N] [--limit SECONDS]

Each run is a fresh process that handles one call, then five more, and exits, with an endpoint that answers,
refuses, hangs, drips one byte now and then, fails TLS, or never ends its answer.

"first" is what the caller of the first call waits for it, over the same call without tracing. It includes
what the first call of a process loads, so it is judged against the endpoint that answers. "later" is the
median of the five. On Lambda the flush comes after the response, and the caller does not wait for it: the
goal is 2 ms over an endpoint that answers. On Function Compute, GCP and Knative the instance is frozen with
the response, so the flush is inside the call: the first caller waits for up to the budget (100 ms), later
ones, who profit from what was learned, for 2 ms.
"total" is the wall time of the whole process, over one without tracing; the goal is budget + 50 ms for all
six calls and the last flush together. opentelemetry-sdk flushes as its Lambda instrumentation does, inside
the call; a run that is not over after --limit is killed and shown as that limit.
"""

from __future__ import annotations

import argparse
import compileall
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import tracekit

BUDGET_MS = 100
VISIBLE_MS = 2.0
TOTAL_MS = BUDGET_MS + 50
LATER = 5
START = """
import sys, time
class Context:
    aws_request_id = "r"; function_name = "f"; invoked_function_arn = "arn"
def measure(handler, context, after=lambda: None):
    for _ in range(6):
        began = time.perf_counter()
        handler({}, context)
        print((time.perf_counter() - began) * 1e3, flush=True)
        after()
"""
PLAIN = "measure(lambda event, context: None, Context())\n"
LAMBDA = """
import types
client = types.ModuleType("awslambdaric.lambda_runtime_client")
class LambdaRuntimeClient:
    def wait_next_invocation(self): pass
client.LambdaRuntimeClient = LambdaRuntimeClient
sys.modules[client.__name__] = client
from tracekit import traced
@traced
def handler(event, context): pass
measure(handler, Context(), LambdaRuntimeClient().wait_next_invocation)
"""
FUNCTION_COMPUTE = """
from tracekit import traced
class Function:
    name = "f"
class FcContext:
    request_id = "r"; function = Function; region = "r"; account_id = "1"
@traced
def handler(event, context): pass
measure(handler, FcContext())
"""
OPENTELEMETRY = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("f")
def handler(event, context):
    with tracer.start_as_current_span("handler"):
        pass
    provider.force_flush(30000)
measure(handler, Context())
"""
IN_CALL = "tracekit, flush in call"
CASES = {
    "tracekit, Lambda": LAMBDA,
    IN_CALL: FUNCTION_COMPUTE,
    "opentelemetry-sdk": OPENTELEMETRY,
}


def answer(connection: socket.socket) -> None:
    while connection.recv(65536):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def hang(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def drip(connection: socket.socket) -> None:
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: yes\r\n" * 10_000:
        connection.sendall(bytes((byte,)))
        time.sleep(0.05)


def not_tls(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"\x15\x03\x01\x00\x02\x02\x28")  # alert: handshake failure


def endless(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        time.sleep(0.001)


def serve(behave: Callable[[socket.socket], None]) -> int:
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def connected(connection: socket.socket) -> None:
        with connection:
            try:
                behave(connection)
            except OSError:
                return

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=connected, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return int(listener.getsockname()[1])


def refused() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def endpoints() -> dict[str, str]:
    return {
        "answers": f"http://127.0.0.1:{serve(answer)}",
        "refused": f"http://127.0.0.1:{refused()}",
        "hung": f"http://127.0.0.1:{serve(hang)}",
        "slow drip": f"http://127.0.0.1:{serve(drip)}",
        "TLS failure": f"https://127.0.0.1:{serve(not_tls)}",
        "TLS hung": f"https://127.0.0.1:{serve(hang)}",
        "endless": f"http://127.0.0.1:{serve(endless)}",
    }


def run(code: str, endpoint: str, limit_s: float) -> tuple[float, float, float]:
    """(first call, later calls, whole process) in milliseconds; the limit for what did not end within it."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "TRACEKIT_"))}
    env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "TRACEKIT_FLUSH_BUDGET_MS": str(BUDGET_MS)}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", START + code], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        output, _ = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
    whole = (time.perf_counter() - began) * 1e3
    calls = [float(line) for line in output.split()]
    calls += [limit_s * 1e3] * (1 + LATER - len(calls))
    return calls[0], statistics.median(calls[1:]), whole


def goals(name: str, down: str, answers: list[float]) -> list[float | None]:
    """The most that each column may be, over a process without tracing."""
    if down == "answers" or not name.startswith("tracekit"):
        return [None, None, None]
    first = VISIBLE_MS + (BUDGET_MS if name == IN_CALL else 0)
    return [answers[0] + first, answers[1] + VISIBLE_MS, TOTAL_MS]


def cell(value: float, goal: float | None, limit_ms: float) -> str:
    over = "over " if value >= limit_ms * 0.95 else ""
    if goal is None:
        return f"{over}{value:.1f}"
    return f"{over}{value:.1f} / {goal:.1f} {'ok' if value <= goal else 'MISSED'}"


def show(
    plain: list[tuple[float, ...]], rows: dict[tuple[str, str], list[tuple[float, ...]]], limit_ms: float
) -> None:
    base = [statistics.median(column) for column in zip(*plain)]
    medians = {
        key: [statistics.median(column) - zero for column, zero in zip(zip(*found), base)]
        for key, found in rows.items()
    }
    print(f"ms over a process without tracing ({base[0]:.2f} a call, {base[2]:.1f} in all); medians / goal\n")
    print(f"{'':26}{'first call':>22}{'later calls':>22}{'total':>24}")
    missed = 0
    for down in dict.fromkeys(down for _, down in rows):
        print(down)
        for name in [name for name in CASES if (name, down) in rows]:
            row, most = medians[name, down], goals(name, down, medians[name, "answers"])
            missed += sum([goal is not None and value > goal for value, goal in zip(row, most)])
            first, later, total = (cell(value, goal, limit_ms) for value, goal in zip(row, most))
            print(f"  {name:24}{first:>22}{later:>22}{total:>24}")
    print(f"\n{f'{missed} goals are missed' if missed else 'every goal is met'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--peer-rounds", type=int, default=1)
    parser.add_argument("--limit", type=float, default=12.0)
    options = parser.parse_args()
    compileall.compile_dir(tracekit.__path__[0], quiet=2)  # as a deployment is
    urls = endpoints()
    plain: list[tuple[float, ...]] = []
    rows: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for number in range(options.rounds):
        for down, url in urls.items():
            plain.append(run(PLAIN, url, options.limit))
            for name, code in CASES.items():
                if name.startswith("tracekit") or number < options.peer_rounds:
                    rows.setdefault((name, down), []).append(run(code, url, options.limit))
    show(plain, rows, options.limit * 1e3)


if __name__ == "__main__":
    main()
