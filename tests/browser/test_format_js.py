"""static/js/format.js writes figures exactly as dashboards/format.py does."""

from __future__ import annotations

import pytest

from tests.browser.conftest import OpenPage
from tests.dashboards.figures import BYTES, COUNTS, DURATIONS, PERCENTS

pytestmark = pytest.mark.browser


def test_the_browser_writes_figures_as_the_server_does(shop_url: str, open_page: OpenPage) -> None:
    page = open_page(shop_url, "/functions")
    cases = {"duration": DURATIONS, "count": COUNTS, "percent": PERCENTS, "bytes": BYTES}
    written = page.evaluate(
        """async (cases) => {
            const format = await import("/static/js/format.js");
            const written = ([name, values]) => [name, values.map(([value]) => format[name](value))];
            return Object.entries(cases).map(written);
        }""",
        cases,
    )
    assert dict(written) == {name: [shown for _, shown in pairs] for name, pairs in cases.items()}
