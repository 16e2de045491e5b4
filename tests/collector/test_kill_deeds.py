"""kill -9 while files of the store are rewritten, dropped, gathered, copied, imported, restored or migrated:
each signal of each day is as it was or as it was to become, and doing it again completes it.

TRACEKIT_KILLS=200 kills as often; once for each deed is the default.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.collector import olderstore
from tests.collector.deeds import DEEDS, Lines, State, fill, killed, state

KILLS = max(int(os.environ.get("TRACEKIT_KILLS", "0")) // len(DEEDS), 1)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled") / "data"
    fill(folder)
    return folder


def whole(folder: Path) -> State:
    """Of a backup or restored folder too, where there is one."""
    found = state(folder)
    for name in ("copy", "new"):
        if [*(folder / name).glob("*.duckdb"), *(folder / name).glob("restore.whole")]:
            found |= {
                (f"{name}: {signal}", day): rows for (signal, day), rows in state(folder / name).items()
            }
    return found


@pytest.mark.parametrize("older", [olderstore.days_of_version_6, olderstore.one_file_of_version_1])
def test_an_older_store_becomes_one_of_today(
    older: Callable[[Path], None], filled: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "older"
    shutil.copytree(filled, folder)
    older(folder)
    spans = {key: rows for key, rows in state(folder).items() if key[0] in ("spans", "links")}
    today = state(filled)
    assert len(spans) == 8
    assert spans == {key: rows for key, rows in today.items() if key in spans}
    assert {_columns(path) for path in folder.glob("2*.duckdb")} == {_columns(next(filled.glob("2*.duckdb")))}


def _columns(path: Path) -> frozenset[tuple[str, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        statement = "SELECT table_name, column_name, data_type, is_nullable::VARCHAR FROM duckdb_columns()"
        return frozenset(connection.execute(statement).fetchall())


@pytest.mark.slow
@pytest.mark.timeout(240 + 30 * KILLS)
@pytest.mark.parametrize("deed", DEEDS)
def test_a_kill_leaves_the_old_or_the_new(deed: str, filled: Path, tmp_path: Path) -> None:
    chance = random.Random(deed)
    prepared = tmp_path / "prepared"
    shutil.copytree(filled, prepared)
    DEEDS[deed].prepare(prepared)
    shutil.copytree(prepared, tmp_path / "looked at")
    before = whole(tmp_path / "looked at")  # which migrates it
    assert before
    shutil.copytree(prepared, tmp_path / "done")
    began = time.monotonic()
    with Lines() as lines:
        DEEDS[deed].do(tmp_path / "done")
    seconds = time.monotonic() - began
    after = whole(tmp_path / "done")
    kills = 0
    while kills < KILLS * DEEDS[deed].kills:
        folder = tmp_path / "killed"
        shutil.copytree(prepared, folder)
        died, when = killed(deed, folder, chance, lines.count, seconds)
        kills += died
        found = whole(folder)
        for key in before.keys() | after.keys() | found.keys():
            assert found.get(key) in (before.get(key), after.get(key)), (when, key)
        DEEDS[deed].do(folder)
        assert whole(folder) == after, when
        shutil.rmtree(folder)
