"""What to forget: by age, by bytes, oldest first, each signal for itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.retention import Caretaker, Limits, part_bytes, to_forget
from collector.settings import Limit
from collector.storage.base import Holding, RetryLater, Signal

DAY_S = 86_400


def held(signal: Signal, *sizes: int) -> list[Holding]:
    """One file a day, the last one growing."""
    return [
        Holding(f"d{n}", signal, n * DAY_S * 10**9, size, n == len(sizes))
        for n, size in enumerate(sizes, start=1)
    ]


def names(holdings: list[Holding], limits: Limits, day: float = 9) -> list[tuple[str, str]]:
    return [(h.part, h.signal) for h in to_forget(holdings, limits, round(day * DAY_S * 10**9))]


def test_nothing_is_forgotten_without_a_limit() -> None:
    assert names(held("traces", 9, 9, 9), {}) == []
    assert names(held("traces", 9, 9, 9), {"traces": Limit()}) == []


def test_what_is_older_than_its_age_goes() -> None:
    assert names(held("traces", 9, 9, 9), {"traces": Limit(age_s=7 * DAY_S)}) == [("d1", "traces")]
    assert names(held("traces", 9, 9, 9), {"traces": Limit(age_s=7 * DAY_S)}, day=8) == []


def test_the_oldest_go_until_the_rest_fits() -> None:
    assert names(held("traces", 5, 5, 5, 5), {"traces": Limit(bytes=10)}) == [
        ("d1", "traces"),
        ("d2", "traces"),
    ]
    assert names(held("traces", 5, 5, 5, 5), {"traces": Limit(bytes=20)}) == []


def test_what_is_being_written_stays_however_large() -> None:
    assert names(held("traces", 5, 50), {"traces": Limit(bytes=10, age_s=1)}) == [("d1", "traces")]


def test_each_signal_has_limits_of_its_own() -> None:
    holdings = held("traces", 5, 5, 5) + held("logs", 5, 5, 5)
    limits: Limits = {"traces": Limit(bytes=14), "logs": Limit(bytes=9)}
    assert names(holdings, limits) == [("d1", "logs"), ("d1", "traces"), ("d2", "logs")]


@pytest.mark.parametrize("limit", [10**9, 3 * 10**9, 10**12])
def test_files_are_small_enough_to_keep_within_five_percent(limit: int) -> None:
    size = part_bytes({"traces": Limit(bytes=limit), "logs": Limit()}, 4 * 2**30)
    assert size <= 4 * 2**30
    holdings = held("traces", *[size] * (limit // size + 5))
    gone = to_forget(holdings, {"traces": Limit(bytes=limit)}, 0)
    kept = sum(h.bytes for h in holdings) - sum(h.bytes for h in gone)
    assert 0.95 * limit <= kept <= limit


def test_files_are_no_smaller_than_sense_makes() -> None:
    assert part_bytes({"traces": Limit(bytes=1)}, 4 * 2**30) == 2**20
    assert part_bytes({}, 4 * 2**30) == 4 * 2**30


class Store:
    """Fails once, then forgets."""

    def __init__(self, holdings: list[Holding]) -> None:
        self.left = holdings
        self.failures = 1

    def holdings(self) -> tuple[Holding, ...]:
        return tuple(self.left)

    def forget(self, *holdings: Holding) -> None:
        if self.failures:
            self.failures -= 1
            raise RetryLater("not now")
        for holding in holdings:
            self.left.remove(holding)

    def sample(self, one_of: int, settled_ns: int) -> int:
        raise NotImplementedError

    def care(self) -> None:
        return None

    def pin(self, trace_id: str) -> None:
        raise NotImplementedError

    unpin = pin

    def pinned(self) -> tuple[str, ...]:
        return ()


def test_what_could_not_be_forgotten_is_tried_again(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    store = Store(held("traces", 5, 5, 5))
    caretaker = Caretaker(store, {"traces": Limit(bytes=6)}, lambda: 0)
    caretaker.look()
    assert len(store.left) == 3
    assert "not now" in caplog.text
    caretaker.look()
    assert [h.part for h in store.left] == ["d3"]
    assert [h.part for h in caretaker.forgotten] == ["d1", "d2"]
