"""The first page of an empty server: it turns green by itself when a function first sends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.serving import serving

pytestmark = pytest.mark.browser

FUNCTION = """
from tracekit import traced

@traced(handler=True)
def handler(event, context):
    return "hello"

handler({}, None)
"""


def test_it_waits_and_turns_green_with_the_first_span(tmp_path: Path, open_page: OpenPage) -> None:
    with serving(tmp_path / "data") as server:
        page = open_page(server.ui, "/")
        assert page.url.endswith("/start")
        expect(page.get_by_role("status")).to_contain_text("Nothing has arrived yet")
        page.get_by_role("link", name="AWS Lambda").click()
        expect(page.locator(".snippet").nth(2)).to_contain_text(server.otlp_http)
        found = Axe().run(page).response["violations"]
        assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
        env = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": server.otlp_http, "OTEL_SERVICE_NAME": "shop"}
        subprocess.run([sys.executable, "-c", FUNCTION], env=env, check=True, timeout=60)
        expect(page.locator(".card.arrived")).to_contain_text("Receiving", timeout=30_000)
        page.get_by_role("link", name="shop").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("shop")
