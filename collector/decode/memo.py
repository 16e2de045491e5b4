"""Results remembered by the bytes they were made from, bounded in number and in what a key may weigh."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class Memo(Generic[V]):
    """`read(key)`, computed once while remembered. When full it starts afresh: unseen ids must not pin it.

    Keys longer than `longest` (long SQL, stack traces) seldom repeat and are not kept. Safe between threads:
    at worst two of them compute the same result.
    """

    def __init__(self, read: Callable[[bytes], V], size: int, longest: int = 256) -> None:
        self.known: dict[bytes, V] = {}  # for callers that try it inline first
        self._read = read
        self._size = size
        self._longest = longest

    def get(self, key: bytes) -> V:
        found = self.known.get(key)
        if found is not None:
            return found
        value = self._read(key)
        if len(key) <= self._longest:
            if len(self.known) >= self._size:
                self.known.clear()
            self.known[key] = value
        return value
