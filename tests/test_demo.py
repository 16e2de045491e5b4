"""`tracekit demo` as a person runs it, and what dashboards and store say against what really happened.

The ledger counts at the hosts, without any tracing: it is the truth that pages and store must equal.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from collector.model import Span
from collector.storage.base import EdgesQuery, FunctionsQuery, SpanReader, TracesQuery, Window
from collector.storage.duckdb import open_storage
from tests.browser.conftest import OpenPage, browser, open_page  # noqa: F401
from tests.dashboards.reading import links, table
from tests.serving import clean_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FUNCTIONS = {
    "storefront", "catalogue", "recommender", "order-worker", "thumbnailer", "stock-report", "payments",
}  # fmt: skip
RULES_WITH_A_REAL_FAULT = {"Catalogue fails", "Orders fail"}
DATABASE = "sqlite: shop"


@dataclass(slots=True)
class Demo:
    process: subprocess.Popen[str]
    folder: Path
    lines: list[str]

    @property
    def ui(self) -> str:
        return self.lines[0].split()[-1]

    @property
    def ledger(self) -> dict[str, Any]:
        truth: dict[str, Any] = json.loads((self.folder / "ledger.json").read_text())
        return truth

    def page(self, path: str) -> str:
        answer = httpx.get(self.ui + path, timeout=30)
        assert answer.status_code == 200, answer.text[:300]
        return answer.text

    def read_until(self, text: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if text in line:
                return
        raise AssertionError("the demo ended early:\n" + "\n".join(self.lines))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Twenty seconds of load have passed; the dashboards are still up."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "tracekit", "demo", "--seconds=20", "--seed=7", "--hold"]
    files = [f"--data={folder / 'data'}", f"--ledger={folder / 'ledger.json'}"]
    ports = [f"--{name}=127.0.0.1:0" for name in ("otlp-http", "otlp-grpc", "ui")]
    process = subprocess.Popen(
        [*command, *files, *ports],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=clean_environment(),
        start_new_session=True,  # Ctrl-C of the tests is not its own
    )
    running = Demo(process, folder, [])
    try:
        running.read_until("stays up until Ctrl-C")
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(30)


@pytest.fixture(scope="module")
def store(demo: Demo) -> Iterator[SpanReader]:
    """The demo's store, opened after the demo has ended. Tests of pages come before those that use it."""
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(30) == 0
    with closing(open_storage(demo.folder / "data")) as storage:
        yield storage.reader


def everything(reader: SpanReader) -> Window:
    stats = reader.stats()
    return Window(stats.first_ns, stats.last_ns + 1)


def all_traces(reader: SpanReader) -> Iterator[tuple[Span, ...]]:
    cursor = ""
    while True:
        page = reader.traces(TracesQuery(everything(reader), limit=200, cursor=cursor))
        for summary in page.traces:
            yield reader.trace(summary.trace_id)
        if not (cursor := page.next_cursor):
            return


def ledger_edges(ledger: dict[str, Any]) -> Counter[tuple[str, str]]:
    edges: Counter[tuple[str, str]] = Counter()
    for call in ledger["calls"]:
        edges[call["caller"], call["callee"]] += call["count"]
    return edges


# ---------------------------------------------------------------- while it runs


def test_the_dashboards_address_is_the_first_thing_it_prints(demo: Demo) -> None:
    assert re.fullmatch(r"Dashboards: http://127\.0\.0\.1:\d+", demo.lines[0])
    assert any(re.search(r"\d+ s .*calls", line) for line in demo.lines), "it says what is happening"


def test_the_functions_page_shows_every_function(demo: Demo) -> None:
    assert {row[0].split()[0] for row in table(demo.page("/functions"))[1:]} == FUNCTIONS


def test_the_topology_page_shows_every_edge_that_was_called_and_no_other(demo: Demo) -> None:
    rows = table(demo.page("/topology"))[1:]
    shown = {(row[0], row[1]) for row in rows}
    assert shown == set(ledger_edges(demo.ledger)) | {("catalogue", DATABASE)}


def test_the_slow_statement_of_version_two_leads_the_slow_calls(demo: Demo) -> None:
    statement = table(demo.page("/slow?what=statements&sort=p95"))[1][0]
    assert "LIKE" in statement and "description" in statement


def test_what_functions_log_stands_in_their_traces(demo: Demo) -> None:
    page = demo.page("/logs")
    for function in ("catalogue", "order-worker", "payments", "thumbnailer"):
        assert links(page, f"service={function}"), function
    failed = demo.page("/logs?q=failed&level=warn")
    trace = next(link for link in links(failed, "/traces/"))
    own = demo.page(re.split("[?#]", trace)[0] + "?view=logs")
    assert "shop.orders" in own and "Traceback" in own


def test_an_alert_fired_for_a_real_fault_and_its_webhook_was_told(demo: Demo) -> None:
    fired = {a["rule"] for a in demo.ledger["alerts"] if a["state"] == "firing"}
    assert fired & RULES_WITH_A_REAL_FAULT
    page = demo.page("/alerts")
    assert all(rule in page for rule in fired)
    assert "delivered" in page


@pytest.mark.browser
def test_a_person_clicks_from_the_overview_to_the_span_of_a_failed_call(
    demo: Demo,
    open_page: OpenPage,  # noqa: F811
) -> None:
    page = open_page(demo.ui, "/")
    page.get_by_role("link", name="catalogue", exact=True).first.click()
    page.wait_for_url("**/functions/catalogue**")
    page.locator('a[href*="/traces/"]').first.click()
    page.wait_for_url("**/traces/*")
    page.get_by_text("catalogue").first.wait_for()
    paths = ("/functions", "/traces", "/topology", "/slow", "/slow?what=statements", "/errors", "/logs")
    for path in (*paths, "/alerts", "/alerts/new"):
        page.goto(demo.ui + path)
        page.locator("h1").first.wait_for()


# ---------------------------------------------------------------- after it has ended


def test_nothing_it_started_is_left(store: SpanReader, demo: Demo) -> None:
    deadline = time.monotonic() + 10
    while left := processes_that_name(str(demo.folder)):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def processes_that_name(text: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:  # ended meanwhile, or not ours
            continue
        if text.encode() in command:
            found.append(f"{folder.name}: {command[:200]!r}")
    return found


def test_every_call_is_stored_once_under_its_function(store: SpanReader, demo: Demo) -> None:
    stored = {f.service: f for f in store.functions(FunctionsQuery(everything(store)))}
    calls: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for row in demo.ledger["invocations"]:
        calls[row["function"]] += row["count"]
        errors[row["function"]] += row["count"] if row["outcome"] == "error" else 0
    assert {name: f.calls for name, f in stored.items()} == dict(calls)
    assert {name: f.errors for name, f in stored.items()} == {name: errors[name] for name in FUNCTIONS}


def test_there_is_one_cold_start_for_each_process_started(store: SpanReader, demo: Demo) -> None:
    stored = {f.service: f.cold_starts for f in store.functions(FunctionsQuery(everything(store)))}
    assert stored == {name: row["started"] for name, row in demo.ledger["processes"].items()}
    phases = Counter(span.phase for trace in all_traces(store) for span in trace)
    assert phases["cold_start"] == phases["runtime_init"] == phases["function_init"] == sum(stored.values())


def test_every_trace_is_one_tree(store: SpanReader) -> None:
    traces = list(all_traces(store))
    assert len(traces) > 100
    for trace in traces:
        ids = {span.span_id for span in trace}
        roots = [span for span in trace if span.parent_span_id not in ids]
        assert len(roots) == 1 and not roots[0].parent_span_id, [(s.service, s.name) for s in roots]


def test_batches_link_to_the_traces_that_sent_their_messages(store: SpanReader, demo: Demo) -> None:
    consumed = [s for trace in all_traces(store) for s in trace if s.service == "order-worker" and s.is_call]
    linked = {link.trace_id for span in consumed for link in span.links}
    assert any(len(span.links) > 1 for span in consumed), "some batches hold several messages"
    assert all(store.trace(trace_id) for trace_id in linked)
    assert sum(len(s.links) for s in consumed) == demo.ledger["queues"]["orders"]["delivered"]


def test_the_edges_count_exactly_the_calls_that_were_made(store: SpanReader, demo: Demo) -> None:
    edges = {(e.source.name, e.target.name): e.calls for e in store.edges(EdgesQuery(everything(store)))}
    statements = edges.pop(("catalogue", DATABASE))
    assert edges == dict(ledger_edges(demo.ledger))
    assert statements > sum(n for (_, callee), n in edges.items() if callee == "catalogue") / 2


def test_the_worse_version_is_worse_on_the_record(store: SpanReader) -> None:
    spans = [s for trace in all_traces(store) for s in trace if s.service == "catalogue" and s.is_call]
    failed = Counter(s.version for s in spans if s.failed)
    assert failed["2"] > 0 and failed["1"] == 0
