"""YAML of people: plain data with the line each part stands on. No tags, no aliases, no key twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

LARGEST = 64 * 1024
DEEPEST = 12


class BoardError(Exception):
    """A file that cannot be shown: where it is wrong (line from 1, key such as panels.2.width), and how."""

    def __init__(self, file: str, line: int, key: str, message: str) -> None:
        super().__init__(f"{file}, line {line}{f', {key}' if key else ''}: {message}")
        self.file, self.line, self.key, self.message = file, line, key, message


@dataclass(frozen=True, slots=True)
class Document:
    """`lines` are of the values (of what is wrong with a key: of the key), by their path."""

    file: str
    value: Any
    lines: dict[tuple[str | int, ...], int]

    def line(self, path: Sequence[str | int]) -> int:
        """That of the part with this path, or of what would hold it."""
        place = tuple(path)
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_yaml(text: str, file: str) -> Document:
    """BoardError where it is no YAML, or more than a dashboard needs of it."""
    if len(text.encode(errors="replace")) > LARGEST:
        raise BoardError(file, 1, "", f"larger than {LARGEST // 1024} KB")
    try:
        loader = yaml.SafeLoader(text)
        _refuse_aliases(text, file)
        node = loader.get_single_node()
        lines: dict[tuple[str | int, ...], int] = {}
        if node is None:
            raise BoardError(file, 1, "", "the file is empty")
        _walk(node, (), lines, file)
        return Document(file, loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BoardError(file, mark.line + 1 if mark else 1, "", str(error.problem)) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BoardError(file, 1, "", str(error)[:200]) from None


def _refuse_aliases(text: str, file: str) -> None:
    """An alias of an alias of an alias is a small file and a large value; and anything may nest too deep."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            raise BoardError(file, line, "", "aliases (*name) are not read: write the part out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise BoardError(file, line, "", f"parts stand in one another more than {DEEPEST} deep")


def _walk(
    node: yaml.Node, path: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int], file: str
) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*path, index), lines, file)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place, line = (*path, str(key.value)), key.start_mark.line + 1
            if place in lines:
                raise BoardError(file, line, ".".join(map(str, place)), "stands here twice")
            lines[place] = line
            _walk(value, place, lines, file)
