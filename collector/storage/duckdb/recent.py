"""Keys of the spans stored lately, so that a retry is noticed without an index."""

from __future__ import annotations

from collections.abc import Iterable

from collector.model import KEY_BYTES

Key = bytes  # KEY_BYTES long: trace id and span id, both big-endian, as SpanBatch.key_bytes gives them

# About 130 bytes each. At 1,000 spans/s the window is 17 minutes; older ones are looked up in the store.
DEFAULT_KEYS = 1_000_000


def key(trace_id: str, span_id: int) -> Key:
    return bytes.fromhex(trace_id) + span_id.to_bytes(8, "big")


def each(keys: bytes) -> list[Key]:
    """Many keys, one after the other, taken apart."""
    return [keys[at : at + KEY_BYTES] for at in range(0, len(keys), KEY_BYTES)]


class RecentKeys:
    """The last `size` / 2 to `size` keys, in two generations: forgetting is dropping the older one.

    `since_ns` says since when (by the clock of `received_ns`) every stored span is remembered: a span that
    starts later cannot have been stored before that, unless its sender's clock runs ahead.
    """

    def __init__(self, now_ns: int, size: int = DEFAULT_KEYS) -> None:
        self._half = max(size // 2, 1)
        self._new: set[Key] = set()
        self._old: set[Key] = set()
        self._new_since = now_ns
        self.since_ns = now_ns

    def __contains__(self, key: Key) -> bool:
        return key in self._new or key in self._old

    def unseen(self, keys: bytes, besides: set[Key]) -> list[int]:
        """Which keys are neither remembered nor in `besides`, the first of equals; they are put there."""
        found = []
        for row, this in enumerate(each(keys)):
            if this not in besides and this not in self._new and this not in self._old:
                besides.add(this)
                found.append(row)
        return found

    def add(self, keys: Iterable[Key], now_ns: int) -> None:
        self._new.update(keys)
        if len(self._new) >= self._half:
            self._old, self._new = self._new, set()
            self.since_ns, self._new_since = self._new_since, now_ns
