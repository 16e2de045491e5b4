"""What stands out: each kind of trouble is told, and what may be chance is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from collector.analysis.exceptions import errors_of
from collector.analysis.findings import Finding, Period, findings
from collector.analysis.leaks import Leak
from collector.analysis.versions import compare
from collector.storage.base import (
    ColdStart,
    Edge,
    ErrorVariant,
    FunctionStats,
    Node,
    SeriesPoint,
    SlowGroup,
)

MS, SECOND = 10**6, 10**9
SHOP = FunctionStats(
    "shop", 1_000, 10, 5 * MS, 40 * MS, 60 * MS, 20, 1_000, ("v1",), 3, "fc", "", ("http",), 0, (), ()
)
QUEUE = Edge(
    Node("queue", "orders"), Node("function", "mailer"), 50, 0, None, None, None, None, 9.0, 0.4 * SECOND
)
LIST = SlowGroup(
    "shop", "SELECT ?", "sqlite", 500, 0, 2 * SECOND, 3 * MS, 9 * MS, 20 * MS, ("shop",), 1, "", ""
)
BASE = Period([SHOP], [QUEUE], [LIST], [])


def cold(service: str, total_ns: int) -> ColdStart:
    return ColdStart("t", "s", service, "", "", 0, 0, False, (("cold_start", 0, total_ns),))


def found(now: Period, before: Period | None = BASE) -> list[tuple[str, str, str]]:
    return [(f.kind, f.service, f.subject) for f in findings(now, before, [], None, {})]


def test_nothing_stands_out_of_a_period_like_the_one_before() -> None:
    assert found(BASE) == []


@pytest.mark.parametrize(
    "changed, expected",
    [
        ({"functions": [replace(SHOP, errors=60)]}, ("errors", "shop", "")),
        ({"functions": [replace(SHOP, p95_ns=80 * MS)]}, ("slower", "shop", "")),
        ({"functions": [replace(SHOP, cold_starts=90)]}, ("cold", "shop", "")),
        ({"edges": [replace(QUEUE, queue_delay_p95_ns=5 * SECOND)]}, ("queue", "mailer", "orders")),
        ({"statements": [replace(LIST, p95_ns=60 * MS)]}, ("statement", "shop", "SELECT ?")),
        ({"statements": [replace(LIST, name="UPDATE ?")]}, ("statement", "shop", "UPDATE ?")),
        ({"statements": [replace(LIST, max_per_trace=8)]}, ("repeats", "shop", "SELECT ?")),
    ],
)
def test_each_trouble_is_told(changed: dict[str, Sequence[object]], expected: tuple[str, str, str]) -> None:
    assert found(replace(BASE, **changed)) == [expected]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        {"functions": [replace(SHOP, errors=13)]},
        {"functions": [replace(SHOP, calls=5, errors=2, cold_known=0, cold_starts=0)]},
        {"functions": [replace(SHOP, errors=0, p95_ns=10 * MS, cold_starts=0)]},
        {"functions": [replace(SHOP, p95_ns=55 * MS)]},
        {"functions": [replace(SHOP, calls=19, errors=0, p95_ns=SECOND)]},
        {"edges": [replace(QUEUE, queue_delay_p95_ns=0.9 * SECOND)]},
        {"edges": [replace(QUEUE, queue_delay_p95_ns=None)]},
        {"statements": [replace(LIST, p95_ns=12 * MS)]},
        {"statements": [LIST, replace(LIST, name="COMMIT", p95_ns=9 * MS, max_per_trace=8, count=19)]},
        {"statements": [LIST, replace(LIST, name="UPDATE ?", total_ns=MS)]},
    ],
)
def test_what_is_better_small_or_perhaps_chance_is_not_told(changed: dict[str, Sequence[object]]) -> None:
    assert found(replace(BASE, **changed)) == []  # type: ignore[arg-type]


def test_starts_that_take_longer_are_told_from_five_on() -> None:
    quick, slow = [cold("shop", 200 * MS)] * 5, [cold("shop", 900 * MS)] * 5
    assert found(replace(BASE, cold_starts=slow), replace(BASE, cold_starts=quick)) == [
        ("cold_longer", "shop", "")
    ]
    assert found(replace(BASE, cold_starts=slow[1:]), replace(BASE, cold_starts=quick)) == []


def test_without_a_period_before_only_what_fails_outright_is_told() -> None:
    now = replace(BASE, functions=[replace(SHOP, errors=60, p95_ns=SECOND, cold_starts=900)])
    assert findings(now, None, [], None, {}) == [Finding("errors", "shop", "", 0.06, None, 60)]


def test_a_version_is_named_instead_of_the_period() -> None:
    points = [
        SeriesPoint("v1", 0, 500, 5, 0, 5.0, 40.0 * MS, 60.0),
        SeriesPoint("v2", 1, 500, 60, 0, 5.0, 90.0 * MS, 60.0),
    ]
    now = replace(BASE, functions=[replace(SHOP, errors=65, p95_ns=80 * MS)])
    told = findings(now, BASE, [], None, {"shop": compare(points, points)})
    assert [(f.kind, f.subject, f.before) for f in told] == [
        ("version_errors", "v2", 0.01),
        ("version_slower", "v2", 40.0 * MS),
    ]


def test_a_new_error_is_told_by_its_fingerprint_once_it_is_no_single_case() -> None:
    variant = ErrorVariant("shop", "E", "no", 3, 1, 2, ("v1",), (3,), "no", "", "t", "s", "n")
    errors = errors_of([variant, replace(variant, type="Rare", count=2)])
    told = findings(BASE, BASE, errors, frozenset(), {})
    assert [(f.kind, f.subject, f.calls) for f in told] == [("new_error", errors[0].fingerprint, 3)]
    assert findings(BASE, BASE, errors, frozenset({errors[0].fingerprint}), {}) == []
    assert findings(BASE, BASE, errors, None, {}) == []


def test_the_worst_stands_first() -> None:
    now = Period(
        [replace(SHOP, errors=60, p95_ns=80 * MS, cold_starts=90)],
        [replace(QUEUE, queue_delay_p95_ns=5 * SECOND)],
        [replace(LIST, max_per_trace=8)],
        [],
    )
    assert [kind for kind, _, _ in found(now)] == ["errors", "queue", "slower", "cold", "repeats"]


def test_memory_that_grows_is_told_without_a_period_before() -> None:
    leak = Leak("shop", "i", "v1", 1e6, 5e7, 9e7, 10**8, 10, 40, 1, 1)
    (told,) = findings(BASE, None, [], None, {}, [leak])
    assert told == Finding("memory", "shop", "i", 9e7, 5e7, 40)


def test_a_new_error_that_is_nearly_all_of_the_failures_stands_for_them() -> None:
    failing = replace(SHOP, errors=200)
    variant = ErrorVariant(
        "shop", "KeyError", "no cart", 170, 0, 1, ("v1",), (170,), "no cart", "", "t", "s", "GET /"
    )
    now = replace(BASE, functions=[failing])
    kinds = [f.kind for f in findings(now, BASE, errors_of([variant]), frozenset(), {})]
    assert kinds == ["new_error"]
    fewer = errors_of([replace(variant, count=100)])
    assert [f.kind for f in findings(now, BASE, fewer, frozenset(), {})] == ["errors", "new_error"]
