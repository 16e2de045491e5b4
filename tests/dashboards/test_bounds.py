from __future__ import annotations

import pytest

from collector.storage.base import InvalidQuery
from dashboards.bounds import duration_bounds

MS = 10**6


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("", (0, 0)),
        (">500ms", (500 * MS + 1, 0)),
        (">= 500 ms", (500 * MS, 0)),
        ("500", (500 * MS, 0)),
        ("1.5s", (1_500 * MS, 0)),
        ("<2s", (0, 2_000 * MS - 1)),
        ("≤250µs", (0, 250_000)),
        ("100ms-2s", (100 * MS, 2_000 * MS)),
        ("1..2s", (1_000 * MS, 2_000 * MS)),
        (">2m", (120_000 * MS + 1, 0)),
    ],
)
def test_durations_are_read_as_people_write_them(text: str, bounds: tuple[int, int]) -> None:
    assert duration_bounds(text) == bounds


@pytest.mark.parametrize(
    "text", ["fast", "5 parsecs", ">-1ms", "1e9s", "2s-100ms", "<0", "≤0", "<1ns", "٣ms" * 9, "1ms; drop"]
)
def test_what_cannot_be_read_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidQuery):
        duration_bounds(text)
