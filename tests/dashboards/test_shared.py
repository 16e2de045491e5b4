from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from collector.storage.base import FunctionsQuery, Window
from dashboards.shared import shared

HOUR = Window(0, 3_600 * 10**9)


class Reader:
    def __init__(self) -> None:
        self.asked: list[object] = []
        self.goes_on = threading.Event()
        self.goes_on.set()

    def functions(self, query: FunctionsQuery, limit: int = 0) -> tuple[object, ...]:
        self.asked.append(query)
        assert self.goes_on.wait(10)
        return (query, limit)

    def failing(self) -> None:
        self.asked.append("failing")
        raise ValueError("no")

    @property
    def used(self) -> Reader:
        return self


def test_equal_queries_are_asked_once() -> None:
    reader = Reader()
    both = shared(reader)
    assert both.functions(FunctionsQuery(HOUR)) == both.functions(FunctionsQuery(Window(0, 3_600 * 10**9)))
    assert len(reader.asked) == 1


def test_queries_that_differ_have_their_own_answers() -> None:
    one = shared(Reader())
    assert one.functions(FunctionsQuery(HOUR)) != one.functions(FunctionsQuery(HOUR, "shop"))
    assert one.functions(FunctionsQuery(HOUR), limit=1) != one.functions(FunctionsQuery(HOUR), limit=2)


def test_readers_of_a_reader_share_their_answers_too() -> None:
    reader = Reader()
    both = shared(reader)
    both.used.functions(FunctionsQuery(HOUR))
    both.used.functions(FunctionsQuery(HOUR))
    assert len(reader.asked) == 1


def test_who_asks_while_the_answer_is_on_its_way_waits_for_it() -> None:
    reader = Reader()
    reader.goes_on.clear()
    both = shared(reader)
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(both.functions, FunctionsQuery(HOUR)) for _ in range(2)]
        reader.goes_on.set()
        assert answers[0].result(10) == answers[1].result(10)
    assert len(reader.asked) == 1


def test_an_error_is_everybodys_who_asked_the_same() -> None:
    reader = Reader()
    both = shared(reader)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            both.failing()
    assert reader.asked == ["failing"]


def test_another_page_asks_anew() -> None:
    reader = Reader()
    for _ in range(2):
        shared(reader).functions(FunctionsQuery(HOUR))
    assert len(reader.asked) == 2
