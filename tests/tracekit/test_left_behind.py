"""Generators and coroutines that are closed elsewhere, late, or by nobody: right parents, and no noise."""

from __future__ import annotations

from typing import Any

import pytest

SET_UP = """
import asyncio, contextvars, gc, logging, threading
logging.basicConfig()
from tracekit import span, traced, current_span
from tracekit.pipeline import get
IMPORT
@traced(name="numbers")
async def numbers():
    with THEIRS:
        for number in range(10):
            with span("body"): pass
            yield number
@traced(name="items")
def items():
    with THEIRS:
        for number in range(10):
            with span("body"): pass
            yield number
"""
CHECK = """
gc.collect()
get().flush(10, force=True)
found = get().exporter.spans
root, made = [[one for one in found if one.name == name] for name in ("root", NAME)]
assert len(root) == len(made) == 1, [one.name for one in found]
assert made[0].parent is root[0] and made[0].end and made[0].rare is None
assert {one.tid for one in found} == {root[0].tid}
assert current_span().trace_id == "0" * 32
"""
# How each is left, after some of its items.
ASYNC = {
    "break": "async for n in numbers():\n        if n == 2: break\n    await asyncio.sleep(0)",
    "aclose in another task": "it = numbers(); await it.__anext__(); await asyncio.create_task(close(it))",
    "begun in a task, closed here": "it = numbers(); await asyncio.create_task(first(it)); await it.aclose()",
    "left to the loop": "kept.append(numbers()); await kept[0].__anext__()",
    "thrown at in another task": "it = numbers(); await it.__anext__()\n"
    "    await asyncio.create_task(throw(it))",
}
SYNC = {
    "break": "for n in items():\n        if n == 2: break",
    "closed in another context": "it = items(); next(it); contextvars.copy_context().run(it.close)",
    "closed in another thread": "it = items(); next(it)\n"
    "    t = threading.Thread(target=it.close); t.start(); t.join()",
    "begun in another thread": "it = items()\n"
    "    run = contextvars.copy_context().run\n"
    "    t = threading.Thread(target=run, args=(next, it)); t.start(); t.join(); it.close()",
    "left to the collector": "it = items(); next(it); del it",
}
HELPERS = """
kept = []
async def close(it): await it.aclose()
async def first(it): await it.__anext__()
async def throw(it):
    try: await it.athrow(GeneratorExit())
    except GeneratorExit: pass
"""


def run(python: Any, code: str, name: str, theirs: bool) -> None:
    setup = SET_UP.replace("IMPORT", "from opentelemetry import trace" if theirs else "import contextlib")
    inner = "trace.get_tracer('lib').start_as_current_span('theirs')"
    setup = setup.replace("THEIRS", inner if theirs else "contextlib.nullcontext()")
    check = CHECK.replace("NAME", repr(name))
    result = python(setup + HELPERS + code + check, OTEL_TRACES_EXPORTER="memory")
    assert (result.returncode, result.stderr) == (0, ""), result.stderr


@pytest.mark.parametrize("theirs", [False, True], ids=["", "with opentelemetry"])
@pytest.mark.parametrize("how", ASYNC)
def test_an_async_generator_may_be_left_in_any_way(python: Any, how: str, theirs: bool) -> None:
    code = f"async def main():\n  with span('root'):\n    {ASYNC[how]}\nasyncio.run(main())\n"
    run(python, code, "numbers", theirs)


def test_an_async_generator_may_be_closed_after_its_body_was(python: Any) -> None:
    # An event loop that ends closes all there are, in the order of their addresses.
    inner = "[one for one in gc.get_objects() if type(one).__name__ == 'async_generator' and one is not it]"
    left = (
        f"it = numbers(); await it.__anext__(); body, = {inner}\n    await body.aclose(); await it.aclose()"
    )
    run(
        python,
        f"async def main():\n  with span('root'):\n    {left}\nasyncio.run(main())\n",
        "numbers",
        False,
    )


@pytest.mark.parametrize("theirs", [False, True], ids=["", "with opentelemetry"])
@pytest.mark.parametrize("how", SYNC)
def test_a_generator_may_be_left_in_any_way(python: Any, how: str, theirs: bool) -> None:
    run(python, f"with span('root'):\n    {SYNC[how]}\n", "items", theirs)
