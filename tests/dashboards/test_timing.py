from __future__ import annotations

import asyncio
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.timing import ServerTiming, Stopwatch, timed

STEP_S = 0.05


class Reader:
    def __init__(self) -> None:
        self.both = threading.Barrier(2)

    def alone(self, what: str) -> str:
        time.sleep(STEP_S)
        return what

    async def awaited(self) -> None:
        await asyncio.sleep(STEP_S)

    def together(self) -> None:
        self.both.wait(10)
        time.sleep(STEP_S)

    @property
    def used(self) -> Reader:
        return self


def figures(answer_of: str) -> dict[str, float]:
    return {name: float(ms) / 1e3 for name, ms in re.findall(r"(\w+);dur=([\d.]+)", answer_of)}


def app_over(reader: Reader) -> TestClient:
    app = FastAPI()
    app.add_middleware(ServerTiming)

    @app.get("/one")
    def one() -> str:
        return reader.alone("this")

    @app.get("/part")
    def part() -> str:
        return reader.used.alone("that")

    @app.get("/awaited")
    async def awaited() -> str:
        await reader.awaited()
        return "it"

    @app.get("/two")
    def two() -> None:
        with ThreadPoolExecutor() as pool:
            for done in [pool.submit(copy_context().run, reader.together) for _ in range(2)]:
                done.result()

    @app.get("/none")
    def none() -> None:
        time.sleep(STEP_S)

    return TestClient(app)


def test_an_answer_tells_how_long_the_store_took_and_all_of_it() -> None:
    client = app_over(timed(Reader()))
    for path, said in (("/one", "this"), ("/part", "that"), ("/awaited", "it")):
        answer = client.get(path)
        found = figures(answer.headers["server-timing"])
        assert answer.json() == said and STEP_S * 0.9 <= found["store"] <= found["total"]


def test_what_is_not_the_store_is_in_the_total_only() -> None:
    found = figures(app_over(timed(Reader())).get("/none").headers["server-timing"])
    assert found["store"] == 0.0 and found["total"] >= STEP_S * 0.9


def test_queries_that_run_at_once_count_once() -> None:
    found = figures(app_over(timed(Reader())).get("/two").headers["server-timing"])
    assert STEP_S * 0.9 <= found["store"] <= found["total"]


def test_a_stopwatch_runs_while_anybody_is_in() -> None:
    watch = Stopwatch()
    with watch, watch:
        time.sleep(STEP_S)
    before = watch.seconds
    assert before >= STEP_S * 0.9
    time.sleep(STEP_S)
    assert watch.seconds == before


def test_a_reader_is_asked_as_before_where_there_is_no_request() -> None:
    assert timed(Reader()).used.alone("it") == "it"
