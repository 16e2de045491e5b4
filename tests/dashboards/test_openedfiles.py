from __future__ import annotations

from dashboards.openedfiles import OpenedFiles
from dashboards.waterfall import lay_out
from tests.dashboards.test_tracecache import trace


def test_a_file_is_found_by_a_name_that_nobody_can_guess() -> None:
    files, laid = OpenedFiles(), lay_out(trace("a", 2))
    first, second = files.put(laid), files.put(laid)
    assert files.get(first) is files.get(second) is laid
    assert first != second and len(first) == len("file-") + 32
    assert files.get("file-0") is None


def test_what_was_looked_at_longest_ago_makes_room() -> None:
    files = OpenedFiles(kept_traces=2)
    a, b = (files.put(lay_out(trace(letter, 1))) for letter in "ab")
    files.get(a)
    c = files.put(lay_out(trace("c", 1)))
    assert [files.get(name) is not None for name in (a, b, c)] == [True, False, True]


def test_many_spans_make_room_too_but_the_newest_stays() -> None:
    files = OpenedFiles(kept_spans=4)
    a, b = files.put(lay_out(trace("a", 3))), files.put(lay_out(trace("b", 9)))
    assert files.get(a) is None and files.get(b) is not None
