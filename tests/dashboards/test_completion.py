"""What is offered while a query is typed."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.traceql import parse
from collector.storage.base import AttributesQuery, InvalidQuery, Window
from collector.storage.keys import AttributeKey, KeysQuery
from collector.storage.memory import MemoryStorage
from dashboards.completion import Vocabulary, _split, complete
from tests.dashboards.stored import checkout, store
from tests.dashboards.traffic import NOW_NS

WINDOW = Window(0, NOW_NS)
SAID: dict[tuple[str, str], tuple[str | int | bool, ...]] = {
    ("span", ""): ("http.route", "odd key"),
    ("span", "http.route"): ("/orders", 'a "b"'),
    ("span", "n"): (5, True),
    ("resource", ""): ("service.name",),
    ("resource", "service.name"): ("shop",),
    ("names", ""): ("GET /",),
}


def said(query: AttributesQuery) -> Iterable[str | int | float | bool]:
    return SAID.get((query.of, query.key), ())


def offered(typed: str) -> list[str]:
    return complete(typed, WINDOW, said)


def test_braces_open_and_sets_are_joined() -> None:
    assert offered("") == ["{"]
    assert offered("{ }") == ["{ } &&", "{ } ||", "{ } >>", "{ } >", "{ } |"]
    assert offered("{ } >> ") == ["{ } >> {"]


def test_figures_follow_a_bar_and_over_time_what_they_are_drawn_by() -> None:
    assert "{ } | count() >" in offered("{ } |")
    assert offered("{ } | q") == ["{ } | quantile_over_time(duration, 0.95)"]
    assert offered("{ } | rate()") == ["{ } | rate() by ("]
    assert offered("{ } | count()")[0] == "{ } | count() <"
    assert "{ } | rate() by (resource.service.name)" in offered("{ } | rate() by (")
    assert offered("{ } | rate() by (name)") == []


def test_fields_are_those_of_the_language_and_those_that_spans_have() -> None:
    assert "{ name" in offered("{")
    assert {"{ span.http.route", '{ span."odd key"', "{ resource.service.name"} <= set(offered("{ "))
    assert offered("{ span.http.ro") == ["{ span.http.route"]


def test_an_operator_follows_a_field_and_a_value_that() -> None:
    assert offered("{ name ")[0] == "{ name ="
    assert offered("{ status = ") == ["{ status = unset", "{ status = ok", "{ status = error"]
    assert offered("{ status = e") == ["{ status = error"]
    assert offered("{ span.http.route = ") == [
        '{ span.http.route = "/orders"', '{ span.http.route = "a \\"b\\""', "{ span.http.route = nil",
    ]  # fmt: skip
    assert offered('{ span.http.route = "/o') == ['{ span.http.route = "/orders"']
    assert offered("{ .n = ") == ["{ .n = 5", "{ .n = true", "{ .n = nil"]
    assert offered("{ name = G") == ['{ name = "GET /"']


def test_after_a_comparison_it_goes_on_or_ends() -> None:
    assert offered('{ name = "a" ') == ['{ name = "a" &&', '{ name = "a" ||', '{ name = "a" }']


@given(st.text('{}()<>=!~&|. "`span.resourcename1s', max_size=40))
def test_an_offer_keeps_all_that_was_typed_but_the_word_that_it_completes(typed: str) -> None:
    _, start = _split(typed)
    for query in offered(typed):
        assert query != typed and query.startswith(typed[:start])


def test_following_the_first_offer_leads_to_a_query() -> None:
    typed = ""
    for _ in range(5):
        typed = next(offer for offer in offered(typed) if not offer.endswith(("&&", "||")))
        typed += " "
    try:
        parse(typed)
    except InvalidQuery as error:
        raise AssertionError(typed) from error


def test_what_spans_say_is_asked_once_in_a_while() -> None:
    reader, asked = store(*checkout()).reader, []

    class Counting(MemoryStorage):
        def attributes(self, query: AttributesQuery) -> tuple[tuple[str | int | float | bool, int], ...]:
            asked.append(query)
            return reader.attributes(query)

        def keys(self, query: KeysQuery) -> tuple[AttributeKey, ...]:
            asked.append(query)
            return reader.keys(query)

    vocabulary = Vocabulary(Counting())
    for query in (AttributesQuery(WINDOW, "span"), AttributesQuery(WINDOW, "span", "db.query.text")):
        asked.clear()
        assert vocabulary(query)
        assert vocabulary(query) == vocabulary(query)
        assert len(asked) == 1
    assert "db.query.text" in vocabulary(AttributesQuery(WINDOW, "span"))
