"""Which instances' memory grows with every call, and when it would reach the limit."""

from __future__ import annotations

import random

import pytest

from collector.analysis.leaks import MIB, leaks, theil_sen
from collector.storage.usage import InstanceMemory


def instance(
    values: list[float], name: str = "i", calls: int = 320, limit: int | None = 512
) -> InstanceMemory:
    """Memory of one instance in MiB, a value a run of calls."""
    points = tuple((at, value * MIB) for at, value in enumerate(values))
    return InstanceMemory("shop", name, "v1", calls, None if limit is None else limit * MIB, points)


GROWING = [100.0 + 10 * n for n in range(16)]


def test_a_leak_says_how_fast_it_grows_and_when_it_reaches_the_limit() -> None:
    (leak,) = leaks([instance(GROWING)])
    assert leak.bytes_per_call == pytest.approx(0.5 * MIB)
    assert (leak.first_bytes, leak.last_bytes) == (100 * MIB, 250 * MIB)
    assert leak.calls_left == pytest.approx((512 - 250) / 0.5)
    (sampled,) = leaks([instance(GROWING, calls=32)], one_in=10)
    assert sampled.bytes_per_call == leak.bytes_per_call


def test_without_a_limit_nobody_knows_when() -> None:
    assert leaks([instance(GROWING, limit=None)])[0].calls_left is None


@pytest.mark.parametrize(
    "values",
    [
        [100.0] * 16,
        [60.0, 90.0, 110.0, 118.0, *[120.0] * 12],  # a process that warms up
        [100.0] * 8 + [200.0] * 8,  # one large call
        [100.0 + 0.5 * n for n in range(16)],  # what allocators do
        [*range(100, 200, 10), *[200.0] * 6],  # a cache that is full now
        [100.0, 300.0],
    ],
    ids=["steady", "warming up", "one step", "a little", "a full cache", "too few points"],
)
def test_what_does_not_go_on_growing_is_no_leak(values: list[float]) -> None:
    assert leaks([instance(values)]) == []


def test_noise_neither_makes_nor_hides_a_leak() -> None:
    rng = random.Random(3)
    for _ in range(50):
        peak, steady = 0.0, []
        for _ in range(16):  # the peak of noise: grows ever more slowly
            peak = max(peak, rng.gauss(100, 6))
            steady.append(peak)
        assert leaks([instance(steady)]) == []
        assert leaks([instance([value + rng.gauss(0, 8) for value in GROWING])])


def test_one_of_many_instances_is_not_the_function() -> None:
    calm = [instance([100.0] * 16, f"calm-{n}") for n in range(3)]
    assert leaks([*calm, instance(GROWING)]) == []
    (leak,) = leaks([calm[0], instance(GROWING)])
    assert (leak.instances, leak.judged) == (1, 2)


def test_the_instance_nearest_to_its_limit_is_named() -> None:
    near = instance([value + 200 for value in GROWING], "near")
    assert leaks([instance(GROWING), near])[0].instance == "near"
    full = instance([value + 400 for value in GROWING], "full")
    (leak,) = leaks([near, full])
    assert (leak.instance, leak.calls_left) == ("full", 0)


def test_the_slope_is_the_median_of_all_pairs() -> None:
    assert theil_sen([0, 1, 2, 99, 4]) == 1
