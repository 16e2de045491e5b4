"""No page leaves words in English where Chinese is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

import pytest
from fastapi.testclient import TestClient

from collector.storage.base import EdgesQuery, TracesQuery, Window
from dashboards.app import build_app
from dashboards.pages import PAGES
from dashboards.settings import UiSettings
from tests.dashboards.metrictraffic import measured
from tests.dashboards.traffic import NOW_NS

# What is said alike in both languages, or is no word: names of things, formats, identifiers.
TERMS = frozenset({
    "tracekit", "UTC", "SQL", "CSV", "JSON", "OTLP", "html", "json", "Span", "Trace", "Scope", "Exemplar",
    "Webhook", "Initializer", "initializer", "CPU", "key", "value", "Ctrl", "Enter", "Python", "AWS",
    "Lambda", "Alibaba", "Google", "Functions", "Cloud", "Function", "Compute", "Knative", "Azure",
    "OpenFaaS", "ASGI", "WSGI", "Prometheus", "Fatal", "Error", "Warn", "Info", "Debug", "min", "gauge",
    "sum", "delta", "exponential", "histogram", "exponential_histogram", "summary", "cumulative",
})  # fmt: skip
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Not written by us: names and code are isolated or marked as such.
FOREIGN = frozenset({"script", "style", "code", "pre", "kbd", "bdi", "textarea", "option"})
VOID = frozenset({"input", "br", "meta", "link", "hr", "img"})


HOUR = Window(NOW_NS - 3600 * 10**9, NOW_NS)
MORE = (
    "/functions?q=nothing-is-named-so",
    "/topology?focus=function:checkout",
    "/topology?source=queue:orders&target=function:mailer",
    "/slow?what=statements",
    "/errors?show=resolved",
    *(f"/traces/{{trace_id}}?view={view}" for view in ("flame", "statistics", "logs", "profile", "cost")),
    "/logs?view=patterns",
    "/dashboards/functions",
    "/no-such-page",
    "/functions?from=soon",
)


class Said(HTMLParser):
    """What a page says: text, and the attributes that are read to people."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        foreign = (
            tag in FOREIGN or "mono" in (given.get("class") or "").split() or ("lang" in given and tag == "a")
        )
        if tag not in VOID:
            self.open.append((tag, foreign))
        if not foreign:
            self.texts += [given[name] or "" for name in ("aria-label", "placeholder") if name in given]

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not any(foreign for _, foreign in self.open):
            self.texts.append(" ".join(data.split()))


def english(page: str, names: frozenset[str]) -> list[str]:
    """Texts without a Chinese character in which words are left over."""
    reader = Said()
    reader.feed(page)
    found = []
    for text in reader.texts:
        words = [word for word in re.findall(r"[A-Za-z]{3,}", text) if word not in TERMS]
        if words and not CHINESE.search(text) and "{" not in text and not any(name in text for name in names):
            found.append(text)
    return found


@dataclass(frozen=True, slots=True)
class Shop:
    """A UI in Chinese, and the names that its senders gave."""

    client: TestClient
    traces: tuple[str, ...]
    names: frozenset[str]

    def address(self, path: str) -> str:
        here, there = (*self.traces, "0" * 31 + "1", "0" * 31 + "2")[:2]
        return path.format(service="checkout", trace_id=here, other=there)


@pytest.fixture(scope="module", params=["none", "little"])
def shop(request: pytest.FixtureRequest) -> Shop:
    storage = measured(request.param)
    settings = UiSettings(now_ns=lambda: NOW_NS)
    app = build_app(storage.reader, None, settings, logs=storage.logs, metrics=storage.metrics)
    client = TestClient(app, base_url="http://127.0.0.1", headers={"accept-language": "zh-CN"})
    edges = storage.reader.edges(EdgesQuery(HOUR))
    found = storage.reader.traces(TracesQuery(HOUR)).traces
    names = {node.name for edge in edges for node in (edge.source, edge.target)}
    return Shop(client, tuple(trace.trace_id for trace in found[:2]), frozenset(names))


@pytest.mark.parametrize("path", [*(page.path for page in PAGES), *MORE])
def test_a_page_is_in_chinese_but_for_names_and_terms(shop: Shop, path: str) -> None:
    answer = shop.client.get(shop.address(path))
    assert answer.status_code in (200, 400, 404)
    assert CHINESE.search(answer.text)
    assert english(answer.text, shop.names) == []


def test_a_word_left_in_english_would_be_found() -> None:
    page = "<h1>\u6982\u89c8</h1><p>Nothing fails <b>outright</b></p><bdi>a name</bdi><code>SELECT one</code>"
    assert english(page, frozenset()) == ["Nothing fails", "outright"]
