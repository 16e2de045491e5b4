"""What a cold start imported, drawn below each other."""

from __future__ import annotations

from dashboards.charts.icicle import icicle
from dashboards.importtable import Import


def module(depth: int, name: str, total: int, own: int) -> Import:
    return Import(depth, name, total, own, 0)


def test_modules_stand_below_what_imported_them_as_wide_as_they_took() -> None:
    drawn = icicle(
        [
            module(0, "app", 600, 100),
            module(1, "pandas", 400, 300),
            module(2, "pandas.core", 100, 100),
            module(1, "json", 100, 100),
            module(0, "later", 400, 400),
        ]
    )
    assert drawn is not None
    assert [(b.module.name, b.row, b.x, b.width) for b in drawn.blocks] == [
        ("app", 0, 0, 60),
        ("pandas", 1, 0, 40),
        ("pandas.core", 2, 0, 10),
        ("json", 1, 40, 10),
        ("later", 0, 60, 40),
    ]
    assert (drawn.total_us, drawn.rows) == (1000, 3)
    assert [m.name for m in drawn.heaviest[:2]] == ["later", "pandas"]


def test_a_package_keeps_its_colour() -> None:
    drawn = icicle([module(0, "a", 10, 5), module(1, "a.b", 5, 5), module(0, "c", 10, 10)])
    assert drawn is not None
    first, second, third = (block.css for block in drawn.blocks)
    assert first == second != third


def test_what_nobody_could_see_is_left_out_and_odd_depths_do_no_harm() -> None:
    drawn = icicle(
        [module(5, "deep", 10**6, 10**6), module(0, "wide", 10**6, 10**6), module(1, "tiny", 1, 1)]
    )
    assert drawn is not None
    assert [b.module.name for b in drawn.blocks] == ["deep", "wide"]
    assert all(b.x >= 0 and b.x + b.width <= 100 for b in drawn.blocks)


def test_nothing_imported_is_nothing_to_draw() -> None:
    assert icicle([]) is None
    assert icicle([module(0, "a", 0, 0)]) is None
