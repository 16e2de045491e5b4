from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.profile import Frame, Profile, profile_of
from tests.collector.analysis.spans import span

MS = 10**6
FOLDED = """wait;shop/app.py:handler:12;shop/db.py:query:40 17
cpu;shop/app.py:handler:14;shop/price.py:total:9 3
cpu;shop/app.py:handler:12;shop/db.py:query:40 2"""


def of(text: Any, **more: Any) -> Profile | None:
    attributes = {"tracekit.profile": text, **{f"tracekit.profile.{k}": v for k, v in more.items()}}
    return profile_of(replace(span("a", 0, 5004 * MS), attributes=attributes))


def profile(text: str = FOLDED, **more: Any) -> Profile:
    found = of(text, **more)
    assert found
    return found


def test_a_span_without_a_profile_has_none() -> None:
    assert profile_of(span("a", 0, 5)) is None


def test_the_time_observed_begins_at_the_threshold() -> None:
    found = profile(after_ms=504.0)
    assert (found.actual_ns, found.observed_ns) == (5004 * MS, 4500 * MS)


def test_a_look_stands_for_an_equal_part_of_the_time_observed() -> None:
    assert profile(after_ms=504.0, samples=45).time_ns(17) == 1700 * MS


def test_stacks_become_a_tree_with_the_commonest_first() -> None:
    assert [(f.frame.line, f.depth, f.start, f.looks, f.cpu) for f in profile().frames] == [
        (12, 0, 0, 19, 2), (40, 1, 0, 19, 2), (14, 0, 19, 3, 3), (9, 1, 19, 3, 3),
    ]  # fmt: skip


def test_lines_count_where_the_call_was_found() -> None:
    assert profile().lines == (
        (Frame("shop/db.py", "query", 40), 19, 2),
        (Frame("shop/price.py", "total", 9), 3, 3),
    )


def test_what_was_cut_is_known_by_the_number_of_looks() -> None:
    found = profile(samples=30)
    assert (found.samples, found.seen, found.cpu) == (30, 22, 5)


def test_lines_of_another_form_are_left_out() -> None:
    assert profile(f"nonsense\nwait;no-frame 3\nwait;a.py:f:x 1\n{FOLDED}").seen == 22


def test_a_drive_letter_belongs_to_the_file() -> None:
    assert profile(r"cpu;C:\app\main.py:handler:7 1").lines[0].frame == Frame(r"C:\app\main.py", "handler", 7)


@given(st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text())), st.floats(), st.integers())
def test_anything_may_be_sent(text: Any, after_ms: float, samples: int) -> None:
    found = of(text, after_ms=after_ms, samples=samples)
    assert found is None or found.samples >= found.seen > 0


FRAMES = st.lists(st.integers(1, 4), min_size=1, max_size=5)
STACKS = st.lists(st.tuples(st.sampled_from(["cpu", "wait"]), FRAMES, st.integers(1, 9)), min_size=1)


@given(STACKS)
def test_every_look_is_counted_once_in_each_depth_and_once_as_a_line(
    stacks: list[tuple[str, list[int], int]],
) -> None:
    text = "\n".join(f"{what};{';'.join(f'a.py:f:{n}' for n in at)} {looks}" for what, at, looks in stacks)
    found = profile(text)
    assert found.seen == sum(looks for _, _, looks in stacks) == sum(line.looks for line in found.lines)
    assert sum(f.looks for f in found.frames if f.depth == 0) == found.seen
    assert found.cpu == sum(line.cpu for line in found.lines)


@given(STACKS)
def test_a_frame_stands_below_the_one_that_called_it(stacks: list[tuple[str, list[int], int]]) -> None:
    text = "\n".join(f"{what};{';'.join(f'a.py:f:{n}' for n in at)} {looks}" for what, at, looks in stacks)
    callers: list[Any] = []
    for placed in profile(text).frames:
        del callers[placed.depth :]
        if callers:
            assert callers[-1].start <= placed.start
            assert placed.start + placed.looks <= callers[-1].start + callers[-1].looks
        callers.append(placed)
