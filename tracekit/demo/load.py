"""The shop's customers: a repeatable sequence of requests, sent at random moments, now and then in bursts."""

from __future__ import annotations

import http.client
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from urllib.parse import urlencode

from PIL import Image

from tracekit.demo import database
from tracekit.demo.functions_framework_host import FunctionsFrameworkHost
from tracekit.demo.ledger import CALLER_HEADER, Ledger
from tracekit.demo.web import call

BASE_RATE = 7.0
"""Requests a second outside bursts, at --rate 1: about half of two laptop cores."""
BURST_FACTOR = 2.5
BURST_EVERY_S = 15.0
BURST_LASTS_S = 3.0
CUSTOMERS = 24
REQUEST_TIMEOUT_S = 20.0

# The trigger mix of a large public cloud (Azure Functions, 2019), by what a customer does. Each order also
# passes through the queue, and each image through a storage event; the timer has a clock of its own.
MIX = {"products": 48, "orders": 34, "recommendations": 12, "images": 5, "lost": 1}
CARDS = {"card_ok": 78, "card_checked": 10, "card_declined": 6, "card_slow": 4, "card_broken": 2}
BAD_POSTCODE_SHARE = 0.02
BROKEN_IMAGE_SHARE = 0.08
IMAGE_SIZES = ((640, 480), (1024, 768), (1600, 1200), (2048, 1536))


@dataclass(frozen=True)
class Visit:
    """One request of a customer, `after_s` seconds after the one before at --rate 1."""

    after_s: float
    method: str
    path: str
    body: bytes = b""
    content_type: str = "application/json"


def visits(seed: int, images: tuple[bytes, ...]) -> Iterator[Visit]:
    """The endless sequence for a seed: first one of everything that can happen, then the mix."""
    random = Random(seed)
    yield from opening(random, images)
    elapsed = 0.0
    while True:
        burst = elapsed % BURST_EVERY_S > BURST_EVERY_S - BURST_LASTS_S
        after = random.expovariate(BASE_RATE * (BURST_FACTOR if burst else 1.0))
        elapsed += after
        yield _MAKERS[_weighted(random, MIX)](random, after, images)


def opening(random: Random, images: tuple[bytes, ...]) -> Iterator[Visit]:
    """Everything that can happen: each page, each card, a bad address, half an image, unpriced products."""
    yield _products(random, 0.0, images)
    for card in CARDS:
        yield order(random, 0.15, card=card)
    yield order(random, 0.15, postcode="unknown")
    yield Visit(0.15, "PUT", "/images", images[0], "image/jpeg")
    yield Visit(0.15, "PUT", "/images", images[0][: len(images[0]) // 2], "image/jpeg")
    yield _recommendations(random, 0.15, images)
    # Enough of them that the alias, which sends three in ten calls to version 2, surely sends some there.
    for _ in range(10):
        yield Visit(0.2, "GET", f"/products?{urlencode({'category': database.UNPRICED})}")
    yield _lost(random, 0.15, images)


def order(random: Random, after_s: float, *, card: str = "", postcode: str = "") -> Visit:
    """An order of up to three products; what is not given is drawn."""
    bad = random.random() < BAD_POSTCODE_SHARE
    items = [
        {"product": product, "quantity": random.randint(1, 3)}
        for product in _choose(random, random.randint(1, 3))
    ]
    content = {
        "items": items,
        "card": card or _weighted(random, CARDS),
        "address": {"postcode": postcode or ("n/a" if bad else f"{random.randint(0, 99_999):05}")},
    }
    return Visit(after_s, "POST", "/orders", json.dumps(content).encode())


def make_images(seed: int) -> tuple[bytes, ...]:
    """Photos of several sizes: gradients with noise, so that decoding them takes what photos take."""
    random = Random(seed)
    return tuple(_image(random, width, height) for width, height in IMAGE_SIZES)


def _image(random: Random, width: int, height: int) -> bytes:
    red = Image.linear_gradient("L").resize((width, height))
    green = Image.radial_gradient("L").resize((width, height))
    grain = Image.frombytes("L", (width // 4, height // 4), random.randbytes(width // 4 * (height // 4)))
    output = io.BytesIO()
    Image.merge("RGB", (red, green, grain.resize((width, height)))).save(output, "JPEG", quality=80)
    return output.getvalue()


def _products(random: Random, after_s: float, images: tuple[bytes, ...]) -> Visit:
    query = {"category": random.choice(database.CATEGORIES), "q": random.choice(("", "", "B", "G", "Amber"))}
    return Visit(after_s, "GET", f"/products?{urlencode(query)}")


def _recommendations(random: Random, after_s: float, images: tuple[bytes, ...]) -> Visit:
    return Visit(after_s, "GET", f"/recommendations?product={random.choice(database.product_ids())}")


def _image_upload(random: Random, after_s: float, images: tuple[bytes, ...]) -> Visit:
    image = random.choice(images)
    broken = random.random() < BROKEN_IMAGE_SHARE
    return Visit(after_s, "PUT", "/images", image[: len(image) // 2] if broken else image, "image/jpeg")


def _random_order(random: Random, after_s: float, images: tuple[bytes, ...]) -> Visit:
    return order(random, after_s)


def _lost(random: Random, after_s: float, images: tuple[bytes, ...]) -> Visit:
    return Visit(after_s, "GET", "/basket")


_MAKERS: dict[str, Callable[[Random, float, tuple[bytes, ...]], Visit]] = {
    "products": _products,
    "orders": _random_order,
    "recommendations": _recommendations,
    "images": _image_upload,
    "lost": _lost,
}


def _weighted(random: Random, weights: dict[str, int]) -> str:
    return random.choices(list(weights), list(weights.values()))[0]


def _choose(random: Random, count: int) -> list[int]:
    """Products an order names: nearly always priced ones, as customers see a price before they order."""
    chosen: list[int] = []
    while len(chosen) < count:
        product = random.choice(database.product_ids())
        if database.category_of(product) != database.UNPRICED or random.random() < 0.2:
            chosen.append(product)
    return chosen


class Load:
    """Sends the visits from many threads until stopped. What is due is sent, however busy the shop is."""

    def __init__(self, shop: FunctionsFrameworkHost, ledger: Ledger, *, seed: int, rate: float) -> None:
        self._shop = shop
        self._ledger = ledger
        self._seed = seed
        self._rate = rate
        self._in_flight = 0
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._images = make_images(seed)
        self._customers = ThreadPoolExecutor(CUSTOMERS, "customer")
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Sends nothing more; what is under way goes on."""
        self._stopping.set()
        self._thread.join()

    def drain(self, timeout_s: float) -> bool:
        """Waits for the answers to what was sent. Returns whether all have come."""
        with self._changed:
            return self._changed.wait_for(lambda: self._in_flight == 0, timeout_s)

    def close(self) -> None:
        self._stopping.set()
        self._customers.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        due = time.monotonic()
        for visit in visits(self._seed, self._images):
            due += visit.after_s / self._rate
            if self._stopping.wait(max(0.0, due - time.monotonic())):
                return
            with self._changed:
                self._in_flight += 1
            self._customers.submit(self._send, visit)

    def _send(self, visit: Visit) -> None:
        try:
            self._record(self._status(visit))
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()

    def _status(self, visit: Visit) -> int:
        """The answer's status, 0 when there was none."""
        headers = {"content-type": visit.content_type, CALLER_HEADER: "user"}
        url = f"{self._shop.url}{visit.path}"
        try:
            return call(visit.method, url, visit.body, headers, timeout_s=REQUEST_TIMEOUT_S).status
        except (OSError, http.client.HTTPException):
            return 0

    def _record(self, status: int) -> None:
        outcome = "unanswered" if status == 0 else "error" if status >= 500 else "ok"
        self._ledger.invocation(self._shop.name, self._shop.version, self._shop.name, outcome)
        self._ledger.call("user", self._shop.name, "http")
