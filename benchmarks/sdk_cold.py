"""What tracing adds to a cold start under AWS's real runtime client: tracekit and peers interleaved, medians.

    python benchmarks/sdk_cold.py [--rounds N] [--peers FOLDER]

Each run starts `python -m awslambdaric app.handler` against a Runtime API on loopback with one event to hand
out. "response" is the time from the start of the process to the posted response, "idle" to the question for
the next event, when the flush is over; both over the plain function. Peers are installed by pip, each into a
folder of its own below FOLDER (a temporary one by default; a folder that exists is used as it is); one that
does not install or does not run is named and left out. They send to a stand-in on loopback, to their log, or
nowhere: nothing leaves the machine, so what a peer's own backend would cost is not in its figures. AWS's
layer is not on PyPI, but aws-opentelemetry-distro, which it is made of, is: "lite" is the layer's fast start
(AWS_LAMBDA_LITE_MODE), started as the layer's wrapper starts it.

The second table is the import and one decorated function, without any runtime: time and new modules, over a
function that is not decorated. The last lines compare with the goals.
"""

from __future__ import annotations

import argparse
import compileall
import itertools
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import tracekit

RETURN = "    return {'statusCode': 200}\n"
PLAIN = "def handler(event, context):\n" + RETURN
TRACEKIT = "from tracekit import traced\n@traced\n" + PLAIN
RUN = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
INSTRUMENT = ("-c", RUN, sys.executable)
OTEL_ENV = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
}
POWERTOOLS = "from aws_lambda_powertools import Tracer\ntracer = Tracer()\n@tracer.capture_lambda_handler\n"
LUMIGO = "from lumigo_tracer import lumigo_tracer\n@lumigo_tracer(token='t_0', should_report=False)\n"
DATADOG = "from datadog_lambda.wrapper import datadog_lambda_wrapper\n@datadog_lambda_wrapper\n"
XRAY = """
from aws_xray_sdk.core import xray_recorder
def handler(event, context):
    with xray_recorder.in_subsegment("handler"):
        return {'statusCode': 200}
"""
EVENT = b'{"version": "2.0", "routeKey": "GET /x", "rawPath": "/x", "headers": {}}'
HEADERS = {
    "Content-Type": "application/json",
    "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    "Lambda-Runtime-Deadline-Ms": "32503680000000",
    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:bench",
    "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
}
GIVE_UP_S = 20
LITE = """
from amazon.opentelemetry.distro.opentelemetry_lite_sdk import configure_lite_mode
from opentelemetry.instrumentation.aws_lambda import AwsLambdaInstrumentor
configure_lite_mode()
AwsLambdaInstrumentor().instrument()
from app import handler
"""
# What the issue asks for: milliseconds, modules, and shares of what others add to the response.
RESPONSE_MS, WRAP_MS, WRAP_MODULES = 4.0, 3.0, 20
INSTRUMENT_SHARE, AWS_SHARE = 1 / 50, 1 / 15
FAST_START = "aws-opentelemetry-distro, lite"
OF_AWS = (FAST_START, "aws-opentelemetry-distro", "aws-xray-sdk", "aws-lambda-powertools")
CLOSE, REPEATS = ("plain", "tracekit", "tracekit, zero code"), 5


@dataclass(frozen=True)
class Case:
    """A way to trace: its function, what pip installs for it, and how the runtime is started. `wrapper` is a
    module that the runtime loads instead of the function's, where there is one."""

    code: str
    packages: tuple[str, ...] = ()
    launcher: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    wrapper: str = ""

    @property
    def handler(self) -> str:
        """What the runtime is told to load."""
        return "wrapper.handler" if self.wrapper else "app.handler"


CASES = {
    "plain": Case(PLAIN),
    "tracekit": Case(TRACEKIT),
    "tracekit, zero code": Case(PLAIN),
    "opentelemetry-instrument": Case(
        PLAIN,
        (
            "opentelemetry-distro",
            "opentelemetry-exporter-otlp-proto-http",
            "opentelemetry-instrumentation-aws-lambda",
        ),
        INSTRUMENT,
        OTEL_ENV,
    ),
    "aws-opentelemetry-distro": Case(
        PLAIN,
        ("aws-opentelemetry-distro",),
        INSTRUMENT,
        {**OTEL_ENV, "OTEL_PYTHON_DISTRO": "aws_distro", "OTEL_PYTHON_CONFIGURATOR": "aws_configurator"},
    ),
    "aws-opentelemetry-distro, lite": Case(
        PLAIN,
        ("aws-opentelemetry-distro",),
        (),
        {"ORIG_HANDLER": "app.handler", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "requests"},
        LITE,
    ),
    "aws-xray-sdk": Case(XRAY, ("aws-xray-sdk",)),
    "aws-lambda-powertools": Case(POWERTOOLS + PLAIN, ("aws-lambda-powertools[tracer]",)),
    "lumigo_tracer": Case(LUMIGO + PLAIN, ("lumigo_tracer",)),
    "datadog_lambda": Case(
        DATADOG + PLAIN,
        ("datadog_lambda",),
        (),
        {
            "DD_API_KEY": "0" * 32,
            "DD_FLUSH_TO_LOG": "true",
            "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
            "DD_REMOTE_CONFIGURATION_ENABLED": "false",
        },
    ),
}


class RuntimeApi:
    """Hands out one event to one process, and notes when it answered and when it asked for more."""

    def __init__(self) -> None:
        self.response = self.idle = 0.0
        self.done = threading.Event()
        self._asked = 0
        api = self

        class Request(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                api._asked += 1
                if api._asked > 1:
                    api.idle = time.perf_counter()
                    api.done.set()
                    time.sleep(GIVE_UP_S)  # a frozen instance: it is killed meanwhile
                    return
                self.reply(200, EVENT, HEADERS)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                if self.path.endswith("/response"):
                    api.response = time.perf_counter()
                elif "/runtime/" in self.path:  # an error of the function or of its start
                    api.done.set()
                self.reply(202 if "/runtime/" in self.path else 200, b"", {})

            def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        serve = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        serve.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def run(name: str, folder: Path) -> tuple[float, float] | str:
    """(response, idle) in milliseconds from the start of the process, or why there is none."""
    case, api = CASES[name], RuntimeApi()
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *case.launcher, "-m", "awslambdaric", case.handler],
        cwd=folder / "code",
        env=environment(name, folder, api.address),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        api.done.wait(GIVE_UP_S)
    finally:
        process.kill()
        error = process.communicate()[1].decode(errors="replace").strip()
        api.close()
    if not (api.response and api.idle):
        return (error.splitlines() or ["no response"])[-1]
    return (api.response - began) * 1e3, (api.idle - began) * 1e3


def environment(name: str, folder: Path, api: str) -> dict[str, str]:
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    paths = [folder / "code", folder / "packages"]
    if name == "tracekit, zero code":
        paths.insert(0, folder / "packages" / "tracekit" / "bootstrap")
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join([str(path) for path in paths]),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{api}",
        "AWS_LAMBDA_RUNTIME_API": api,
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/bench",
        "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "LAMBDA_TASK_ROOT": str(folder / "code"),
        "_HANDLER": CASES[name].handler,
        **CASES[name].env,
    }


def prepare(name: str, work: Path, peers: Path) -> Path | None:
    """A folder with the case's code and packages, compiled; None if they cannot be had."""
    case, folder = CASES[name], work / name
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "app.py").write_text(case.code)
    (folder / "code" / "wrapper.py").write_text(case.wrapper)
    if name.startswith("tracekit"):
        ignore = shutil.ignore_patterns("__pycache__", "demo")
        shutil.copytree(tracekit.__path__[0], folder / "packages" / "tracekit", ignore=ignore)
    elif case.packages:
        installed = peers / name.partition(",")[0]
        if not installed.exists() and not install(case.packages, installed):
            return None
        (folder / "packages").symlink_to(installed.resolve())
    else:  # or the plain function would look for every module in one place less
        (folder / "packages").mkdir()
    compileall.compile_dir(folder, quiet=2)
    return folder


def install(packages: tuple[str, ...], folder: Path) -> bool:
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    done = subprocess.run([*command, "--target", str(folder), *packages], capture_output=True, text=True)
    if done.returncode:
        print(f"{packages[0]}: does not install: {done.stderr.strip().splitlines()[-1]}")
        shutil.rmtree(folder, ignore_errors=True)
    return not done.returncode


WRAP = """
import sys, time
code = compile(open("app.py").read(), "app.py", "exec")
before, began = set(sys.modules), time.perf_counter()
exec(code)
print((time.perf_counter() - began) * 1e3, len(set(sys.modules) - before))
"""


def wrap(name: str, folder: Path) -> tuple[float, float]:
    """(milliseconds, new modules) of importing and decorating alone."""
    command = [sys.executable, "-c", WRAP]
    env = environment(name, folder, "127.0.0.1:9")
    done = subprocess.run(command, cwd=folder / "code", env=env, capture_output=True, text=True, check=True)
    took, modules = done.stdout.split()[-2:]
    return float(took), float(modules)


def measure(folders: dict[str, Path], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Per case one (response, idle) a round, of CLOSE ones the median of REPEATS.

    What tracekit adds is small beside what two runs of the same program differ by, so it and plain run more
    often than the others, in turn and not among them, who leave nothing in the processor's caches; and the
    order changes from round to round: none always runs first, or behind the heaviest.
    """
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in folders}
    chance = random.Random(1)
    for _ in range(rounds):
        close = [name for name in CLOSE if name in rows] * REPEATS
        others = [name for name in rows if name not in CLOSE]
        order = chance.sample(others, len(others)) + close[:: chance.choice((1, -1))]
        found: dict[str, list[tuple[float, float]]] = {}
        for name in order:
            times = run(name, folders[name])
            if isinstance(times, str):
                print(f"{name}: does not run: {times[:150]}")
                rows.pop(name, None)
            else:
                found.setdefault(name, []).append(times)
        for name in [name for name in found if name in rows]:
            response, idle = map(statistics.median, zip(*found[name]))
            rows[name].append((response, idle))
    return rows


def show(rows: dict[str, list[tuple[float, float]]]) -> dict[str, Added]:
    """Prints the table of cold starts; gives what each adds to the response."""
    medians = {name: [statistics.median(column) for column in zip(*found)] for name, found in rows.items()}
    added = {name: [over(rows, name, which) for which in (0, 1)] for name in rows}
    print(f"\n{'ms, medians':32}{'response':>10}{'idle':>10}{'over plain':>20}{'times tracekit':>20}")
    for name, (response, idle) in added.items():
        units = [max(ours.median, 0.1) for ours in added["tracekit"]]  # below that it is noise
        times = "".join(f"{each.median / unit:10.1f}" for each, unit in zip((response, idle), units))
        found = f"{medians[name][0]:10.1f}{medians[name][1]:10.1f}"
        print(f"{name:32}{found}{response.median:+10.1f}{idle.median:+10.1f}{times}")
    return {name: response for name, (response, _) in added.items()}


class Added(NamedTuple):
    """Milliseconds over plain, and between which bounds they lie with 95 % (rounds taken as independent)."""

    median: float
    low: float
    high: float


def over(rows: dict[str, list[tuple[float, float]]], name: str, which: int) -> Added:
    """What a case adds, from differences within a round: a machine that is slow for a while is slow for both.

    The bounds are order statistics: the k-th least and the k-th largest difference, k (binomial) such
    that the median lies outside of them in at most 5 % of all samples.
    """
    found = sorted(mine[which] - plain[which] for mine, plain in zip(rows[name], rows["plain"]))
    count = len(found)
    below = itertools.accumulate(math.comb(count, k) / 2**count for k in range(count))
    outside = sum(1 for share in below if share <= 0.025)
    return Added(statistics.median(found), found[outside], found[-1 - outside])


def show_wrapping(folders: dict[str, Path], rounds: int) -> tuple[float, float]:
    """Prints the table of imports; gives (milliseconds over plain, modules) of tracekit."""
    print(f"\n{'import and decorate':32}{'ms':>10}{'modules':>10}")
    unlike = [name for name, case in CASES.items() if case.launcher or case.wrapper]
    names = [name for name in folders if name not in (*unlike, "tracekit, zero code")]
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            rows[name].append(wrap(name, folders[name]))
    found = {name: [statistics.median(column) for column in zip(*row)] for name, row in rows.items()}
    for name, (took, modules) in found.items():
        print(f"{name:32}{took:10.2f}{modules:10.0f}")
    return found["tracekit"][0] - found["plain"][0], found["tracekit"][1]


def judge(added: dict[str, Added], wrapping: tuple[float, float]) -> None:
    """Prints each goal and whether it is met;
    none about the response where that is known worse than to half its goal."""
    ours = added["tracekit"]
    print("\ngoals")
    told("import and decorate, ms", wrapping[0], WRAP_MS)
    told("import and decorate, modules", wrapping[1], WRAP_MODULES)
    known = f"between {ours.low:.1f} and {ours.high:.1f} ms with 95 %"
    if ours.median <= 0 or ours.high - ours.low > RESPONSE_MS / 2:
        print(f"  the response: no verdict, the machine is too busy ({known}): run more rounds")
        return
    told(f"added to the response ({known}), ms", ours.median, RESPONSE_MS)
    if "opentelemetry-instrument" in added:
        theirs = added["opentelemetry-instrument"].median
        told(f"that over opentelemetry-instrument's {theirs:.1f} ms", ours.median / theirs, INSTRUMENT_SHARE)
    of_aws = {name: added[name].median for name in OF_AWS if name in added}
    if FAST_START in added:
        theirs = added[FAST_START].median
        told(f"that over AWS's fast start's {theirs:.1f} ms", ours.median / theirs, AWS_SHARE)
    if of_aws:
        best = min(of_aws, key=lambda name: of_aws[name])
        least = f"that over {best}'s {of_aws[best]:.1f} ms, the least of AWS's"
        told(least, ours.median / of_aws[best], AWS_SHARE)


def told(what: str, value: float, goal: float) -> None:
    share = goal < 1
    text = f"1/{1 / max(value, 1e-9):.1f}, goal 1/{1 / goal:.0f}" if share else f"{value:.1f}, goal {goal:g}"
    print(f"  {what}: {text}: {'ok' if value <= goal else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--peers", type=Path, help="where peers are installed, and kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        peers = options.peers or Path(work) / "peers"
        prepared = {name: prepare(name, Path(work) / "cases", peers) for name in CASES}
        folders = {name: folder for name, folder in prepared.items() if folder is not None}
        rows = measure(folders, options.rounds)
        added = show(rows)
        wrapping = show_wrapping({name: folders[name] for name in rows}, options.rounds)
        judge(added, wrapping)
        missing = [name for name in CASES if name not in rows]
        print(f"\nnot measured (not installed, or not running): {', '.join(missing) or 'none'}")


if __name__ == "__main__":
    main()
