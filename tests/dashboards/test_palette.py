from __future__ import annotations

from collector.storage.base import SpanReader
from collector.storage.memory import MemoryStorage
from dashboards.colours import told_apart
from dashboards.palette import KEPT_NS, Palette
from tests.dashboards.traffic import NOW_NS, filled


def test_the_busiest_service_has_the_first_colour(shop: SpanReader) -> None:
    classes = Palette().classes(shop, NOW_NS, ["mailer"])
    assert (classes["storefront"], classes["catalogue"]) in (("s1", "s2"), ("s2", "s1"))
    assert classes["mailer"] != "s0"


def test_services_without_traffic_come_last_in_the_order_asked_for() -> None:
    classes = Palette().classes(filled("none").reader, NOW_NS, ["b", "a"])
    assert (classes["b"], classes["a"]) == ("s1", "s2")


def test_colours_stay_while_traffic_changes() -> None:
    palette, quiet = Palette(), MemoryStorage()
    before = palette.classes(quiet, NOW_NS, ["late", "later"])
    after = palette.classes(filled("little").reader, NOW_NS + KEPT_NS, ["later", "late"])
    assert {name: after[name] for name in before} == before


def test_the_ninth_service_is_grey() -> None:
    classes = Palette().classes(MemoryStorage(), NOW_NS, [f"f{i}" for i in range(9)])
    assert (classes["f7"], classes["f8"]) == ("s8", "s0")


def test_grey_services_take_colours_that_are_free_on_the_page() -> None:
    classes = {"busy": "s2", "rare": "s0", "rarer": "s0", "elsewhere": "s1"}
    shown = told_apart(classes, ["rare", "busy", "rarer"])
    assert shown == {"busy": "s2", "rare": "s1", "rarer": "s3", "elsewhere": "s1"}


def test_more_services_than_colours_stay_grey() -> None:
    many = [f"f{i}" for i in range(10)]
    assert list(told_apart({}, many).values()) == [f"s{i}" for i in range(1, 9)]
