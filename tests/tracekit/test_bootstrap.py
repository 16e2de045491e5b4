"""Zero-code start: what it leaves of itself in a process that it watches."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tracekit import bootstrap

HERE = bootstrap.__path__[0]
TELL = "import sys\nprint(sys.path.count({here!r}), 'tracekit.bootstrap.activate' in sys.modules)\n"


def test_the_sitecustomize_it_hides_runs_once_as_it_would_have(python: Any, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "sitecustomize.py").write_text("import sys\nprint('theirs', __file__)\n")
    path = os.pathsep.join([HERE, str(theirs)])
    found = python("import sitecustomize", PYTHONPATH=path)
    assert found.stdout == f"theirs {theirs / 'sitecustomize.py'}\n" and not found.stderr


def test_its_folder_leaves_the_path_of_a_process_and_not_of_those_it_starts(python: Any) -> None:
    code = TELL.format(here=HERE) + "sys.stdout.flush()\nimport subprocess\n"
    code += "if not sys.argv[1:]: subprocess.run([sys.executable, __file__, 'started'])"
    found = python(code, PYTHONPATH=HERE)
    assert found.stdout == "0 True\n" * 2, found.stderr
