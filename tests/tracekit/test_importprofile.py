"""What the import profile records, against what Python says itself, and what it leaves as it was."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tracekit.importprofile import Imported
from tracekit.importtree import ImportTree

HEAVY = (
    "import json, http.client, asyncio, decimal, xml.dom.minidom, unittest.mock, sqlite3, email.mime.text\n"
)


def tree(*modules: tuple[int, str, int]) -> ImportTree:
    """Modules as (depth, name, total microseconds)."""
    made = []
    for depth, name, total in modules:
        module = Imported(name, depth)
        module.total_ns = module.self_ns = total * 1000
        made.append(module)
    return ImportTree(made)


def test_the_text_has_a_line_a_module_in_the_order_of_their_beginning() -> None:
    assert str(tree((0, "a", 30), (1, "a.b", 20), (0, "c", 5))) == "0 a 30 30 0\n1 a.b 20 20 0\n0 c 5 5 0"


def test_only_the_heaviest_are_sent_and_with_their_parents() -> None:
    modules = [(0, "root", 10_000)] + [(1, f"m{n}", n) for n in range(1, 500)] + [(2, "x" * 500, 499)]
    lines = str(tree(*modules)).split("\n")
    assert 100 <= len(lines) <= 102
    assert lines[0].startswith("0 root")
    assert len("\n".join(lines)) < 16_384


def python_says(result: Any) -> tuple[int, int]:
    """(modules, microseconds) by -X importtime."""
    own = re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|", result.stderr, re.MULTILINE)
    return len(own), sum(map(int, own))


def test_modules_and_times_are_those_of_importtime(python: Any) -> None:
    code = f"""
import sys
from tracekit.importprofile import IMPORTS
sys.stderr.write("import time: begin\\n")
IMPORTS.start()
{HEAVY}
IMPORTS.stop()
sys.stderr.write("import time: end\\n")
from tracekit.importtree import ImportTree
imports = ImportTree(IMPORTS.take())
print(len(imports.modules), imports.total_ns // 1000, imports.memory)
"""
    result = python(code, "-X", "importtime")
    result.stderr = result.stderr.split("import time: begin\n")[1].split("import time: end")[0]
    count, total = python_says(result)
    ours, ours_us, memory = map(int, result.stdout.split())
    assert ours == count > 50
    # Both clocks run over the same imports: ours is outermost, and Python's lines cost time.
    assert 0.8 * total <= ours_us <= 1.6 * total
    assert memory > 1 << 20


def test_a_failing_import_looks_as_it_always_does(python: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import missing_thing\n")
    (tmp_path / "dividing.py").write_text("1 / 0\n")
    code = "\nimport traceback\nfor name in ('broken', 'dividing', 'absent'):\n    try: __import__(name)\n"
    code += "    except Exception: traceback.print_exc()\n"
    plain = python("#" + code)
    profiled = python("from tracekit.importprofile import IMPORTS; IMPORTS.start()" + code)
    assert profiled.stderr == plain.stderr != ""


def test_the_first_call_ends_it_and_sends_it_with_the_function(python: Any, collector: Any) -> None:
    code = """
from tracekit import traced
import sys, decimal, email.message
bootstrap = sys.modules["_frozen_importlib"]
@traced(handler=True)
def handler(event, context):
    return bootstrap._find_and_load.__module__ == "tracekit.importprofile"
assert handler.__wrapped__({}, None)
print(handler({}, None))
"""
    result = python(code, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert result.stdout == "False\n", result.stderr
    collector.wait(4)
    (phase,) = collector.named("FunctionInitialization")
    found = {pair.key: pair.value for pair in phase.attributes}
    assert re.search(r"^0 decimal \d+ \d+ \d+$", found["tracekit.imports"].string_value, re.MULTILINE)
    assert re.search(r"^1 email \d+ \d+ \d+$", found["tracekit.imports"].string_value, re.MULTILINE)
    assert found["tracekit.imports.count"].int_value > 10
    assert found["tracekit.imports.duration_ms"].double_value > 0


def test_it_can_be_turned_off(python: Any, collector: Any) -> None:
    code = (
        "from tracekit import traced\nimport decimal\n@traced(handler=True)\ndef f(e, c): pass\nf({}, None)"
    )
    python(code, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, TRACEKIT_IMPORT_PROFILE="false")
    collector.wait(4)
    (phase,) = collector.named("FunctionInitialization")
    assert [pair.key for pair in phase.attributes] == ["tracekit.phase"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_another_wrapper_of_the_import_system_is_left_in_place(python: Any, when: str) -> None:
    wrap = """
bootstrap = sys.modules["_frozen_importlib"]
theirs = lambda name, import_, _original=bootstrap._find_and_load: _original(name, import_)
bootstrap._find_and_load = theirs
"""
    start = "from tracekit.importprofile import IMPORTS\nIMPORTS.start()\n"
    code = "import sys\n" + (wrap + start if when == "before" else start + wrap)
    code += "import decimal\nIMPORTS.stop()\nimport email\nprint(bootstrap._find_and_load is theirs)\n"
    code += "print([m.name for m in IMPORTS.take() if m.name in ('decimal', 'email')])\n"
    assert python(code).stdout == "True\n['decimal']\n"


def test_imports_of_other_threads_pass_by(python: Any) -> None:
    code = """
import threading
from tracekit.importprofile import IMPORTS
IMPORTS.start()
thread = threading.Thread(target=lambda: __import__("decimal"))
thread.start()
thread.join()
print([m.name for m in IMPORTS.take() if m.name == "decimal"])
"""
    assert python(code).stdout == "[]\n"
