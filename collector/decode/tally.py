"""Counting what one request holds, so that too much is refused while it is still cheap."""

from __future__ import annotations

from collections import Counter

from collector.decode.result import TooLarge

# Of one request. 19 KB of gzip can hold ten million empty records: each costs far more here than on the wire.
MAX_RECORDS = 200_000
MAX_GROUPS = 50_000  # resources, scopes and metrics together
MAX_ITEMS = 2_000_000  # attributes, exemplars and histogram buckets together
MAX_FIELDS = 100_000  # of one record, before any is dropped

# For decode/fields.py: each level of a request on its way down to a record.
GROUPS = (MAX_GROUPS, "resources, scopes and metrics in one request")
FIELDS = (MAX_FIELDS, "attributes in one record")


class Tally:
    """Of one request; `noun` is what its records are called. The bounds raise TooLarge."""

    def __init__(self, noun: str) -> None:
        self.rejected: Counter[str] = Counter()
        self._noun = noun
        self._records = 0
        self._groups = 0
        self._items = 0

    def expect_groups(self, count: int) -> None:
        """Called before reading them: an empty group costs four bytes on the wire, and far more to read."""
        self._groups += count
        if self._groups > MAX_GROUPS:
            raise TooLarge(f"more than {MAX_GROUPS} resources, scopes and metrics in one request")

    def expect_records(self, count: int) -> None:
        """Called before reading them."""
        self._records += count
        if self._records > MAX_RECORDS:
            raise TooLarge(f"more than {MAX_RECORDS} {self._noun}s in one request")

    def count_items(self, count: int) -> None:
        self._items += count
        if self._items > MAX_ITEMS:
            raise TooLarge(f"more than {MAX_ITEMS} attributes, exemplars and buckets in one request")

    def reject(self, reason: str, count: int = 1) -> None:
        self.rejected[reason] += count
