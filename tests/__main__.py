"""`python -m tests`: everything that must hold, in the order that fails fastest.

Lint, types, then all tests. Where apt-get is there and we may use it, Debian's chromium is installed
first, so that the browser tests run; elsewhere they skip and say why.
Arguments go to pytest: `python -m tests -k topology`. Tests run on all processors, a file on one of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tracekit", "collector", "dashboards")
PARALLEL = ("-n", "auto", "--dist", "loadfile")


def main(arguments: list[str]) -> int:
    install_chromium()
    checks = [
        [sys.executable, "-m", "ruff", "check", "."],
        [sys.executable, "-m", "ruff", "format", "--check", "."],
        [sys.executable, "-m", "mypy", *(part for name in PACKAGES for part in ("-p", name))],
        [sys.executable, "-m", "pytest", *PARALLEL, *arguments],
    ]
    failed = [command for command in checks if run(command) != 0]
    for command in failed:
        print("failed:", " ".join(command[1:]), file=sys.stderr)
    return 1 if failed else 0


def run(command: list[str]) -> int:
    print("+", " ".join(command[1:]), flush=True)
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def install_chromium() -> None:
    """Best effort: the browser tests themselves say what is missing."""
    if shutil.which("chromium") or not shutil.which("apt-get") or os.geteuid() != 0:
        return
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL}
    print("+ apt-get install chromium (for the browser tests)", flush=True)
    subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)  # type: ignore[call-overload]
    subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], check=False, **quiet)  # type: ignore[call-overload]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
