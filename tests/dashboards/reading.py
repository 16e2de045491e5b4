"""Reads pages as a person would: cells of tables, text without markup. Standard library only."""

from __future__ import annotations

import re
from html.parser import HTMLParser


class _Rows(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
            self.open = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.open = False

    def handle_data(self, data: str) -> None:
        if self.open:
            self.rows[-1][-1] += data + " "


def table(html: str, index: int = 0) -> list[list[str]]:
    """The rows of the page's table, head first, each cell as its text with single blanks."""
    tables = re.findall(r"<table.*?</table>", html, re.S)
    reader = _Rows()
    reader.feed(tables[index])
    return [[" ".join(cell.split()) for cell in row] for row in reader.rows]


def links(html: str, containing: str) -> list[str]:
    """Targets of links with this text in them, unescaped."""
    found = re.findall(r'href="([^"]*)"', html)
    return [href.replace("&amp;", "&") for href in found if containing in href]
