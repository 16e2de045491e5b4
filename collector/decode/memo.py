"""Results remembered by what they were made from, bounded in number and in what a key may weigh."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memo(dict[K, V]):
    """`memo[key]` is `read(key)`, computed once while remembered; what is remembered is found without a call
    of Python. When full it starts afresh: unseen ids must not pin it.

    Keys longer than `longest` (long SQL, stack traces), as `measure` tells, seldom repeat and are not kept.
    Safe between threads: at worst two of them compute the same result.
    """

    def __init__(
        self, read: Callable[[K], V], size: int, longest: int = 256, measure: Callable[[Any], int] = len
    ) -> None:
        self._read = read
        self._size = size
        self._longest = longest
        self._measure = measure

    def __missing__(self, key: K) -> V:
        value = self._read(key)
        if self._measure(key) <= self._longest:
            if len(self) >= self._size:
                self.clear()
            self[key] = value
        return value
