"""The Trace page: the header's figures, the columns for the waterfall, details and search by JSON."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from collector.model import Span
from tests.dashboards.conftest import client_of
from tests.dashboards.reading import table
from tests.dashboards.stored import MS, OTHER, TRACE, checkout, elsewhere, span_id, store
from tests.dashboards.test_waterfall import big_trace

PAGE = f"/traces/{TRACE}"


@pytest.fixture(scope="module")
def visit() -> TestClient:
    return client_of(store(*checkout()).reader)


def columns(html: str) -> Any:
    found = re.search(r'id="trace-data">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


def figures(html: str) -> dict[str, str]:
    pairs = re.findall(r"<dt>([^<]+)</dt><dd>(.*?)</dd>", html, re.DOTALL)
    return {label: re.sub(r"<[^>]+>", "", value).strip() for label, value in pairs}


def test_the_header_counts_what_the_trace_holds(visit: TestClient) -> None:
    shown = figures(visit.get(PAGE).text)
    assert shown["Duration"] == "1.10 s"
    assert {k: shown[k] for k in ("Spans", "Functions", "Errors", "Cold starts")} == {
        "Spans": "16", "Functions": "4", "Errors": "2", "Cold starts": "1",
    }  # fmt: skip


def test_the_columns_are_all_spans_in_reading_order(visit: TestClient) -> None:
    data = columns(visit.get(PAGE).text)
    names = [data["names"][n] for n in data["n"]]
    assert names[:4] == ["POST /checkout", "POST checkout", "ColdStart", "POST /orders"]
    assert (len(names), names[-1], data["o"]) == (16, "orphaned work", [15])


def ways(html: str) -> list[str]:
    """The header's lines about other traces, as text."""
    found = re.findall(r'<p class="[^"]*ways">(.*?)</p>', html, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", line).split()) for line in found]


def test_a_trace_leads_to_the_one_it_continues_in_and_back() -> None:
    both = client_of(store(*checkout(), *elsewhere()).reader)
    here, there = both.get(PAGE).text, both.get(f"/traces/{OTHER}").text
    assert (ways(here), ways(there)) == (
        ["Continues in another trace: worker beef0000"],
        ["Follows from another trace: c0ffee00"],
    )
    assert f'href="/traces/{OTHER}#span={span_id("7")}"' in here
    assert f'href="/traces/{TRACE}#span={span_id("b")}"' in there
    assert (columns(here)["l"], columns(there)["l"]) == ([13], [0])


def test_a_trace_of_its_own_has_no_such_line(visit: TestClient) -> None:
    html = visit.get(PAGE).text
    assert (ways(html), columns(html)["l"]) == ([], [])


def clocks(*spans: Span) -> str:
    """What the page says about clocks, as text."""
    html = client_of(store(*spans).reader).get(PAGE).text
    found = re.search(r'id="clocks">(.*?)</div>', html, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", "", found[1]).split()) if found else ""


def behind(short: str, by_ns: int) -> tuple[Span, ...]:
    """The visit, with one span timed by a clock that is behind."""
    return tuple(
        replace(s, start_ns=s.start_ns - by_ns) if s.span_id == span_id(short) else s for s in checkout()
    )


def test_clocks_that_disagree_are_told_and_no_time_is_changed() -> None:
    said = "Clocks disagree. A call of checkout starts 305 ms before storefront makes it: its clock is behind"
    assert clocks(*behind("3", 700 * MS)).startswith(said)
    assert figures(client_of(store(*behind("3", 700 * MS)).reader).get(PAGE).text)["Duration"] == "1.40 s"
    assert clocks(*checkout()) == ""


def test_a_line_names_some_linked_traces_and_counts_the_rest() -> None:
    (call,) = elsewhere()
    many = [replace(call, trace_id=f"{n:032x}") for n in range(1, 8)]
    assert "Continues in 7 traces:" in ways(client_of(store(*checkout(), *many).reader).get(PAGE).text)[0]


def test_missing_parents_are_told(visit: TestClient) -> None:
    assert "1 span names a parent" in visit.get(PAGE).text


def test_a_whole_trace_has_no_such_banner() -> None:
    whole = [span for span in checkout() if span.service != "ghost"]
    assert "names a parent" not in client_of(store(*whole).reader).get(PAGE).text


def test_without_script_the_spans_are_a_table(visit: TestClient) -> None:
    plain = visit.get(PAGE).text.split("<noscript><div")[1].split("</noscript>")[0]
    assert plain.count("<tr>") == 1 + 16
    assert "orders process" in plain


def test_markup_from_senders_cannot_end_the_data(visit: TestClient) -> None:
    evil = replace(checkout()[0], name="</script><script>alert(1)</script>")
    html = client_of(store(evil).reader).get(PAGE).text
    assert "<script>alert" not in html
    assert columns(html)["names"] == [evil.name]


def test_a_span_is_described_by_row_and_by_id(visit: TestClient) -> None:
    by_row = visit.get(f"{PAGE}/spans/3.json", params={"of": 16}).json()
    assert by_row["name"] == "POST /orders"
    assert visit.get(f"{PAGE}/spans/{span_id('3')}.json").json() == by_row


def test_a_row_of_a_trace_that_has_grown_is_refused(visit: TestClient) -> None:
    answer = visit.get(f"{PAGE}/spans/3.json", params={"of": 12})
    assert (answer.status_code, "reload" in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize(
    ("ref", "status"), [("99", 404), ("f" * 16, 404), ("-1", 400), ("x", 400), ("1e3", 400)]
)
def test_a_span_that_is_not_there_is_a_clear_answer(visit: TestClient, ref: str, status: int) -> None:
    answer = visit.get(f"{PAGE}/spans/{ref}.json")
    assert answer.status_code == status and answer.json()["error"]


def test_search_finds_rows_by_what_spans_say(visit: TestClient) -> None:
    def found(text: str) -> object:
        return visit.get(f"{PAGE}/search.json", params={"q": text, "of": 16}).json()["rows"]

    assert found("timeouterror") == [3]
    assert found("db.query.text tea") == list(range(4, 13))
    assert found("nothing like it") == []


@pytest.mark.parametrize(("trace", "status"), [("0" * 31 + "9", 404), ("xyz", 400), ("c0ffee", 400)])
def test_an_unknown_trace_says_so(visit: TestClient, trace: str, status: int) -> None:
    assert visit.get(f"/traces/{trace}").status_code == status


def test_an_id_in_capitals_is_the_same_trace(visit: TestClient) -> None:
    assert visit.get(f"/traces/{TRACE.upper()}").status_code == 200


@pytest.mark.parametrize(("spans", "kilobytes"), [(5_000, 60), (10_000, 100)])
def test_a_large_page_stays_light(spans: int, kilobytes: int) -> None:
    trace = [replace(span, trace_id=TRACE) for span in big_trace(spans)]
    html = client_of(store(*trace).reader).get(PAGE).text
    assert len(gzip.compress(html.encode(), 5)) <= kilobytes * 1_000


def test_the_statistics_sort_by_the_address(visit: TestClient) -> None:
    head, *rows = table(visit.get(f"{PAGE}?view=statistics").text)
    assert head[0:3] == ["Operation", "Function", "Self time"]
    assert (rows[0][:3], rows[0][6]) == (["ColdStart", "checkout", "380 ms"], "1")
    by_name = table(visit.get(f"{PAGE}?view=statistics&sort=name").text)[1:]
    assert [row[0] for row in by_name] == sorted(row[0] for row in rows)
    most = table(visit.get(f"{PAGE}?view=statistics&sort=count").text)[1]
    assert (most[0], most[6]) == ("SELECT", "9")


def test_statements_of_the_trace_are_counted_and_a_loop_is_marked(visit: TestClient) -> None:
    (row,) = table(visit.get(f"{PAGE}?view=statistics&by=statements").text)[1:]
    assert row[0] == "SELECT amount FROM stock WHERE product = ? sqlite 9×"
    assert row[6] == "9"


def test_a_view_that_is_not_known_is_refused_in_words(visit: TestClient) -> None:
    answer = visit.get(f"{PAGE}?view=sideways")
    assert answer.status_code == 400 and "timeline, flame, statistics" in answer.text
    assert visit.get(f"{PAGE}?view=statistics&by=moon").status_code == 400


def test_every_view_leads_to_the_others_and_the_flame_has_the_same_columns(visit: TestClient) -> None:
    flame, timeline = visit.get(f"{PAGE}?view=flame").text, visit.get(PAGE).text
    assert columns(flame) == columns(timeline)
    assert f'href="{PAGE}?view=statistics"' in flame and f'href="{PAGE}"' in flame


def test_the_cost_is_told_by_function_and_what_has_no_price_says_why() -> None:
    memory = {"service.name": "checkout", "faas.max_memory": 1024**3}
    priced = {"platform": "aws_lambda", "resource": memory}
    spans = [replace(s, **priced) if s.service == "checkout" else s for s in checkout()]  # type: ignore[arg-type]
    page = client_of(store(*spans).reader).get(f"{PAGE}?view=cost").text
    (row,) = table(page)[1:]
    # 285 ms at 1 GB, all of it on the critical path, and a request
    assert row[:7] == ["checkout", "AWS Lambda", "1", "1.00 GB", "285 ms", "0.285", "$0.00000495"]
    assert row[8] == "$0.00000495"
    assert "1 call of <b><bdi>storefront</bdi></b> without a price: <bdi>no price for its platform" in page
    assert figures(page)["Cost (part)"] == "$0.00000495"


def test_a_trace_that_cannot_be_priced_says_so_and_shows_no_figure(visit: TestClient) -> None:
    assert "without a price" in visit.get(f"{PAGE}?view=cost").text
    assert "Cost" not in figures(visit.get(PAGE).text)
