"""What tracing adds to a cold process: plain, tracekit, opentelemetry-sdk with OTLP/HTTP; medians.

    python benchmarks/sdk_cold.py [--rounds N]

The three are interleaved. Each run is a fresh process that imports, decorates a handler, calls it once
("response") and exports to a collector stand-in on loopback ("exported"). Both are measured inside the
process by a clock started before its first import; "process" is the wall time of the whole process. tracekit
runs as on Lambda, where the flush comes after the response; the runtime client is stood in for.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CLOCK = "import time; began = time.perf_counter()\n"
END = "\nprint(responded - began, time.perf_counter() - began)\n"
PLAIN = """
def handler(event, context):
    return {"statusCode": 200}
handler({}, None)
responded = time.perf_counter()
"""
TRACEKIT = """
from tracekit import traced, flush
class Context:
    aws_request_id = "r"; function_name = "f"; invoked_function_arn = "arn"
import sys, types
client = types.ModuleType("awslambdaric.lambda_runtime_client")
class LambdaRuntimeClient:
    def wait_next_invocation(self): pass
client.LambdaRuntimeClient = LambdaRuntimeClient
sys.modules[client.__name__] = client
@traced
def handler(event, context):
    return {"statusCode": 200}
handler({}, Context())
responded = time.perf_counter()
assert flush(2000)
"""
OPENTELEMETRY = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
@trace.get_tracer("f").start_as_current_span("handler", kind=trace.SpanKind.SERVER)
def handler(event, context):
    return {"statusCode": 200}
handler({}, None)
responded = time.perf_counter()
provider.force_flush()
"""
CASES = {"plain": PLAIN, "tracekit": TRACEKIT, "opentelemetry-sdk": OPENTELEMETRY}


class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def run(code: str, endpoint: str) -> tuple[float, float, float]:
    """(response, export done, whole process) in milliseconds."""
    env = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    began = time.perf_counter()
    script = [sys.executable, "-c", CLOCK + code + END]
    output = subprocess.run(script, env=env, check=True, capture_output=True, text=True).stdout
    whole = time.perf_counter() - began
    response, total = (float(part) for part in output.split())
    return response * 1e3, total * 1e3, whole * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    results: dict[str, list[tuple[float, float, float]]] = {name: [] for name in CASES}
    for _ in range(rounds):
        for name, code in CASES.items():
            results[name].append(run(code, endpoint))
    server.shutdown()
    print(f"{'ms, medians':20} {'response':>10} {'exported':>10} {'process':>10}   over plain")
    base = [statistics.median(column) for column in zip(*results["plain"])]
    for name, rows in results.items():
        medians = [statistics.median(column) for column in zip(*rows)]
        over = "  ".join(f"{value - zero:+.1f}" for value, zero in zip(medians, base))
        print(f"{name:20} {medians[0]:10.2f} {medians[1]:10.2f} {medians[2]:10.2f}   {over}")


if __name__ == "__main__":
    main()
