"""The object store keeps objects, notifies about new ones, and counts who asked."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tracekit.demo.ledger import Ledger
from tracekit.demo.object_store import ObjectStore
from tracekit.demo.web import call


@pytest.fixture
def store(ledger: Ledger) -> Iterator[ObjectStore]:
    running = ObjectStore(ledger, capacity=2)
    yield running
    running.close()


def test_what_was_written_can_be_read(store: ObjectStore, ledger: Ledger) -> None:
    call("PUT", f"{store.url}/photos/a.jpg", b"pixels", {"x-demo-caller": "camera"})
    assert call("GET", f"{store.url}/photos/a.jpg", headers={"x-demo-caller": "viewer"}).body == b"pixels"
    assert ledger.snapshot()["buckets"] == {"photos": {"written": 1, "read": 1}}
    assert [row["caller"] for row in ledger.snapshot()["calls"]] == ["camera", "viewer"]


def test_a_missing_object_is_not_found(store: ObjectStore) -> None:
    assert call("HEAD", f"{store.url}/photos/a.jpg").status == 404


def test_a_new_object_is_announced_as_an_oss_event(store: ObjectStore) -> None:
    heard: list[tuple[str, bytes]] = []
    store.notify("photos", lambda bucket, event: heard.append((bucket, event)))
    call("PUT", f"{store.url}/photos/a.jpg", b"pixels")
    call("PUT", f"{store.url}/other/a.jpg", b"pixels")
    assert [bucket for bucket, _ in heard] == ["photos"]
    event = json.loads(heard[0][1])["events"][0]
    assert (event["eventSource"], event["oss"]["bucket"]["name"]) == ("acs:oss", "photos")
    assert event["oss"]["object"]["key"] == "a.jpg"
    assert event["oss"]["object"]["size"] == len(b"pixels")


def test_the_oldest_object_makes_room(store: ObjectStore) -> None:
    for key in ("a", "b", "c"):
        call("PUT", f"{store.url}/photos/{key}", b"x")
    statuses = [call("GET", f"{store.url}/photos/{key}").status for key in ("a", "b", "c")]
    assert statuses == [404, 200, 200]
