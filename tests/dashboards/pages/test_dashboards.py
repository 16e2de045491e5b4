"""Dashboards as code: listed, drawn from the store, edited with preview, saved without losing a change."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from collector.analysis.cost import Price
from collector.model import COLUMN_NAMES, Resource, SpanBatch
from collector.sqlchild import Parameters, ResultColumn, SqlRefused, Table
from collector.storage.base import FunctionsQuery, Window
from collector.storage.memory import MemoryStorage
from dashboards.app import build_app
from dashboards.boardfiles import digest_of
from dashboards.settings import UiSettings
from tests.collector.batches import SECOND, T0, row
from tests.dashboards.logtraffic import logged
from tests.dashboards.metrictraffic import measured
from tests.dashboards.traffic import MINUTE, NOW_NS

ORIGIN = {"origin": "http://127.0.0.1"}
SHIPPED = ("functions", "cold-starts", "async", "cost")


class Canned:
    """A runner of SQL that answers with one row a service, and says what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Parameters] = []

    async def run(self, sql: str, parameters: Parameters, window: Window) -> Table:
        self.asked.append(dict(parameters))
        if "wrong" in sql:
            raise SqlRefused("There is no view wrong.", "The views are listed.")
        columns = (ResultColumn("service", "VARCHAR"), ResultColumn("calls", "BIGINT"))
        return Table(columns, (("checkout", 12345), ("cart", 7)), False, 1.0, NOW_NS)


def client_of(storage: MemoryStorage, folder: Path | None = None, sql: Canned | None = None) -> TestClient:
    settings = UiSettings(now_ns=lambda: NOW_NS, boards_folder=folder)
    app = build_app(storage.reader, None, settings, metrics=storage.metrics, logs=storage.logs, sql=sql)
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False, headers=ORIGIN)


@pytest.fixture(scope="module")
def shop() -> MemoryStorage:
    return measured("much")


def shown(shop: MemoryStorage, folder: Path, panels: str, query: str = "", sql: Canned | None = None) -> str:
    folder.mkdir(exist_ok=True)
    head = "title: Mine\nvariables: [{name: service, from: services}]\npanels:\n"
    (folder / "mine.yaml").write_text(head + panels)
    answer = client_of(shop, folder, sql).get(f"/dashboards/mine?{query}")
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize("size", ["none", "little", "much"])
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_dashboards_show_over_any_amount_of_data(size: str, name: str) -> None:
    client = client_of(measured(size), sql=Canned())  # type: ignore[arg-type]
    html = client.get(f"/dashboards/{name}?from=now-1h").text
    assert "cannot be shown" not in html and 'class="note err"' not in html


def test_the_list_has_them_all(shop: MemoryStorage) -> None:
    html = client_of(shop).get("/dashboards").text
    assert all(f'href="/dashboards/{name}"' in html for name in SHIPPED)


def test_a_tile_says_what_the_store_says(shop: MemoryStorage, tmp_path: Path) -> None:
    window = Window(NOW_NS - 60 * MINUTE, NOW_NS)
    (stats,) = shop.reader.functions(FunctionsQuery(window, "checkout"))
    html = shown(
        shop,
        tmp_path,
        "  - {title: N, show: stat, calls: {measure: count, service: $service}}\n",
        "v-service=checkout",
    )
    assert re.search(rf'<p class="stat [^>]*>{stats.calls}</p>', html)


def test_bars_are_of_the_groups_with_most_and_the_others_together(
    shop: MemoryStorage, tmp_path: Path
) -> None:
    html = shown(shop, tmp_path, "  - {title: N, show: bar, calls: {measure: count, by: service}}\n")
    assert html.count('class="bar-cell') == 9 and "others" in html


def test_metrics_are_drawn_by_attribute(shop: MemoryStorage, tmp_path: Path) -> None:
    html = shown(shop, tmp_path, "  - {title: Orders, metric: {name: orders, by: route}}\n")
    assert all(f"<bdi>/r{group}</bdi>" in html for group in range(3))


def test_spans_are_drawn_by_query_with_variables_within_its_quotes(
    shop: MemoryStorage, tmp_path: Path
) -> None:
    counted = "query: '{ resource.service.name = \"$service\" && kind = server } | count_over_time()'"
    window = Window(NOW_NS - 60 * MINUTE, NOW_NS)
    (stats,) = shop.reader.functions(FunctionsQuery(window, "checkout"))
    panels = f"  - {{title: N, show: stat, spans: {{{counted}}}}}\n"
    html = shown(shop, tmp_path, panels, "v-service=checkout")
    assert re.search(rf'<p class="stat [^>]*>{stats.calls}</p>', html)
    tricky = quote('x" || kind = server || name = "')
    html = shown(shop, tmp_path, panels, f"v-service={tricky}")
    assert re.search(r'<p class="stat [^>]*>–</p>', html), "a value is never part of the query"


def test_numbers_of_log_records_are_drawn(shop: MemoryStorage, tmp_path: Path) -> None:
    panels = "  - {title: N, show: stat, logs: {measure: max, of: rows}}\n"
    assert re.search(r'<p class="stat [^>]*>3</p>', shown(logged("little"), tmp_path, panels))


def test_spans_of_one_function_only(shop: MemoryStorage, tmp_path: Path) -> None:
    query = "{ kind = server } | rate() by (resource.service.name)"
    panels = f"  - {{title: N, show: bar, spans: {{query: '{query}', service: $service}}}}\n"
    assert shown(shop, tmp_path, panels, "v-service=checkout").count('class="bar-cell') == 1
    assert shown(shop, tmp_path, panels).count('class="bar-cell') > 1


def test_histograms_are_drawn_as_heatmaps(shop: MemoryStorage, tmp_path: Path) -> None:
    panels = "  - {title: Wait, show: heatmap, metric: {name: http.client.wait}}\n"
    assert "50.0 ms" in shown(shop, tmp_path, panels) and 'class="heat"' in shown(shop, tmp_path, panels)
    assert 'class="heat"' not in shown(shop, tmp_path, panels.replace("wait", "absent"))
    assert "only measurements of histograms" in shown(
        shop, tmp_path, panels.replace("http.client.wait", "orders")
    )


def test_sql_is_asked_with_the_variables_and_shown_as_a_table(shop: MemoryStorage, tmp_path: Path) -> None:
    runner = Canned()
    html = shown(shop, tmp_path, "  - {title: T, show: table, sql: SELECT 1}\n", "v-service=cart", runner)
    assert runner.asked == [{"service": "cart"}] and ">12,345<" in html.replace("<bdi>", "").replace(
        "</bdi>", ""
    )


def test_one_panel_that_fails_says_why_and_the_others_show(shop: MemoryStorage, tmp_path: Path) -> None:
    panels = "  - {show: table, sql: FROM wrong}\n  - {title: Orders, metric: {name: orders}}\n"
    html = shown(shop, tmp_path, panels, sql=Canned())
    assert "There is no view wrong." in html and 'class="ts"' in html


def test_markdown_runs_and_loads_nothing(shop: MemoryStorage, tmp_path: Path) -> None:
    text = "**bold** <script>x</script> [a](javascript:alert(1)) ![i](https://elsewhere.example/i.png)"
    html = shown(shop, tmp_path, f"  - show: markdown\n    text: '{text}'\n")
    prose = re.search(r'<div class="prose"[^>]*>(.*?)</div>', html, re.S)
    assert prose and "<strong>bold</strong>" in prose[1] and "&lt;script&gt;" in prose[1]
    assert 'href="javascript' not in prose[1] and "<img" not in prose[1]


def test_a_file_that_is_wrong_says_where(shop: MemoryStorage, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("title: x\npanels:\n  - {width: 99, show: markdown, text: x}\n")
    html = client_of(shop, tmp_path).get("/dashboards/bad").text
    assert "bad.yaml, line 3, panels.0.width" in html


def test_the_editor_previews_saves_and_finds_conflicts(shop: MemoryStorage, tmp_path: Path) -> None:
    client, text = client_of(shop, tmp_path), "title: Mine\npanels:\n  - {show: markdown, text: seen}\n"
    preview = client.post("/dashboards/edit", data={"name": "mine", "text": text, "digest": ""})
    assert preview.status_code == 200 and "<p>seen</p>" in preview.text and not list(tmp_path.iterdir())
    fields = {"name": "mine", "text": text, "digest": "", "action": "save"}
    assert client.post("/dashboards/edit", data=fields).headers["location"] == "/dashboards/mine"
    assert client.post("/dashboards/edit", data=fields).status_code == 409
    again = fields | {"digest": digest_of(text), "text": text + "# more\n"}
    assert client.post("/dashboards/edit", data=again).status_code == 303
    assert digest_of(text + "# more\n") in client.get("/dashboards/mine/edit").text


def test_what_is_wrong_is_not_saved_and_stays_in_the_editor(shop: MemoryStorage, tmp_path: Path) -> None:
    fields = {"name": "mine", "text": "title: <b>x", "digest": "", "action": "save"}
    answer = client_of(shop, tmp_path).post("/dashboards/edit", data=fields)
    assert answer.status_code == 422 and "title: &lt;b&gt;x" in answer.text and not list(tmp_path.iterdir())


def test_other_sites_change_nothing_and_without_a_folder_nobody_does(
    shop: MemoryStorage, tmp_path: Path
) -> None:
    text = "title: Mine\npanels:\n  - {show: markdown, text: seen}\n"
    fields = {"name": "mine", "text": text, "digest": "", "action": "save"}
    elsewhere = {"origin": "http://elsewhere.example"}
    assert (
        client_of(shop, tmp_path).post("/dashboards/edit", data=fields, headers=elsewhere).status_code == 403
    )
    assert client_of(shop).post("/dashboards/edit", data=fields).status_code == 404
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["none", "..%2F..%2Fetc%2Fpasswd", "A"])
def test_an_unknown_dashboard_is_not_found(shop: MemoryStorage, name: str) -> None:
    assert client_of(shop).get(f"/dashboards/{name}").status_code == 404


def test_cost_is_told_by_function_in_the_currency_of_the_prices(tmp_path: Path) -> None:
    storage = MemoryStorage()
    calls = [row(n, 1, n, 1000.0, platform="aws_lambda", resource_id=1) for n in (1, 2, 3)]
    calls += [row(9, 1, 4, 1000.0, service="elsewhere", platform="unpriced", resource_id=2)]
    limits = {
        id: Resource(id, name, '{"faas.max_memory":1073741824}')
        for id, name in ((1, "shop"), (2, "elsewhere"))
    }
    columns = {name: [call[name] for call in calls] for name in COLUMN_NAMES}
    storage.writer.write([SpanBatch(columns, limits)])
    folder = tmp_path / "boards"
    folder.mkdir()
    (folder / "mine.yaml").write_text(
        "title: Mine\npanels:\n"
        "  - {title: All, show: stat, calls: {measure: cost}}\n"
        "  - {title: Each, show: table, calls: {measure: cost, by: service}}\n"
        "  - {title: Billed, show: stat, calls: {measure: billed, service: shop}}\n"
    )
    settings = UiSettings(
        now_ns=lambda: T0 + 60 * SECOND, boards_folder=folder, prices={"aws_lambda": Price(2.0, 0.5)}
    )
    client = TestClient(build_app(storage.reader, None, settings), base_url="http://127.0.0.1")
    html = client.get("/dashboards/mine").text
    # Three calls of one GiB for a second each: 3 × 2 + 3 × 0.5.
    assert re.findall(r'<p class="stat [^>]*>(.*?)</p>', html) == ["$7.50", "3"]
    assert "shop" in html and "elsewhere" not in html
