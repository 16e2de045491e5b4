"""The customers' requests are repeatable, and begin with one of everything."""

from __future__ import annotations

import json
from itertools import islice

from tracekit.demo import load

IMAGES = (b"first image", b"second image")


def first(seed: int, count: int = 300) -> list[load.Visit]:
    return list(islice(load.visits(seed, IMAGES), count))


def test_the_same_seed_gives_the_same_requests() -> None:
    assert first(7) == first(7)


def test_another_seed_gives_others() -> None:
    assert first(7) != first(8)


def test_images_are_the_same_for_the_same_seed() -> None:
    assert load.make_images(3) == load.make_images(3)


def test_within_eight_seconds_everything_that_can_happen_has_been_asked_for() -> None:
    elapsed, seen = 0.0, []
    for visit in first(1):
        elapsed += visit.after_s
        if elapsed < 8:
            seen.append(visit)
    orders = [json.loads(visit.body) for visit in seen if visit.path == "/orders"]
    assert {order["card"] for order in orders} == set(load.CARDS)
    assert any(not order["address"]["postcode"].isdigit() for order in orders)
    assert {visit.path.partition("?")[0] for visit in seen} >= {
        "/products",
        "/recommendations",
        "/images",
        "/basket",
    }
    assert any(visit.path == "/images" and visit.body not in IMAGES for visit in seen)


def test_bursts_are_busier_than_the_time_between_them() -> None:
    elapsed, calm, burst = 0.0, 0, 0
    for visit in islice(load.visits(1, IMAGES), 30, 3000):
        elapsed += visit.after_s
        in_burst = elapsed % load.BURST_EVERY_S > load.BURST_EVERY_S - load.BURST_LASTS_S
        burst, calm = burst + in_burst, calm + (not in_burst)
    calm_rate = calm / (load.BURST_EVERY_S - load.BURST_LASTS_S)
    assert burst / load.BURST_LASTS_S > 1.5 * calm_rate
