"""`from tracekit import …` yields the public names, whatever was imported before."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "earlier",
    [
        "",
        "import tracekit.span",
        "import tracekit.flush",
        "import tracekit.run",
        "from tracekit import traced",
    ],
)
def test_a_submodule_never_hides_the_public_name_it_shares(earlier: str) -> None:
    imports = f"{earlier}\nfrom tracekit import flush, span"
    code = f"{imports}\nassert span.__module__ == flush.__module__ == 'tracekit.api'"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
