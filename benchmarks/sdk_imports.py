"""What recording imports costs, and how near its times are to those of `python -X importtime`.

    python benchmarks/sdk_imports.py [--rounds 15] [--modules json,http.client,...]

Processes that import the same modules plainly, recorded, and under -X importtime take turns; medians.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = (
    "json,http.client,asyncio,decimal,xml.dom.minidom,unittest.mock,sqlite3,email.mime.text,fastapi,jinja2"
)
PREPARE = "import sys, time; from tracekit.importprofile import IMPORTS; "
PLAIN = (
    PREPARE + "begin = time.perf_counter(); import {modules}; took = time.perf_counter() - begin; print(took)"
)
RECORDED = (
    PREPARE + "begin = time.perf_counter(); IMPORTS.start(); import {modules}; IMPORTS.stop(); "
    "took = time.perf_counter() - begin; found = IMPORTS.take(); "
    "print(took, found.total_ns / 1e9, len(found.modules))"
)
OFFICIAL = (
    PREPARE + "sys.stderr.write('begin\\n'); import {modules}; sys.stderr.flush(); sys.stderr.write('end\\n')"
)


def run(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)


def official(modules: str) -> float:
    """Seconds by -X importtime: the sum of every module's own time."""
    text = run(OFFICIAL.format(modules=modules), "-X", "importtime").stderr
    text = text.split("begin\n")[1].split("end\n")[0]
    return sum(map(int, re.findall(r"^import time:\s+(\d+) \|", text, re.MULTILINE))) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--modules", default=MODULES)
    options = parser.parse_args()
    plain, recorded, ours, theirs = [], [], [], []
    count = 0
    for _ in range(options.rounds):
        plain.append(float(run(PLAIN.format(modules=options.modules)).stdout))
        took, total, number = run(RECORDED.format(modules=options.modules)).stdout.split()
        recorded.append(float(took))
        ours.append(float(total))
        count = int(number)
        theirs.append(official(options.modules))
    cost = [with_ / without - 1 for with_, without in zip(recorded, plain)]
    ratio = [mine / other for mine, other in zip(ours, theirs)]
    print(f"modules                        {count}")
    print(f"importing, plain               {statistics.median(plain) * 1e3:8.1f} ms")
    print(f"importing, recorded            {statistics.median(recorded) * 1e3:8.1f} ms")
    print(f"cost, median of rounds         {statistics.median(cost) * 100:8.1f} %")
    print(f"cost, fastest round of each    {(min(recorded) / min(plain) - 1) * 100:8.1f} %")
    print(f"recorded / -X importtime       {statistics.median(ratio):8.2f}")
    print(f"the same, fastest of each      {min(ours) / min(theirs):8.2f}")


if __name__ == "__main__":
    main()
