"""Local variables of failing frames: only when asked for, masked, bounded, without calling their methods."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tracekit import config, framelocals, pipeline, traced
from tracekit.pipeline import Pipeline


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("called")

    __str__ = __repr__


class HostileDict(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError("called")


@pytest.fixture
def asked(recorded: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.setenv("TRACEKIT_LOCALS", "1")
    config.forget()
    pipeline.replace(Pipeline(config.get(), recorded.exporter))
    return recorded


def charge(order: dict[str, Any], password: str) -> None:
    card = "4111 1111 1111 1111"
    thing, mapping, rows = Hostile(), HostileDict(a=1), list(range(1000))
    raise ValueError("declined", len(card), type(thing), type(mapping), len(rows))


@traced
def work() -> None:
    order = {"id": 7, "token": "t-1"}
    charge(order, "hunter2")


def event(recorded: Any) -> Any:
    return recorded.named("work").rare.events[0]


def test_locals_are_not_recorded_unasked(recorded: Any) -> None:
    with pytest.raises(ValueError, match="declined"):
        work()
    assert "tracekit.exception.locals" not in event(recorded).attributes


def test_each_frame_tells_its_variables_masked(asked: Any) -> None:
    with pytest.raises(ValueError, match="declined"):
        work()
    outer, inner = json.loads(event(asked).attributes["tracekit.exception.locals"])
    assert (outer["function"], outer["locals"]) == ("work", {"order": {"id": 7, "token": "***"}})
    rows = inner["locals"].pop("rows")
    assert inner["locals"] == {
        "order": {"id": 7, "token": "***"},
        "password": "***",
        "card": "***",
        "thing": "<Hostile>",
        "mapping": "<unreadable HostileDict>",
    }
    assert rows[:3] == [0, 1, 2] and len(rows) <= 65
    assert (inner["file"], inner["line"]) == (__file__, charge.__code__.co_firstlineno + 3)


def test_deep_stacks_and_large_values_stay_small() -> None:
    def recurse(depth: int, blob: Any) -> None:
        names = {f"n{index}": "x y " * 1000 for index in range(100)}
        if not depth:
            raise LookupError(len(names))
        recurse(depth - 1, [blob, blob])

    with pytest.raises(LookupError) as caught:
        recurse(100, "y" * 10_000)
    text = framelocals.describe(caught.value)
    assert len(text) <= framelocals.MAX_LENGTH
    assert 1 <= len(json.loads(text)) <= framelocals.MAX_FRAMES
