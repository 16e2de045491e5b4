"""The shop's catalogue, version 2: searches descriptions too, and shows each product's latest reviews.

It has the regression that the demo is about. The search scans every description instead of using the
index, asks for stock and reviews product by product (N+1 queries), and forgot that some products have no
price.
"""

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
    """Products of a category whose name or description contains the term."""
    term = f"%{request.get('term', '')}%"
    rows = database.execute(
        """
        SELECT id, name, price_cents, rating FROM products
        WHERE lower(description || ' ' || name) LIKE lower(?) AND category || '' = ?
        ORDER BY rating DESC LIMIT 20
        """,
        (term, request["category"]),
    )
    found = [describe(*row) for row in rows.fetchall()]
    log.info("%d products of %s match %r", len(found), request["category"], request.get("term", ""))
    return found


def describe(product: int, name: str, price_cents: int, rating: float) -> dict[str, Any]:
    quantity = database.execute("SELECT quantity FROM stock WHERE product_id = ?", (product,)).fetchone()[0]
    reviews = database.execute(
        "SELECT stars, words FROM reviews WHERE product_id = ? ORDER BY id DESC LIMIT 3", (product,)
    ).fetchall()
    price = f"{price_cents / 100:.2f}"
    return {
        "id": product,
        "name": name,
        "price": price,
        "in_stock": quantity > 0,
        "rating": rating,
        "reviews": reviews,
    }


def prices(request: dict[str, Any]) -> dict[int, int]:
    """Prices in cents."""
    return {product: int(price(product)) for product in request["products"]}


def price(product: int) -> Any:
    return database.execute("SELECT price_cents FROM products WHERE id = ?", (product,)).fetchone()[0]


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
