"""Pages that are opened from others, over a real store with little and with much in it: they fit a phone,
stay within their weight, and can be read by everybody."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe

from collector.storage.duckdb import open_storage
from dashboards.pages.trace import VIEWS
from tests.browser.conftest import OpenPage
from tests.browser.test_every_page import MANY_NODES, WEIGHT, get
from tests.dashboards.logtraffic import logs_of
from tests.dashboards.traffic import Size, Traffic
from tests.serving import serving

pytestmark = pytest.mark.browser
AMOUNTS: tuple[Size, ...] = ("little", "much")
PAGES = {
    "a dashboard": "/dashboards/functions",
    "its editor": "/dashboards/functions/edit",
    "a new rule": "/alerts/new",
    "one error": "/errors/{error}",
    "a focus": "/topology?focus=function:checkout",
    "an edge": "/topology?source=queue:orders&target=function:mailer",
    "patterns": "/logs?view=patterns",
    "statements": "/slow?what=statements",
    **{f"trace, {view}": f"/traces/{{trace}}?view={view}" for view, _ in VIEWS[1:]},
}


@pytest.fixture(scope="module", params=AMOUNTS)
def addresses(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[str]]:
    """The server's own, and after it the parts of PAGES' addresses that this store fills in."""
    data = tmp_path_factory.mktemp(request.param)
    spans = Traffic(now_ns=time.time_ns()).batch(request.param)
    storage = open_storage(data)
    storage.writer.write([spans, logs_of(spans)])
    storage.close()
    with serving(data) as server:
        base = server.ui.rstrip("/")
        _, errors = get(f"{base}/errors")
        found = re.search(r"/errors/([0-9a-f]{16})", errors.decode())
        yield [base, found[1] if found else "", spans.columns["trace_id"][0]]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_one_thing_fits_stays_light_and_is_accessible(
    addresses: list[str], open_page: OpenPage, name: str
) -> None:
    base, error, trace = addresses
    if name == "one error" and not error:
        pytest.skip("nothing failed among so few calls")
    path = PAGES[name].format(error=error, trace=trace)
    status, body = get(base + path)
    assert status == 200 and len(gzip.compress(body, 6)) <= WEIGHT
    page = open_page(base, path, width=400)
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.locator("*").count() <= MANY_NODES
    found = Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["target"]) for v in found if v["impact"] in ("serious", "critical")] == []


@pytest.mark.parametrize(
    "path", ["/errors/" + "0" * 16, "/traces/" + "0" * 31 + "1?view=flame", "/dashboards/none"]
)
def test_what_is_not_there_is_told(addresses: list[str], path: str) -> None:
    status, body = get(addresses[0] + path)
    assert status == 404 and b"<h1" in body
