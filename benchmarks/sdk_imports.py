"""What recording imports costs, and how near its times are to those of `python -X importtime`.

    python benchmarks/sdk_imports.py [--rounds 15] [--modules json,http.client,...]

Processes that import the same modules plainly, recorded, and under -X importtime take turns. The cost is one
of processor time, of each recorded process over the plain ones before and after it; medians. The goals are 5%
of cost, and times within 10% of the official ones.
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
PLAIN = PREPARE + "begin = time.process_time(); import {modules}; print(time.process_time() - begin)"
RECORDED = (
    PREPARE + "begin = time.process_time(); IMPORTS.start(); import {modules}; IMPORTS.stop(); "
    "took = time.process_time() - begin; modules = IMPORTS.take(); "
    "from tracekit.importtree import ImportTree; found = ImportTree(modules); "
    "print(took, found.total_ns / 1e9, len(found.modules))"
)
MOST_COST, MOST_OFF = 0.05, 0.1
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


def plain(modules: str) -> float:
    """Seconds of processor time without recording."""
    return float(run(PLAIN.format(modules=modules)).stdout)


def verdict(held: bool) -> str:
    return "ok" if held else "MISSED"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--modules", default=MODULES)
    options = parser.parse_args()
    costs, ratios, took = [], [], []
    count = 0
    before = plain(options.modules)
    for _ in range(options.rounds):
        used, total, number = map(float, run(RECORDED.format(modules=options.modules)).stdout.split())
        after = plain(options.modules)
        costs.append(used / ((before + after) / 2) - 1)
        ratios.append(total / official(options.modules))
        took.append(after)
        count, before = int(number), after
    cost, ratio = statistics.median(costs), statistics.median(ratios)
    print(f"modules                        {count}")
    print(f"importing, plain               {statistics.median(took) * 1e3:8.1f} ms of processor time")
    print(f"cost of recording              {cost * 100:8.1f} %   {verdict(cost <= MOST_COST)}")
    print(f"recorded / -X importtime       {ratio:8.2f}     {verdict(abs(ratio - 1) <= MOST_OFF)}")


if __name__ == "__main__":
    main()
