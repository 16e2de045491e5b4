"""A server that is asked to end does: politely whatever queries run, by its deadline whatever else does."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import httpx

from collector.stopping import MUTE_S, STOP_S
from tests.collector.otlp import request, span
from tests.serving import Server, clean_environment, serving, start

# Each is a `tracekit serve` of which one thing goes on for ever.
ENDLESS = """
    import sys
    from collector.storage.duckdb.reader import DuckDBReader
    from collector.storage.duckdb.snapshots import DuckDBSnapshots
    from tracekit.cli import main

    def endless(self, *_):
        print("asked", flush=True)
        product = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b"
        return self._database.read(lambda connection: connection.execute(product).fetchall())

    DuckDBReader.errors = DuckDBSnapshots.write = endless
    sys.exit(main(sys.argv[1:]))
"""
STUCK = """
    import functools, sys, threading
    from collector import stopping
    from collector.retention import Caretaker
    from collector.storage.duckdb.writer import DuckDBWriter
    from tracekit.cli import main

    def stuck(self, *_):
        threading.Event().wait()

    Caretaker.close = DuckDBWriter.write = DuckDBWriter.write_block = stuck
    stopping.Deadline = functools.partial(stopping.Deadline, 2.0)
    sys.exit(main(sys.argv[1:]))
"""
MUTE = """
    import os, threading
    from collector.stopping import Deadline

    os.set_blocking(2, False)
    try:
        while True:
            os.write(2, b"." * 65536)
    except BlockingIOError:
        os.set_blocking(2, True)
    Deadline(0.2).begin()
    threading.Event().wait()
"""


def serve(folder: Path, program: str) -> Server:
    return start(folder, program=("-c", textwrap.dedent(program)))


def acknowledge(server: Server) -> None:
    now = time.time_ns()
    one = span(start_time_unix_nano=now - 10**6, end_time_unix_nano=now)
    body = request(one).SerializeToString()
    headers = {"content-type": "application/x-protobuf"}
    assert httpx.post(f"{server.otlp_http}/v1/traces", content=body, headers=headers).status_code == 200


def is_stored(server: Server) -> bool:
    deadline = time.monotonic() + 30
    while "shop" not in httpx.get(f"{server.ui}/api/traces.json").text:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def ask(server: Server, path: str) -> None:
    """A reader, who does not mind that there is no answer."""
    try:
        httpx.get(server.ui + path, timeout=100)
    except httpx.TransportError:
        return


def test_queries_without_an_end_do_not_hold_up_the_servers(tmp_path: Path) -> None:
    server = serve(tmp_path, ENDLESS)
    try:
        for path in ("/errors", "/sql?query=SELECT count(*) FROM spans"):
            threading.Thread(target=ask, args=(server, path), daemon=True).start()
        deadline = time.monotonic() + 60
        while server.log.read_text().count("asked") < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert server.stop() == 0, server.log.read_text()
    finally:
        server.kill()


def test_a_server_that_cannot_end_is_ended_and_tells_why_and_loses_nothing(tmp_path: Path) -> None:
    server = serve(tmp_path, STUCK)
    try:
        acknowledge(server)
        assert server.stop() == 1
    finally:
        server.kill()
    told = server.log.read_text()
    assert "Timeout" in told and "in stuck" in told
    with serving(tmp_path) as again:
        assert is_stored(again)


def test_a_server_that_cannot_even_tell_why_ends_too() -> None:
    command = [sys.executable, "-c", textwrap.dedent(MUTE)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=clean_environment()) as process:
        try:
            assert process.wait(30) == -signal.SIGALRM
        finally:
            process.kill()


def test_the_documentation_has_everyone_wait_longer_than_the_deadline() -> None:
    text = (Path(__file__).resolve().parents[1] / "docs" / "running.md").read_text()
    assert f"{STOP_S:g} s later the process is gone" in text
    told = re.findall(r"(?:TimeoutStopSec=|--stop-timeout |stop_grace_period: |Kubernetes waits )(\d+)", text)
    assert len(told) == 6 and all(int(seconds) > STOP_S + MUTE_S for seconds in told)
