"""Recommends products: asks the catalogue for candidates concurrently, then ranks them.

Ranking takes real CPU time.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import math
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from shop.functions import invoke_fc

from tracekit import set_attribute, traced

CATEGORIES = ("books", "games", "garden", "kitchen", "music", "office", "sports", "toys")
TASTE_SIZE = 256


@traced
def handler(event: bytes, context: object) -> str:
    wanted = json.loads(event)
    return json.dumps(asyncio.run(recommend(wanted["product"], wanted["count"])))


@traced
async def recommend(product: int, count: int) -> list[Any]:
    neighbours = [CATEGORIES[(product + step) % len(CATEGORIES)] for step in (0, 1, 3)]
    found = await asyncio.gather(*(candidates(category) for category in neighbours))
    ranked = heapq.nlargest(count, scores(product, [item for group in found for item in group]))
    return [name for _, name in ranked]


@traced
async def candidates(category: str) -> list[dict[str, Any]]:
    """In a thread, as the call blocks; asyncio.to_thread takes the trace context along."""
    request = {"action": "search", "category": category, "term": ""}
    found: list[dict[str, Any]] = await asyncio.to_thread(invoke_fc, "catalogue", request)
    return found


@traced
def scores(product: int, items: Sequence[dict[str, Any]]) -> Iterator[tuple[float, str]]:
    """Yields each item's similarity to the product, and its name."""
    set_attribute("shop.candidates", len(items))
    reference = taste(product)
    for item in items:
        yield similarity(reference, taste(item["id"])), item["name"]


def taste(product: int) -> list[float]:
    """A product's place in the space of tastes, always the same for the same product."""
    random = Random(product)
    return [random.gauss(0, 1) for _ in range(TASTE_SIZE)]


def similarity(a: Sequence[float], b: Sequence[float]) -> float:
    """The cosine of the angle between two tastes."""
    return sum(x * y for x, y in zip(a, b)) / math.hypot(*a) / math.hypot(*b)
