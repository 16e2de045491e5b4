"""docs/boards.md describes every key of a dashboard file, with all values it may have, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from dashboards.boardmodel import (
    Board,
    Calls,
    LogCount,
    MetricSource,
    Panel,
    SpanSource,
    Strict,
    Variable,
    read_board,
)

DOCS = (Path(__file__).parents[2] / "docs" / "boards.md").read_text()
SECTIONS = {
    "## The file": Board,
    "## A variable": Variable,
    "## A panel": Panel,
    "### `calls`": Calls,
    "### `metric`": MetricSource,
    "### `logs`": LogCount,
    "### `spans`": SpanSource,
}


def told(head: str) -> dict[str, str]:
    """What the table below a head says, by key."""
    section = re.split(r"^#+ ", DOCS.partition(head + "\n")[2], maxsplit=1, flags=re.M)[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", section, re.M))


@pytest.mark.parametrize("head", SECTIONS)
def test_every_key_is_described(head: str) -> None:
    model: type[Strict] = SECTIONS[head]
    assert set(told(head)) == {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize("head", SECTIONS)
def test_every_value_of_a_choice_is_described(head: str) -> None:
    for name, field in SECTIONS[head].model_fields.items():
        values = {value for value in get_args(field.annotation) if isinstance(value, str) and value}
        assert values <= set(re.findall(r"`([^`]+)`", told(head)[field.alias or name])), name


def test_the_example_is_good() -> None:
    example = re.search(r"```yaml\n(.*?)```", DOCS, re.S)
    assert example and len(read_board(example[1], "example.yaml").panels) == 6
