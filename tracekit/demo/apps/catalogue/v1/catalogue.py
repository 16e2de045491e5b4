"""The shop's catalogue, version 1: products, prices and stock in one SQL database."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from typing import Any

from tracekit import set_attribute, trace_connection, traced

log = logging.getLogger("shop.catalogue")
log.setLevel(logging.INFO)
database: Any = None


def initialize(context: object) -> None:
    """Opens the database once for each instance; FC calls this before the first invocation."""
    global database
    connection = sqlite3.connect(
        os.environ["SHOP_DATABASE"], timeout=5, isolation_level=None, check_same_thread=False
    )
    database = trace_connection(connection, system="sqlite", namespace="shop")


@traced
def handler(event: bytes, context: object) -> str:
    request = json.loads(event)
    set_attribute("shop.action", request["action"])
    return json.dumps(ACTIONS[request["action"]](request))


def search(request: dict[str, Any]) -> list[dict[str, Any]]:
    """The best-rated products of a category whose name begins with the term."""
    rows = database.execute(
        """
        SELECT p.id, p.name, p.price_cents, s.quantity, p.rating
        FROM products p JOIN stock s ON s.product_id = p.id
        WHERE p.category = ? AND p.name LIKE ? || '%'
        ORDER BY p.rating DESC LIMIT 20
        """,
        (request["category"], request.get("term", "")),
    )
    found = [describe(*row) for row in rows.fetchall()]
    log.info("%d products of %s match %r", len(found), request["category"], request.get("term", ""))
    return found


def describe(
    product: int, name: str, price_cents: int | None, quantity: int, rating: float
) -> dict[str, Any]:
    price = "on request" if price_cents is None else f"{price_cents / 100:.2f}"
    return {"id": product, "name": name, "price": price, "in_stock": quantity > 0, "rating": rating}


def prices(request: dict[str, Any]) -> dict[int, int]:
    """Prices in cents; a product without a price costs nothing until somebody has asked."""
    wanted = request["products"]
    marks = ",".join("?" * len(wanted))
    rows = database.execute(f"SELECT id, price_cents FROM products WHERE id IN ({marks})", wanted)
    return {product: price or 0 for product, price in rows.fetchall()}


def reserve(request: dict[str, Any]) -> dict[str, int]:
    """Takes the ordered quantities out of stock, all or nothing."""
    items = [(item["quantity"], item["product"]) for item in request["items"]]
    database.execute("BEGIN IMMEDIATE")
    database.executemany("UPDATE stock SET quantity = quantity - ? WHERE product_id = ?", items)
    database.execute("COMMIT")
    return {"reserved": len(items)}


def stock(request: dict[str, Any]) -> dict[str, int]:
    row = database.execute(
        """
        SELECT count(*), sum(s.quantity) FROM products p JOIN stock s ON s.product_id = p.id
        WHERE p.category = ?
        """,
        (request["category"],),
    ).fetchone()
    return {"products": row[0], "pieces": row[1] or 0}


ACTIONS = {"search": search, "prices": prices, "reserve": reserve, "stock": stock}
