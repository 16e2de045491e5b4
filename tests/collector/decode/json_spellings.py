"""One JSON value in the many ways that JSON may be written, and in some that it may not."""

from __future__ import annotations

import json
import random
from typing import Any

_SPACES = ("", "", "", " ", "\n\t", "\r\n  ")
_UNKNOWN = (
    ("future", {"a": [1, -2.5e3, "x\\y", None, True, {}], "b": {}}),
    ("größe", [[[]]]),
    ("", "ü😀"),
    ("snake_case", 1),
    ("constructor", 12345678901234567890123),
)


class Speller:
    """`odd` is how often a thing is spelled as exporters do not spell it; 0 gives plain JSON."""

    def __init__(self, chance: random.Random, odd: float) -> None:
        self._chance = chance
        self._odd = odd

    def spelled(self, value: Any) -> str:
        space = self._space()
        return space + self._value(value) + self._space()

    def _is_odd(self) -> bool:
        return self._chance.random() < self._odd

    def _space(self) -> str:
        return self._chance.choice(_SPACES) if self._odd else ""

    def _value(self, value: Any) -> str:
        if isinstance(value, dict):
            return self._object(list(value.items()))
        if isinstance(value, list):
            return "[" + ",".join(map(self.spelled, value)) + "]"
        if isinstance(value, str):
            return self._integer(value) if value.isdecimal() and self._is_odd() else self._text(value)
        if isinstance(value, float) and self._is_odd():
            return self._double(value)
        return json.dumps(value)

    def _object(self, items: list[tuple[str, Any]]) -> str:
        chance = self._chance
        if self._is_odd():
            chance.shuffle(items)
        if self._is_odd():
            items.insert(chance.randrange(len(items) + 1), chance.choice(_UNKNOWN))
        if items and self._is_odd() and self._is_odd():
            items.append((chance.choice(items)[0], chance.choice((None, "again", 7, {}))))
        if items and self._is_odd() and self._is_odd():
            at = chance.randrange(len(items))
            items[at] = (items[at][0], None)
        return "{" + ",".join(f"{self.spelled(key)}:{self.spelled(item)}" for key, item in items) + "}"

    def _text(self, text: str) -> str:
        if not self._is_odd():
            return json.dumps(text, ensure_ascii=self._chance.random() < 0.5)
        return '"' + "".join(map(self._character, text)) + '"'

    def _character(self, character: str) -> str:
        plain = json.dumps(character, ensure_ascii=self._is_odd())[1:-1]
        if character == "/" and self._is_odd():
            return "\\/"
        if not self._is_odd() or ord(character) > 0xFFFF:
            return plain
        code = f"\\u{ord(character):04x}"
        return code.replace(code[2:], code[2:].upper()) if self._is_odd() else code

    def _integer(self, digits: str) -> str:
        spellings = (
            digits,
            f'"{digits}"',
            f"{digits}.0",
            f"{digits}e0",
            f'"+{digits}"',
            f'" {digits}"',
            f"0{digits}",
        )
        return self._chance.choice(spellings)

    def _double(self, number: float) -> str:
        spellings = (
            f"{number:.17e}", f"{number:.3E}", f"{number:.40f}", f"{number!r}000", f"{number:.0f}",
            f"{number:.1f}", f'"{number!r}"', f"{number:g}e0", f"+{number}",
        )  # fmt: skip
        return self._chance.choice(spellings)
