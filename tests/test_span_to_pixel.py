"""One span's whole way: a decorator in a process of its own, the wire, the store, a page."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import httpx

from tests.serving import clean_environment, serving

FUNCTION = """
    from tracekit import span, traced

    @traced
    def price(order):
        with span("look up <discount>", attributes={"order.lines": 3}):
            raise LookupError("no discount for " + order)

    @traced(handler=True, name="checkout")
    def handler(event, context):
        try:
            price(event["order"])
        except LookupError:
            return "full price"

    assert handler({"order": "A-17"}, None) == "full price"
    assert handler({"order": "A-18"}, None) == "full price"
"""


def run_function(source: str, endpoint: str, **environment: str) -> None:
    env = clean_environment(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_SERVICE_NAME="checkout", **environment)
    subprocess.run([sys.executable, "-c", textwrap.dedent(source)], check=True, env=env, timeout=30)


def wait_for(client: httpx.Client, path: str, text: str, seconds: float = 10.0) -> str:
    deadline = time.monotonic() + seconds
    while True:
        page = client.get(path)
        if text in page.text or time.monotonic() > deadline:
            assert page.status_code == 200, page.text[:500]
            assert text in page.text
            return page.text
        time.sleep(0.1)


def test_what_a_decorated_function_did_is_on_the_pages(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server, httpx.Client(base_url=server.ui) as client:
        run_function(FUNCTION, server.otlp_http)
        functions = wait_for(client, "/functions", "checkout")
        assert "/functions/checkout" in functions

        cold = client.get("/traces", params={"function": "checkout", "cold": "yes"}).text
        ids = set(re.findall(r"/traces/([0-9a-f]{32})", cold))
        assert len(ids) == 1, "exactly the first call of the process is cold"

        page = client.get(f"/traces/{ids.pop()}").text
        for name in ("checkout", "price", "look up", "ColdStart", "RuntimeInitialization"):
            assert name in page
        assert "<discount>" not in page, "a span name is text, never markup"


def test_everything_shown_survives_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        run_function(FUNCTION, server.otlp_http)
        server.kill()
    with serving(tmp_path / "data") as server, httpx.Client(base_url=server.ui) as client:
        wait_for(client, "/functions", "/functions/checkout")
