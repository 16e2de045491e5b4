"""What each page takes while spans come in: on the server, apart from the store, on the wire, in Chromium.

    python benchmarks/pages.py [--spans 1000000] [--rate 2000] [--rounds 5] [--data FOLDER] [--no-browser]

A day of traffic (daystore.py) in a `tracekit serve` of its own, while a sender in another process adds
`rate` spans a second. Every page is asked once and then `rounds` times: "first" is the first time, the
others are medians. `store` is the time in which queries of the page ran (`Server-Timing`), `rest` all other
time of the server. In Chromium, `cpu` is the processor time of the page's main thread (TaskDuration),
without what it waits for a processor; of "a page of nothing" it is what Chromium takes by itself. `ready`
is the time from the request until a row is drawn and answers a click, or the page is loaded. A FOLDER is
kept, and used again if filled.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

import daystore
import servers
from daystore import DayStore

from dashboards.boardfiles import BoardFiles
from dashboards.pages import PAGES
from dashboards.pages.trace import VIEWS

RANGES = ("1h", "24h")
MOST_MS, MOST_REST_MS, MOST_KB = 1_000.0, 60.0, 100.0
MOST_CPU_MS = {"overview": 100.0, "trace of 5,000": 120.0}
MOST_READY_MS = 2_000.0
# Pages of one thing, or of other sorts of data, beside those of PAGES at their plain address.
MORE = {
    "functions by cost": "/functions?sort=cost",
    "slow operations": "/slow?what=operations",
    "slow calls": "/slow?what=calls",
    "slow statements": "/slow?what=statements",
    "traces, slowest": "/traces?sort=slowest",
    "traces, failed": "/traces?status=error",
    "traces, of a function": "/traces?service=function-3",
    "traces, word": "/traces?q=table_7",
    "traces, TraceQL": "/traces?q=" + quote('{ resource.service.name = "function-3" && status = error }'),
    "log patterns": "/logs?view=patterns",
    "logs, word": "/logs?q=basket",
    "one metric": "/metrics-explorer?metric=process.memory.usage&by=service.name",
    "alert, new": "/alerts/new",
    "topology of one": "/topology?focus=function:function-3",
    "SQL query": "/sql?query=" + quote("SELECT service, p95_ms, calls FROM functions ORDER BY p95_ms DESC"),
}
CHROMIUM = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """Milliseconds but for `kilobytes`, which are of the page after gzip."""

    client: float
    store: float
    total: float
    kilobytes: float

    @property
    def rest(self) -> float:
        return self.total - self.store


@dataclass(frozen=True, slots=True)
class Measured:
    """One page: its first answer and the medians of the others. `is_goal` says whether goals hold for it."""

    name: str
    first: Answer
    usual: Answer
    is_goal: bool = True

    @property
    def missed(self) -> list[str]:
        goals = (("slow", self.usual.total, MOST_MS), ("rest", self.usual.rest, MOST_REST_MS))
        over = [what for what, value, most in (*goals, ("KB", self.usual.kilobytes, MOST_KB)) if value > most]
        return over if self.is_goal else []


@contextlib.contextmanager
def store(folder: Path | None, spans: int, large: list[int]) -> Iterator[tuple[Path, DayStore]]:
    """The data folder and what is in it, made unless `folder` holds it already."""
    with tempfile.TemporaryDirectory() as temporary:
        home = folder or Path(temporary)
        data, about = home / "data", home / "day.json"
        if not about.exists():
            shutil.rmtree(data, ignore_errors=True)
            day = daystore.filled(data, spans, time.time_ns(), large)
            about.write_text(json.dumps(asdict(day)))
        known = json.loads(about.read_text())
        known["large"] = {int(size): ids for size, ids in known["large"].items()}
        yield data, DayStore(**known)


@contextlib.contextmanager
def sending(url: str, rate: int) -> Iterator[None]:
    """A sender at that rate until the end; none at 0."""
    if not rate:
        yield
        return
    script = str(Path(__file__).with_name("otlp_load.py"))
    options = ["--rate", str(rate), "--seconds", "86400", "--connections", "2"]
    sender = subprocess.Popen([sys.executable, script, url, *options], stdout=subprocess.PIPE, text=True)
    try:
        assert sender.stdout is not None
        sender.stdout.readline()  # it has connected
        yield
        if sender.poll() is not None:
            raise SystemExit("the sender ended before the measurement did")
    finally:
        sender.kill()
        sender.wait()


def addresses(base: str, day: DayStore) -> dict[str, str]:
    """Every page by a name, those with a range once for each of RANGES."""
    here, there = day.usual
    named = {"service": "function-3", "trace_id": here, "other": there}
    plain = {page.key: page.path.format(**named) for page in PAGES} | MORE
    plain |= {f"dashboard {file.name}": f"/dashboards/{file.name}" for file in BoardFiles(None).all()}
    fixed = {key: plain.pop(key) for key in ("open", "trace", "diff", "status", "alerts")}
    found = {}
    for length in RANGES:
        wanted = plain | _one_error(base, length)
        for key, path in wanted.items():
            found[f"{key}, {length}"] = f"{path}{'&' if '?' in path else '?'}from=now-{length}&to=now"
    found |= fixed
    for size, ids in day.large.items():
        # Each view of a trace nobody looked at before, as far as there are traces.
        for number, (view, _) in enumerate(VIEWS):
            found[f"{view} of {size:,}"] = f"/traces/{ids[number % len(ids)]}?view={view}"
    return found


def _one_error(base: str, length: str) -> dict[str, str]:
    with urllib.request.urlopen(f"{base}/errors?from=now-{length}&to=now", timeout=120) as page:
        links = re.findall(r'href="(/errors/[0-9a-f]{16})', page.read().decode())
    return {"one error": links[0]} if links else {}


def ask(url: str) -> Answer:
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    began = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=300) as response:
            body = response.read()
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{url} was answered with {error.code}") from error
    took = 1e3 * (time.perf_counter() - began)
    spent = dict(re.findall(r"(\w+);dur=([\d.]+)", response.headers["Server-Timing"]))
    packed = response.headers.get("Content-Encoding") == "gzip"
    weight = len(body if packed else gzip.compress(body, 5))
    return Answer(took, float(spent["store"]), float(spent["total"]), weight / 1024)


def measured(base: str, day: DayStore, rounds: int, only: str) -> list[Measured]:
    found = []
    for name, path in addresses(base, day).items():
        if not re.search(only, name):
            continue
        first = ask(base + path)
        others = [ask(base + path) for _ in range(rounds)]
        columns = zip(*((a.client, a.store, a.total, a.kilobytes) for a in others), strict=True)
        # UI.md's goals are for traces up to 10,000 spans and all other pages.
        found.append(Measured(name, first, Answer(*map(statistics.median, columns)), "50,000" not in name))
        print(row(found[-1]), flush=True)
    return found


def row(page: Measured) -> str:
    usual = page.usual
    figures = (page.first.client, usual.client, usual.total, usual.store, usual.rest)
    texts = "".join(f"{value:9,.0f}" for value in figures)
    verdict = f"MISSED: {', '.join(page.missed)}" if page.missed else "ok" if page.is_goal else ""
    return f"{page.name:34}{texts}{usual.kilobytes:8,.1f}  {verdict}"


def in_chromium(base: str, day: DayStore) -> None:
    """Each page in a browser context of its own; large traces that differ, so that each is laid out anew."""
    from playwright.sync_api import sync_playwright

    opened = {"a page of nothing": ["/healthz"] * daystore.OF_EACH}
    opened |= {"overview": ["/overview?from=now-1h&to=now"] * daystore.OF_EACH}
    opened |= {f"trace of {size:,}": [f"/traces/{i}" for i in ids] for size, ids in day.large.items()}
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(CHROMIUM))
        print(f"\n{'in Chromium':34}{'cpu ms':>9}{'ready':>9}{'frame':>9}")
        for name, paths in opened.items():
            visits = [visit(browser, base + path, "trace" in name) for path in paths]
            cpu, ready, frame = (statistics.median(values) for values in zip(*visits, strict=True))
            goals = [("cpu", cpu, MOST_CPU_MS.get(name)), ("ready", ready, MOST_READY_MS)]
            missed = [what for what, value, most in goals if most is not None and value > most]
            verdict = f"MISSED: {', '.join(missed)}" if missed else "ok"
            print(f"{name:34}{cpu:9,.0f}{ready:9,.0f}{frame:9,.1f}  {verdict}", flush=True)
        browser.close()


# A row answers a click when it is marked as chosen. Then a second of scrolling: the median time of a frame.
_READY = """() => new Promise(done => {
  const look = () => {
    const row = document.querySelector('.r:not([hidden]) .nm');
    if (!row) return requestAnimationFrame(look);
    row.click();
    requestAnimationFrame(() => document.querySelector('.r.sel') ? done(performance.now()) : look());
  };
  look();
})"""
_SCROLL = """() => new Promise(done => {
  const box = document.querySelector('#rows'), frames = [];
  const step = before => requestAnimationFrame(now => {
    if (before) frames.push(now - before);
    box.scrollTop += 333;
    if (frames.length < 60) step(now); else done(frames.sort((a, b) => a - b)[30]);
  });
  step(0);
})"""


def visit(browser: object, url: str, is_trace: bool) -> tuple[float, float, float]:
    """Milliseconds: the main thread's work until the page is at rest, time until it is ready, a frame."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})  # type: ignore[attr-defined]
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(url, wait_until="load")
    page.wait_for_load_state("networkidle")
    figures = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    ready = page.evaluate("performance.timing.loadEventEnd - performance.timing.navigationStart")
    frame = 0.0
    if is_trace:
        page.goto("about:blank")
        page.goto(url, wait_until="commit")
        ready = page.evaluate(_READY)
        frame = page.evaluate(_SCROLL)
    context.close()
    return 1e3 * figures["TaskDuration"], ready, frame


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=2_000, help="spans a second that come in meanwhile")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, help="a folder for the store, kept and used again")
    parser.add_argument("--large", type=int, nargs="*", default=daystore.LARGE, help="sizes of large traces")
    parser.add_argument("--only", default="", help="pages whose names match this regular expression")
    parser.add_argument("--no-browser", action="store_true")
    options = parser.parse_args()
    with store(options.data, options.spans, options.large) as (data, day), servers.tracekit(data) as server:
        with sending(server.otlp, options.rate):
            print(f"{day.spans:,} spans over 24 hours, {options.rate:,} a second coming in")
            heads = ("first", "median", "server", "store", "rest")
            print(f"{'page, ms':34}{''.join(f'{head:>9}' for head in heads)}{'KB gz':>8}")
            pages = measured(server.ui, day, options.rounds, options.only)
            if not options.no_browser:
                in_chromium(server.ui, day)
        missed = [page.name for page in pages if page.missed]
        goals = f"<= {MOST_MS:,.0f} ms, without the store <= {MOST_REST_MS:.0f} ms, <= {MOST_KB:.0f} KB"
        print(f"\n{len(pages) - len(missed)} of {len(pages)} pages reach their goals ({goals})")


if __name__ == "__main__":
    main()
