"""benchmarks/pages.py on a small store: that it asks every page, and that what is slow is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dashboards.pages import PAGES
from tests.serving import clean_environment

ROOT = Path(__file__).resolve().parent.parent
SMALL = ("--spans=2000", "--large", "300", "--rate=600", "--rounds=1", "--no-browser")


def test_every_page_is_asked_while_spans_come_in_and_the_store_is_kept(tmp_path: Path) -> None:
    said = run(f"--data={tmp_path}", *SMALL).splitlines()
    asked = {line[:34].strip().rpartition(", ")[0] or line[:34].strip() for line in said[2:] if line[34:]}
    assert asked >= {page.key for page in PAGES} | {"one error", "timeline of 300", "cost of 300"}
    total = int(said[0].split()[0].replace(",", ""))
    assert total == 2_000 + 4 * 300
    again = run(f"--data={tmp_path}", *SMALL, "--only=status").splitlines()
    assert again[0].startswith(f"{total:,} spans") and again[-1].startswith(("0 of 1 ", "1 of 1 "))


def run(*options: str) -> str:
    command = [sys.executable, str(ROOT / "benchmarks" / "pages.py"), *options]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=clean_environment(), timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
