"""The pages of the UI, in the order of the navigation. A page is one module and one line here."""

from __future__ import annotations

from dashboards.pages import functions, traces
from dashboards.ui import Page

PAGES: tuple[Page, ...] = (
    Page("functions", "Functions", "/functions", functions.router, "f"),
    Page("traces", "Traces", "/traces", traces.router, "t"),
)
