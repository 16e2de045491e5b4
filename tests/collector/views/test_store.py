from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.views import SavedViews, ViewRefused
from collector.views.store import LONGEST_ADDRESS, LONGEST_NAME


@pytest.fixture
def views(tmp_path: Path) -> Iterator[SavedViews]:
    clock = itertools.count(1).__next__
    store = SavedViews.open(tmp_path / "control.sqlite", clock)
    yield store
    store.close()


def test_views_stand_in_the_order_of_their_names(views: SavedViews) -> None:
    views.save("slow  checkouts ", "/traces?q=checkout&from=now-1h")
    views.save("Errors of today", "/errors?from=now/d")
    found = [(view.name, view.address, view.changed_ns) for view in views.all()]
    assert found == [
        ("Errors of today", "/errors?from=now/d", 2),
        ("slow checkouts", "/traces?q=checkout&from=now-1h", 1),
    ]


def test_a_name_stands_for_one_view_the_latest(views: SavedViews) -> None:
    first = views.save("mine", "/traces?q=a")
    assert views.save("mine", "/traces?q=b") == first
    assert [view.address for view in views.all()] == ["/traces?q=b"]


def test_they_survive_a_restart(tmp_path: Path) -> None:
    SavedViews.open(tmp_path / "control.sqlite").save("mine", "/logs?q=a")
    assert [view.name for view in SavedViews.open(tmp_path / "control.sqlite").all()] == ["mine"]


def test_renamed_and_deleted(views: SavedViews) -> None:
    one, two = views.save("one", "/logs"), views.save("two", "/slow")
    views.rename(one, "first")
    with pytest.raises(ViewRefused, match="Another view"):
        views.rename(two, "first")
    views.delete(two)
    views.delete(two)
    views.rename(99, "nobody")
    assert [view.name for view in views.all()] == ["first"]


@pytest.mark.parametrize(
    "address", ["", "traces", "//elsewhere/x", "javascript:alert(1)", "/" + "x" * LONGEST_ADDRESS]
)
def test_only_pages_of_this_server_are_kept(views: SavedViews, address: str) -> None:
    with pytest.raises(ViewRefused, match="page of this server"):
        views.save("mine", address)


@pytest.mark.parametrize("name", ["", " \t", "x" * (LONGEST_NAME + 1)])
def test_a_view_needs_a_name(views: SavedViews, name: str) -> None:
    with pytest.raises(ViewRefused, match="needs a name"):
        views.save(name, "/traces")


def test_there_is_a_limit(views: SavedViews, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.views.store.MOST", 1)
    views.save("one", "/logs")
    views.save("one", "/slow")
    with pytest.raises(ViewRefused, match="1 views are saved already"):
        views.save("two", "/logs")
