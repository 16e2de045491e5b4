"""What runs when the process ends: queries are ended, the writer goes on until the store is closed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collector.storage.base import RetryLater
from collector.storage.duckdb import open_storage
from tests.collector.batches import batch, row

FOR_EVER = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b"


class Running(threading.Thread):
    """Something without an end, until it raises; what it raised."""

    def __init__(self, step: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._step = step
        self.raised: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self._step()
        except Exception as error:
            self.raised = error

    def end(self) -> Exception | None:
        self.join(20)
        assert not self.is_alive()
        return self.raised


def test_reads_are_ended_in_the_middle_and_none_begins_while_the_writer_goes_on(tmp_path: Path) -> None:
    storage = open_storage(tmp_path)
    database = storage._database
    begun = threading.Event()

    def query(connection: Any) -> None:
        begun.set()
        connection.execute(FOR_EVER).fetchall()

    running = [Running(lambda: database.read(query)), Running(lambda: database.transact(query))]
    assert begun.wait(20)
    assert storage.end_reads(20)
    assert [type(one.end()) for one in running] == [RetryLater, RetryLater]
    with pytest.raises(RetryLater):
        storage.reader.stats()
    with pytest.raises(RetryLater):
        storage.writer.checkpoint()
    assert storage.writer.write([batch(row(1, 1))]).stored == 1
    storage.close()
    again = open_storage(tmp_path)
    assert again.reader.stats().spans == 1
    again.close()


def test_a_store_closes_while_its_writer_is_busy(tmp_path: Path) -> None:
    storage = open_storage(tmp_path)
    begun = threading.Event()

    def write() -> None:
        begun.set()
        storage._database.writer.execute(FOR_EVER).fetchall()

    running = Running(write)
    assert begun.wait(20)
    storage.close()
    assert running.end() is not None
    open_storage(tmp_path).close()
