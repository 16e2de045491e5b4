"""Keys of the spans stored lately, so that a retry is noticed without an index."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, Protocol

from collector.model import KEY_BYTES

Key = bytes  # KEY_BYTES long: trace id and span id, both big-endian, as SpanBatch.key_bytes gives them

# About 70 bytes each in C, 130 in Python. At 1,000 spans/s the window is 17 minutes; older ones are looked up
# in the store.
DEFAULT_KEYS = 1_000_000

_KEYS = Struct(f"{KEY_BYTES}s")  # reads many in half the time that slices take


def key(trace_id: str, span_id: int) -> Key:
    return bytes.fromhex(trace_id) + span_id.to_bytes(8, "big")


def each(keys: bytes) -> list[Key]:
    """Many keys, one after the other, taken apart."""
    return [found for (found,) in _KEYS.iter_unpack(keys)]


class KeySet(Protocol):
    """A set of keys. Many at once are written one after the other, as `SpanBatch.key_bytes` gives them."""

    def __len__(self) -> int: ...

    def __contains__(self, key: Key, /) -> bool: ...

    def update(self, keys: bytes, /) -> None: ...

    # (Any set of the same make: typed loosely, because each make knows only its own.)
    def add_unseen(self, keys: bytes, one: KeySet, other: KeySet, /) -> list[int]:
        """Add those that are in none of the three; which of the keys those are, the first of equals."""
        ...


class PythonKeySet(set[Key]):
    """Where the set in C (collector.decode.choice) was not built."""

    def update(self, keys: bytes) -> None:  # type: ignore[override]
        super().update(each(keys))

    def add_unseen(self, keys: bytes, one: Any, other: Any) -> list[int]:
        offered = each(keys)
        new = set(offered)
        # Nearly always all are new and different: then no key is looked at in Python.
        if len(new) == len(offered) and all(known.isdisjoint(new) for known in (self, one, other)):
            self |= new
            return list(range(len(offered)))
        found = []
        for row, this in enumerate(offered):
            if this not in self and this not in one and this not in other:
                self.add(this)
                found.append(row)
        return found


class RecentKeys:
    """The last `size` / 2 to `size` keys, in two generations: forgetting is dropping the older one.

    `since_ns` says since when (by the clock of `received_ns`) every stored span is remembered: a span that
    starts later cannot have been stored before that, unless its sender's clock runs ahead.
    """

    def __init__(
        self, now_ns: int, size: int = DEFAULT_KEYS, make: Callable[[], KeySet] = PythonKeySet
    ) -> None:
        self._half = max(size // 2, 1)
        self._make = make
        self._new = make()
        self._old = make()
        self._new_since = now_ns
        self.since_ns = now_ns

    def __contains__(self, key: Key) -> bool:
        return key in self._new or key in self._old

    def set_of(self, keys: bytes = b"") -> KeySet:
        """A set of its own, for `unseen`."""
        made = self._make()
        made.update(keys)
        return made

    def unseen(self, keys: bytes, besides: KeySet) -> list[int]:
        """Which keys are neither remembered nor in `besides`, the first of equals; they are put there."""
        return besides.add_unseen(keys, self._new, self._old)

    def add(self, keys: bytes, now_ns: int) -> None:
        self._new.update(keys)
        if len(self._new) >= self._half:
            self._old, self._new = self._new, self._make()
            self.since_ns, self._new_since = self._new_since, now_ns
