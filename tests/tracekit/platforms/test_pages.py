"""Every platform has a page, and what the pages tell to copy is valid."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import tracekit
from tracekit import outgoing
from tracekit.platforms import registry

PAGES = Path(tracekit.__path__[0]).parent / "docs" / "platforms"
INDEX = (PAGES / "README.md").read_text()
EACH = sorted(page for page in PAGES.glob("*.md") if page.name != "README.md")


def test_every_adapter_and_every_page_is_in_the_index() -> None:
    adapters = {name for name, _ in registry.PLATFORMS} | {"generic", "snapstart"}
    named = set(re.findall(r"`([a-z_]+)`(?=[^\n]*\|[^|\n]*\|$)", INDEX, re.M))
    assert adapters <= named
    assert {page.name for page in EACH} == set(re.findall(r"\]\(([a-z-]+\.md)\)", INDEX))


@pytest.mark.parametrize("page", EACH, ids=lambda page: page.stem)
def test_the_code_to_copy_is_python_and_imports_what_there_is(page: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.S)
    assert blocks
    for block in blocks:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module in ("tracekit", "tracekit.outgoing"):
                home = tracekit if node.module == "tracekit" else outgoing
                assert all(hasattr(home, alias.name) for alias in node.names)


# What a platform does with the code of a page's nth block, and the trigger it is recognised by.
LAMBDA = "class Context: aws_request_id, function_name = 'r', 'shop'\n"
FC = "class Context:\n    request_id = 'r'\n    class function: name = 'shop'\n"
SCOPE = "{'type': 'http', 'method': 'GET', 'path': '/', 'headers': [], 'query_string': b''}"
ASGI = f"""
import asyncio
async def request(app):
    async def receive(): return {{"type": "http.request", "body": b"", "more_body": False}}
    async def send(message): pass
    await app({SCOPE}, receive, send)
"""
FLASK = "from flask import Flask, request\nwith Flask('shop').test_request_context('/'): shop(request)"
GATEWAY = "class Event: body, headers, method, query, path = b'', {}, 'GET', {}, '/'\n"
RUNS = [
    ("aws-lambda", 0, LAMBDA + "handler({}, Context)", "other"),
    ("function-compute", 0, FC + "initialize(Context); handler(b'', Context); pre_stop(Context)", "other"),
    ("google", 0, FLASK, "http"),
    ("knative", 0, ASGI + "asyncio.run(request(new().handle))", "http"),
    ("openfaas", 0, GATEWAY + "handle(Event(), None)", "http"),
    ("plain", 0, "handler({'detail-type': 'Scheduled Event', 'source': 'aws.events'}, None)", "timer"),
    ("web", 0, ASGI + "asyncio.run(request(app))", "http"),
    ("web", 1, ASGI + "asyncio.run(request(app))", "http"),
]


@pytest.mark.parametrize(("page", "number", "run", "trigger"), RUNS, ids=lambda value: str(value)[:20])
def test_the_code_to_copy_runs_and_is_a_call(
    python: Any, page: str, number: int, run: str, trigger: str
) -> None:
    code = re.findall(r"```python\n(.*?)```", (PAGES / f"{page}.md").read_text(), re.S)[number]
    found = """
from tracekit.pipeline import get
get().flush(30, force=True)
calls = [one for one in get().exporter.spans if (one.attributes or {}).get("faas.trigger")]
print([one.attributes["faas.trigger"] for one in calls])
"""
    result = python(f"{code}\n{run}\n{found}", OTEL_TRACES_EXPORTER="memory")
    assert (result.stdout, result.stderr) == (f"['{trigger}']\n", ""), result.stderr


def test_the_variables_named_are_settings() -> None:
    settings = (PAGES.parent / "sdk.md").read_text()
    for page in EACH:
        for name in re.findall(r"\b((?:OTEL|TRACEKIT)_[A-Z_]+)", page.read_text()):
            assert f"`{name}`" in settings, (page.name, name)
