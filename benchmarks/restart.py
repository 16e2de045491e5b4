"""How long until a store of 1 GB takes payloads again after kill -9 in the middle of a load.

    python benchmarks/restart.py [--bytes 1e9] [--kills 3]

The store is filled by a closed loop. Then, again and again: started, loaded until the journal holds as much
as it has ever held under this load, killed, and started once more, from the process to the first 200 of
/readyz. What was acknowledged is inserted behind that; what is stored at the end is counted by other means.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import servers
from overload import stored

MOST_SECONDS = 2.0
_LOAD_S = 5.0
_CONNECTIONS = 8


def bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.duckdb*"))


def begin_load(server: servers.Server, seed: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(servers.HERE / "otlp_load.py"), server.otlp]
    command += ["--seconds", str(_LOAD_S), "--connections", str(_CONNECTIONS), "--seed", str(seed)]
    load = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=servers.clean_environment())
    assert load.stdout is not None
    load.stdout.readline()  # connected, with its payloads made
    return load


def acknowledged(load: subprocess.Popen[str]) -> int:
    return int(json.loads(load.communicate()[0].splitlines()[-1])["acknowledged"])


def fill(folder: Path, enough: float) -> tuple[int, float]:
    """Spans that were acknowledged until the store was that large, and the most its journal held."""
    total, most, seed = 0, 0.0, 1
    with servers.tracekit(folder) as server:
        while bytes_of(folder) < enough:
            load = begin_load(server, seed)
            while load.poll() is None:
                most = max(most, server.metric("tracekit_journal_bytes"))
                time.sleep(0.2)
            total += acknowledged(load)
            seed += 1
            server.settle()
    return total, most


def killed(folder: Path, seed: int, full: float) -> tuple[int, float]:
    """Load, and kill when the journal is as full as it gets; what was acknowledged, bytes in the journal."""
    with servers.tracekit(folder) as server:
        load = begin_load(server, seed)
        until = time.monotonic() + 0.9 * _LOAD_S
        held = 0.0
        while time.monotonic() < until and held < 0.9 * full:
            held = server.metric("tracekit_journal_bytes")
            time.sleep(0.05)
        os.kill(server.pid, signal.SIGKILL)
    return acknowledged(load), held


def ready_after(folder: Path) -> tuple[float, float]:
    """Seconds from the process to /readyz, and until all is inserted besides."""
    began = time.perf_counter()
    with servers.tracekit(folder) as server:
        while not _is_ready(server):
            time.sleep(0.01)
        ready = time.perf_counter() - began
        return ready, ready + server.settle()


def _is_ready(server: servers.Server) -> bool:
    try:
        with urllib.request.urlopen(f"{server.ui}/readyz", timeout=60) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=float, default=1e9)
    parser.add_argument("--kills", type=int, default=3)
    options = parser.parse_args()
    longest = 0.0
    with tempfile.TemporaryDirectory() as name:
        empty, _ = ready_after(Path(name) / "empty")
        folder = Path(name) / "data"
        total, full = fill(folder, options.bytes)
        rested, _ = ready_after(folder)
        print(
            f"an empty folder is ready after {empty:.2f} s, one of {bytes_of(folder) / 1e9:.2f} GB that was"
        )
        print(f"closed after {rested:.2f} s; under load its journal holds up to {full / 2**20:,.0f} MiB")
        for number in range(options.kills):
            sent, held = killed(folder, 1_000 + number, full)
            total += sent
            log = sum(path.stat().st_size for path in folder.glob("*.wal"))
            ready, inserted = ready_after(folder)
            longest = max(longest, ready)
            print(
                f"killed with {held / 2**20:,.0f} MiB in the journal and {log / 2**20:,.0f} in the engine's"
                f" log: ready after {ready:.2f} s, all inserted after {inserted:.2f} s"
            )
        in_store = stored(folder)
    for met, text in (
        (longest <= MOST_SECONDS, f"ready again after {longest:.2f} s, goal <= {MOST_SECONDS:.0f} s"),
        (in_store >= total, f"acknowledged {total:,} spans, stored {in_store:,}"),
    ):
        print(f"  {'met ' if met else 'MISSED'}  {text}")


if __name__ == "__main__":
    main()
