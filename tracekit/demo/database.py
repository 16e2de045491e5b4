"""The catalogue's database: a real SQLite file, the same for the same seed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random

CATEGORIES = ("books", "clearance", "games", "garden", "kitchen", "music", "office", "sports", "toys")
UNPRICED = "clearance"
"""Some products of this category have no price, which version 2 of the catalogue does not expect."""

PRODUCTS = 4_000
REVIEWS_PER_PRODUCT = 4
UNPRICED_SHARE = 0.25

_ADJECTIVES = ("Amber", "Bright", "Calm", "Daring", "Early", "Folded", "Gentle", "Hollow", "Ivory", "Jolly")
_NOUNS = ("anchor", "basket", "candle", "drum", "easel", "fiddle", "globe", "hammer", "inkwell", "jug")
_WORDS = (
    "sturdy",
    "light",
    "hand made",
    "recycled",
    "classic",
    "foldable",
    "waterproof",
    "quiet",
    "large",
    "tiny",
)

_SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE products (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL, category TEXT NOT NULL,
    price_cents INTEGER, rating REAL NOT NULL
);
CREATE INDEX products_by_category ON products (category, rating);
CREATE TABLE stock (product_id INTEGER PRIMARY KEY, quantity INTEGER NOT NULL);
CREATE TABLE reviews (
    id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL, stars INTEGER NOT NULL, words TEXT NOT NULL
);
CREATE INDEX reviews_by_product ON reviews (product_id);
"""


def create(path: Path, seed: int) -> None:
    """Writes the database anew."""
    path.unlink(missing_ok=True)
    random = Random(seed)
    connection = sqlite3.connect(path)
    connection.executescript(_SCHEMA)
    connection.executemany("INSERT INTO products VALUES (?, ?, ?, ?, ?, ?)", _products(random))
    connection.executemany("INSERT INTO stock VALUES (?, ?)", ((p, 1_000_000) for p in product_ids()))
    connection.executemany(
        "INSERT INTO reviews (product_id, stars, words) VALUES (?, ?, ?)", _reviews(random)
    )
    connection.commit()
    connection.close()


def product_ids() -> range:
    return range(1, PRODUCTS + 1)


def category_of(product: int) -> str:
    return CATEGORIES[product % len(CATEGORIES)]


def _products(random: Random) -> Iterator[tuple[int, str, str, str, int | None, float]]:
    for product in product_ids():
        category = category_of(product)
        name = f"{random.choice(_ADJECTIVES)} {random.choice(_NOUNS)} {product}"
        description = f"A {' and '.join(random.sample(_WORDS, 5))} thing for {category}. " * 8
        price = random.randint(199, 49_999)
        unpriced = category == UNPRICED and random.random() < UNPRICED_SHARE
        yield (
            product,
            name,
            description,
            category,
            None if unpriced else price,
            round(random.uniform(1, 5), 2),
        )


def _reviews(random: Random) -> Iterator[tuple[int, int, str]]:
    for product in product_ids():
        for _ in range(REVIEWS_PER_PRODUCT):
            yield product, random.randint(1, 5), f"{random.choice(_WORDS)}, {random.choice(_WORDS)}"
