"""Figures against the period before."""

from __future__ import annotations

from dashboards.change import Change, points, relative


def test_a_change_is_told_in_percent() -> None:
    assert relative(112, 100, "100") == Change("+12%", "up", "100")
    assert relative(50, 100, "100") == Change("-50%", "down", "100")


def test_from_five_times_on_it_is_a_factor() -> None:
    assert relative(700, 100, "100") == Change("×7", "up", "100")


def test_nothing_before_is_no_change() -> None:
    assert relative(7, 0, "0") is None


def test_ratios_change_by_points() -> None:
    assert points(0.05, 0.02) == Change("+3.0 pp", "up", "2.0%")
    assert points(0.02, 0.02) == Change("no change", "same", "2.0%")
    assert points(None, 0.02) is None
