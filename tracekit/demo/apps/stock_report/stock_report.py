"""A timer job: asks the catalogue for the stock of every category at once and stores a report."""

from __future__ import annotations

import contextvars
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from shop.functions import invoke_fc
from shop.objects import put_object

from tracekit import traced


@traced
def handler(event: bytes, context: object) -> str:
    timer = json.loads(event)
    categories = timer["payload"].split(",")
    report = dict(zip(categories, stock_of(categories)))
    put_object("reports", f"stock-{timer['triggerTime']}.json", json.dumps(report).encode())
    return json.dumps({"categories": len(report)})


def stock_of(categories: Sequence[str]) -> list[Any]:
    """Asks for all categories concurrently; copying the context keeps each question in this trace."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        asked = [pool.submit(contextvars.copy_context().run, category_stock, name) for name in categories]
        return [answer.result() for answer in asked]


@traced
def category_stock(category: str) -> Any:
    return invoke_fc("catalogue", {"action": "stock", "category": category})
