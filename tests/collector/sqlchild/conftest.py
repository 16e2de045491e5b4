"""A store on disk with the shop's traffic, and a runner over it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from collector.sqlchild import Allowance, ChildRunner, Table
from collector.storage.base import Window
from collector.storage.duckdb import DuckDBStorage, open_storage
from tests.dashboards.logtraffic import logs_of
from tests.dashboards.traffic import NOW_NS, Traffic

HOUR = Window(NOW_NS - 3_600 * 10**9, NOW_NS)
# Small enough that bombs end soon, large enough that honest queries run on a busy machine.
SMALL = Allowance(seconds=20.0, memory_bytes=96 * 2**20, spill_bytes=64 * 2**20)

Ask = Callable[..., Table]


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBStorage]:
    with closing(open_storage(tmp_path_factory.mktemp("shop"))) as storage:
        spans = Traffic().batch("little")
        storage.writer.write([spans, logs_of(spans)])
        yield storage


@pytest.fixture
def ask(storage: DuckDBStorage, tmp_path: Path) -> Ask:
    """`ask(sql, allowance, window=…, name=value)`: what a runner of its own answers."""

    def asked(
        sql: str, allowance: Allowance = SMALL, window: Window = HOUR, **parameters: str | int
    ) -> Table:
        async def run() -> Table:
            with closing(ChildRunner(storage.snapshots(0), tmp_path / "sql", allowance)) as runner:
                return await runner.run(sql, parameters, window)

        return asyncio.run(run())

    return asked
