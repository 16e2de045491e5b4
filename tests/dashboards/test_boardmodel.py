"""A dashboard file is read strictly, and what is wrong is told by file, line and key."""

from __future__ import annotations

import pytest

from dashboards.boardmodel import read_board
from dashboards.boardyaml import LARGEST, BoardError

GOOD = """\
title: Mine
range: now-6h
variables:
  - name: service
    from: services
panels:
  - title: Calls
    calls: {measure: rate, by: service, service: $service}
  - show: markdown
    text: "*hello*"
"""


def wrong(text: str) -> tuple[int, str, str]:
    with pytest.raises(BoardError) as caught:
        read_board(text, "mine.yaml")
    assert str(caught.value).startswith("mine.yaml, line ")
    return caught.value.line, caught.value.key, caught.value.message


def test_a_good_file_is_read() -> None:
    board = read_board(GOOD, "mine.yaml")
    assert (board.title, board.range, len(board.panels)) == ("Mine", "now-6h", 2)
    assert board.panels[0].calls is not None and board.panels[0].calls.service == "$service"


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "message"),
    [
        ("range: now-6h", "ranges: now-6h", 2, "ranges", "no such key"),
        ("range: now-6h", "range: yesterday", 1, "", "cannot read the time"),
        ("measure: rate", "measure: speed", 8, "panels.0.calls.measure", "'rate'"),
        ("  - title: Calls", "  - width: 13", 7, "panels.0.width", "less than or equal to 12"),
        ("  - title: Calls", "  - width: '6'", 7, "panels.0.width", "valid integer"),
        ("service: $service", "service: $other", 1, "", "$other"),
        ("calls: {measure: rate, by: service, ", "spans: {query: '{ } | sped()', ", 1, "", "'sped' stands"),
        ("calls: {measure: rate, by: service, ", "logs: {measure: p95, ", 8, "panels.0.logs", "of names"),
        ("  - show: markdown", "  - show: stat", 9, "panels.1", "markdown"),
        ('    text: "*hello*"', "    logs: {}", 9, "panels.1", "markdown"),
        ("title: Mine", "title: Mine\ntitle: Yours", 2, "title", "twice"),
        ("title: Mine", "title: [Mine", 2, "", "expected"),
        ("title: Mine", "title: !!python/name:os.system x", 1, "", "constructor"),
        ("from: services", "from: &all services\n    label: *all", 6, "", "aliases"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_key(old: str, new: str, line: int, key: str, message: str) -> None:
    found = wrong(GOOD.replace(old, new, 1))
    assert found[:2] == (line, key) and message in found[2]


@pytest.mark.parametrize("text", ["", "just text", "[1, 2]", "a: " + "[" * 50 + "]" * 50, "x: \x00"])
def test_what_is_no_dashboard_is_refused(text: str) -> None:
    assert wrong(text)[0] >= 1


def test_a_file_beyond_64_kb_is_refused() -> None:
    assert "larger" in wrong(GOOD + "# " + "x" * LARGEST)[2]
