"""A real Chromium against a real server. A page that logs an error or asks another host fails its test."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, sync_playwright

from collector.storage.base import SpanReader
from collector.storage.logs import LogReader
from collector.storage.metrics import MetricReader
from dashboards.app import build_app
from dashboards.settings import UiSettings
from dashboards.ui import AlertStore, TriageStore
from tests.dashboards.traffic import NOW_NS, filled

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
START_S = 20

OpenPage = Callable[..., Page]


@contextmanager
def serving_ui(
    reader: SpanReader,
    alerts: AlertStore | None = None,
    *,
    triage: TriageStore | None = None,
    logs: LogReader | None = None,
    metrics: MetricReader | None = None,
    boards_folder: Path | None = None,
) -> Iterator[str]:
    """The UI on a free loopback port, at the hour when traffic.py's traffic ends; gives its base URL."""
    settings = UiSettings(now_ns=lambda: NOW_NS, boards_folder=boards_folder)
    app = build_app(reader, alerts, settings, triage, logs=logs, metrics=metrics)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_S
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline, "the UI did not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(START_S)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("no Chromium here: install Debian's chromium package to run the browser tests")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def live_ui() -> Iterator[Callable[..., str]]:
    """Starts UIs over readers: `base = live_ui(reader)`. They stop with the test."""
    running = []

    def start(reader: SpanReader, alerts: AlertStore | None = None) -> str:
        running.append(serving_ui(reader, alerts))
        return running[-1].__enter__()

    yield start
    for context in reversed(running):
        context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def shop_url() -> Iterator[str]:
    """Much traffic, one server for all tests that only read."""
    with serving_ui(filled("much").reader) as url:
        yield url


@pytest.fixture(scope="session")
def empty_url() -> Iterator[str]:
    """A store with nothing in it."""
    with serving_ui(filled("none").reader) as url:
        yield url


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens guarded pages: `page = open_page(base, "/functions", width=400, scheme="dark")`.

    At the end of the test every one of them must have stayed on its base URL and logged nothing wrong.
    `scripts=False` is a browser without JavaScript.
    """
    contexts, complaints = [], []

    def open_it(
        base: str,
        path: str,
        *,
        width: int = 1280,
        height: int = 900,
        scheme: str = "light",
        scripts: bool = True,
        timezone: str = "UTC",
        locale: str = "en-US",
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]
            java_script_enabled=scripts,
            timezone_id=timezone,
            locale=locale,
        )
        contexts.append(context)
        page = context.new_page()
        _guard(page, base, complaints)
        page.goto(base + path)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert not complaints


def _guard(page: Page, base: str, complaints: list[str]) -> None:
    def console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"console {message.type}: {message.text}")

    def request(request: Request) -> None:
        if not request.url.startswith((base + "/", "data:", "about:")):
            complaints.append(f"asked another host: {request.url}")

    def broken(error: Error) -> None:
        complaints.append(f"page error: {error}")

    page.on("console", console)
    page.on("request", request)
    page.on("pageerror", broken)
