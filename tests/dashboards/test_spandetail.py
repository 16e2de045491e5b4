"""The detail pane's JSON: everything the sender said, as text, bounded."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from collector.model import Event, Link, Span
from collector.storage.base import Backlink, SpanReader
from dashboards.spandetail import SHOWN_CHARACTERS, SHOWN_ENTRIES, span_detail
from dashboards.waterfall import lay_out
from tests.dashboards.stored import BEGAN, MS, TRACE, at, checkout, span_id, store


def detail(short: str, spans: tuple[Span, ...] = ()) -> dict[str, Any]:
    waterfall = lay_out(spans or checkout())
    index = waterfall.index_of(span_id(short))
    assert index is not None
    return span_detail(waterfall, index)


def test_times_are_told_with_self_time_and_the_share_of_the_critical_path() -> None:
    shown = detail("3")
    assert (shown["offset"], shown["duration"]) == (405 * MS, 285 * MS)
    assert shown["self"] == (285 - 9 * 6) * MS
    assert shown["critical"] == shown["self"]


def test_links_from_other_traces_stand_after_those_of_this_one() -> None:
    link = Backlink(span_id("b"), "e" * 32, span_id("7"), "mailer", "orders process", BEGAN, 5 * MS, True)
    waterfall = lay_out(checkout(), (link, replace(link, target_span_id=span_id("1"))))
    index = waterfall.index_of(span_id("b"))
    assert index is not None
    inside, outside = span_detail(waterfall, index)["linked"]
    assert (inside["name"], waterfall.rows[inside["index"]].span.span_id) == ("orders process", span_id("d"))
    assert outside == {
        "index": None, "trace": "e" * 32, "span": span_id("7"), "name": "orders process", "service": "mailer",
        "start": str(BEGAN), "duration": 5 * MS, "failed": True,
    }  # fmt: skip


def test_values_are_text_with_their_type_so_that_no_digit_is_lost() -> None:
    shown = {entry["key"]: (entry["text"], entry["type"]) for entry in detail("3")["attributes"]}
    assert shown["huge"] == (str(2**62), "int")
    assert shown["http.route"] == ("/orders", "")


def test_an_exception_shows_its_stack_with_the_place_in_the_code() -> None:
    (exception,) = detail("3")["exceptions"]
    frame = exception["stack"][1]
    start, end = frame["place"]
    assert (exception["type"], exception["message"]["text"]) == ("TimeoutError", "no answer within 250 ms")
    assert frame["text"][start:end] == '/app/pay.py", line 17'
    assert not frame["library"]


def test_other_events_keep_their_moment_and_attributes() -> None:
    (event,) = detail("3")["events"]
    assert (event["name"], event["offset"], event["attributes"][0]["text"]) == ("retry", 500 * MS, "2")


def test_a_statement_is_shown_as_sent_and_laid_out() -> None:
    assert detail("40")["sql"] == {
        "system": "sqlite",
        "text": "SELECT amount\nFROM stock\nWHERE product = 'tea'",
    }


def test_the_normalised_statement_serves_where_no_other_was_sent() -> None:
    query = replace(at("1", "", 0, 1, "shop", "q"), db_statement="SELECT 1")
    assert detail("1", (query,))["sql"]["text"] == "SELECT 1"


def test_links_lead_both_ways_within_a_trace() -> None:
    consumer, producer = detail("d"), detail("b")
    assert (consumer["links"][0]["index"], consumer["links"][0]["name"]) == (producer["index"], "orders send")
    assert producer["linked"] == [{"index": consumer["index"], "name": "orders process", "service": "mailer"}]


def test_a_link_to_another_trace_names_it() -> None:
    other = replace(at("1", "", 0, 1, "shop", "q"), links=(Link("ab" * 16, "cd" * 8, {"n": 1}),))
    (link,) = detail("1", (other,))["links"]
    assert (link["trace"], link["span"], link["index"]) == ("ab" * 16, "cd" * 8, None)


def test_a_parent_is_a_row_or_known_to_be_missing() -> None:
    assert detail("2")["parent"] == {"id": span_id("1"), "index": 0, "name": "POST /checkout"}
    assert detail("e")["parent"] == {"id": span_id("f"), "index": None, "name": ""}
    assert detail("1")["parent"] is None


def test_what_is_too_long_is_cut_and_says_how_long_it_was() -> None:
    long = replace(at("1", "", 0, 1, "shop", "q"), attributes={"body": "é" * (10 * SHOWN_CHARACTERS)})
    (entry,) = detail("1", (long,))["attributes"]
    assert (len(entry["text"]), entry["bytes"]) == (SHOWN_CHARACTERS, 20 * SHOWN_CHARACTERS)


def test_what_is_too_much_is_counted_with_what_the_sender_dropped() -> None:
    many = {f"key{i}": i for i in range(SHOWN_ENTRIES + 7)}
    shown = detail("1", (replace(at("1", "", 0, 1, "s", "q"), attributes=many, dropped_attributes_count=3),))
    assert len(shown["attributes"]) == SHOWN_ENTRIES
    assert shown["dropped"] == "10 attributes"


def test_odd_values_travel_as_json() -> None:
    odd = {"lone": "\ud800", "bytes": b"\x00\xff", "nan": float("nan"), "deep": {"a": [1, None, True]}}
    events = (Event(BEGAN, "exception", {"exception.type": 5, "exception.stacktrace": ["not text"]}),)
    shown = detail("1", (replace(at("1", "", 0, 1, "shop", "q"), attributes=odd, events=events),))
    texts = {entry["key"]: entry["text"] for entry in shown["attributes"]}
    assert texts["bytes"] == "00 ff" and texts["deep"] == '{"a":[1,null,true]}'
    json.dumps(shown, allow_nan=False).encode()


def test_a_stored_span_is_described_like_a_decoded_one() -> None:
    reader: SpanReader = store(*checkout()).reader
    assert detail("3", reader.trace(TRACE))["exceptions"] == detail("3")["exceptions"]


def test_payloads_are_laid_out_and_kept_among_the_attributes() -> None:
    call = replace(at("1", "", 0, 9, "shop", "POST /"), attributes={"tracekit.request.payload": '{"a":1}'})
    shown = detail("1", (call,))
    assert shown["payloads"] == [{"title": "Request payload", "text": '{\n  "a": 1\n}'}]
    assert [a["key"] for a in shown["attributes"]] == ["tracekit.request.payload"]


def test_local_variables_stand_with_their_exception_instead_of_among_its_attributes() -> None:
    frames = json.dumps([{"function": "f", "file": "a.py", "line": 3, "locals": {"x": [1]}}])
    event = Event(BEGAN, "exception", {"exception.type": "E", "tracekit.exception.locals": frames})
    (shown,) = detail("1", (replace(at("1", "", 0, 9, "shop", "f"), events=(event,)),))["exceptions"]
    assert shown["frames"] == [{"title": "Variables of f (a.py:3)", "text": "x = [1]"}]
    assert shown["attributes"] == []


def test_parameters_of_a_statement_are_told() -> None:
    query = replace(at("1", "", 0, 9, "shop", "q"), attributes={"db.query.parameter.0": "tea"})
    assert ["Parameters", "0 = tea"] in detail("1", (query,))["facts"]


def test_a_call_that_starts_before_its_caller_says_how_far_its_clock_is_behind() -> None:
    early = [
        s if s.span_id != span_id("3") else replace(s, start_ns=s.start_ns - 700 * MS) for s in checkout()
    ]
    assert ["Clock", "305 ms behind its caller's at least"] in detail("3", tuple(early))["facts"]
    assert "Clock" not in dict(detail("3")["facts"])
