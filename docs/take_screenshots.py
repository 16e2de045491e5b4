"""Takes the pictures of docs/images from a running demo: a page each, light and dark.

    tracekit demo --incidents                                 # in one terminal, for some minutes
    python docs/take_screenshots.py http://127.0.0.1:7318     # in another, while it runs

Starts nothing but a browser (Debian's chromium, through Playwright; `.[test]` brings both Python packages),
asks nobody but the address given, and overwrites the pictures. Look at them before you commit them: errors
name the folder that the demo's code lies in, so let it be one to show.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
WIDTH, HEIGHT = 1280, 800
SCHEMES = ("light", "dark")
BYTES = 120_000
# A trace that fits the picture and still has something to tell.
SPANS = range(14, 120)
CANDIDATES = 50
SPANS_OVER_TIME = "{ kind = server } | quantile_over_time(duration, .95) by (resource.service.name)"
VIEWS = {
    "Failed checkouts": "/traces?service=storefront&status=error&from=now-1h&to=now",
    "Slow statements of the day": "/slow?what=statements&from=now/d&to=now/d",
}


def main() -> None:
    options = _options()
    IMAGES.mkdir(exist_ok=True)
    with _browser() as browser:
        addresses = _addresses(browser, options.base.rstrip("/"), options.range)
        for scheme in SCHEMES:
            for name in options.only or addresses:
                _take(browser, addresses[name], scheme, IMAGES / f"{name}-{scheme}.png")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Take the pictures of docs/images from a running demo.")
    parser.add_argument("base", help="the demo's dashboards, as it prints them: http://127.0.0.1:7318")
    parser.add_argument("--range", default="now-5m", help="start of the time range (default: %(default)s)")
    parser.add_argument(
        "--only", nargs="+", default=(), metavar="PAGE", help="these pages alone: alerts trace"
    )
    return parser.parse_args()


@contextmanager
def _browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        sys.exit("no Chromium here: install Debian's chromium package")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--headless=new", "--no-sandbox"])
        yield browser
        browser.close()


def _addresses(browser: Browser, base: str, start: str) -> dict[str, str]:
    """Each picture's page, in a state worth looking at. Chosen once, so that light and dark show the same.
    Those that are named as pages are (dashboards/pages) show that page: a test misses any without."""

    def at(path: str, **state: str) -> str:
        return f"{base}{path}?{urlencode({'from': start, 'to': 'now', **state})}"

    page = browser.new_page()
    trace = _telling_trace(page, at("/traces", status="error", cold="yes", sort="newest"))
    profiled = _first(page, at("/traces", q="{ span.tracekit.profile.samples > 20 }", sort="slowest"))
    error = _showable(page, at("/errors"))
    for name, path in VIEWS.items():
        _keep(page, base, name, path)
    page.close()
    return {
        "overview": at("/overview"),
        "functions": at("/functions"),
        "function": at("/functions/catalogue"),
        # The made-up hours of the demo's incidents.
        "incidents": f"{base}/overview?from=now-1h&to=now",
        "memory": f"{base}/functions/image-cache?from=now-1h&to=now#memory",
        "imports": f"{base}/functions/invoice-pdf?from=now-1h&to=now#cold",
        "traces": at("/traces", service="storefront"),
        "trace": f"{base}/traces/{trace}",
        "flame": f"{base}/traces/{trace}?view=flame",
        "statistics": f"{base}/traces/{trace}?view=statistics",
        "profile": f"{base}{profiled}&view=profile",
        "cost": f"{base}/traces/{trace}?view=cost",
        "diff": f"{base}/traces/{trace}/diff/typical?only=changes",
        "open": f"{base}/traces/open",
        "topology": at("/topology"),
        "slow": at("/slow", what="statements"),
        "errors": at("/errors"),
        "error": f"{base}{error}",
        "logs": at("/logs"),
        "patterns": at("/logs", view="patterns"),
        "alerts": at("/alerts"),
        "alert": at("/alerts/new", signal="p95_ms", service="catalogue", threshold="300"),
        "metrics": at("/metrics-explorer"),
        "counts": at("/metrics-explorer/logs"),
        "spans": at("/metrics-explorer/spans", q=SPANS_OVER_TIME),
        "dashboards": at("/dashboards"),
        "board": at("/dashboards/functions"),
        "sql": at("/sql"),
        "views": f"{base}/views",
        "start": f"{base}/start?platform=lambda",
        "status": at("/status"),
    }


def _keep(page: Page, base: str, name: str, path: str) -> None:
    page.goto(f"{base}/views?{urlencode({'of': path})}")
    page.locator("#name").fill(name)
    page.locator("main button.primary").first.click()


def _first(page: Page, address: str) -> str:
    """Where the first row of a list leads."""
    page.goto(address)
    row = page.locator("tr[data-href]").first
    if not row.count():
        sys.exit(f"nothing listed at {address}: let the demo run longer")
    return row.get_attribute("data-href") or ""


def _showable(page: Page, address: str) -> str:
    """The first error of the list whose stack names no folder of whoever takes the pictures."""
    page.goto(address)
    for row in [row.get_attribute("data-href") or "" for row in page.locator("tr[data-href]").all()]:
        page.goto(f"{address.partition('/errors')[0]}{row}")
        if str(Path.home()) not in (page.locator("main").text_content() or ""):
            return row
    sys.exit("each error's stack names your home folder: run the demo's Python from elsewhere")


def _telling_trace(page: Page, address: str) -> str:
    """Of the traces with a cold start and a failure: one with SQL that passes the most functions, and of
    those the largest that fits."""
    page.goto(address)
    found = []
    for row in page.locator("tr[data-href]").all()[:CANDIDATES]:
        spans = int(re.sub(r"\D", "", row.locator("td.n").inner_text()) or 0)
        href = row.get_attribute("data-href") or ""
        if spans in SPANS:
            found.append(
                (row.locator(".fns .chip").count(), spans, href.partition("?")[0].rpartition("/")[2])
            )
    for _, _, trace in sorted(found, reverse=True):
        page.goto(f"{address.partition('/traces')[0]}/traces/{trace}")
        page.locator(".r").first.wait_for()
        if re.search(r"\b(SELECT|UPDATE|INSERT)\b", page.locator("#trace-data").text_content() or ""):
            return trace
    sys.exit("no trace with a cold start, a failure and SQL in this range: let the demo run longer")


def _take(browser: Browser, address: str, scheme: str, file: Path) -> None:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.goto(address)
    if file.name.startswith("trace-"):
        _open_statement(page)
    page.wait_for_load_state("networkidle")
    file.write_bytes(_small(page.screenshot()))
    context.close()
    sys.stdout.write(f"{file.name}  {file.stat().st_size:,} bytes\n")


def _open_statement(page: Page) -> None:
    """Open the first SQL statement in view. (Not a failure: its stack would show the folders of whoever takes
    the pictures.)"""
    page.locator(".r:not([hidden])", has_text=re.compile("SELECT|UPDATE|INSERT")).first.click()
    page.locator(".pane .code").first.wait_for()


def _small(png: bytes) -> bytes:
    """The picture with as many colours as BYTES allow."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in (256, 128, 64):
        packed = _packed(_with_few(picture, colours))
        if len(packed) <= BYTES:
            break
    return packed


def _with_few(picture: Image.Image, colours: int) -> Image.Image:
    """Colours spread over all there are, which keeps the few coloured dots among much grey true, as the
    usual median cut does not; each then made the commonest it stands for, so that no background is tinted."""
    few = picture.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    palette = few.getpalette() or []
    raw = picture.tobytes()
    counts = Counter(zip(few.tobytes(), raw[0::3], raw[1::3], raw[2::3]))
    for (index, *color), _ in sorted(counts.items(), key=lambda item: item[1]):
        palette[3 * index : 3 * index + 3] = color
    few.putpalette(palette)
    return few


def _packed(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
