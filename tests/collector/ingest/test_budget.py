"""Who finds no room waits a moment, in turn; who waits too long, or with too many, is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from collector.ingest import budget
from collector.ingest.budget import Budget, Busy, Reservation, Turns

FULL = 100


async def taken(reservation: Reservation, count: int) -> str:
    """What becomes of a body of so many bytes."""
    await reservation.room(count)
    try:
        reservation.grow(count)
    except Busy as error:
        return str(error)
    return "taken"


def test_a_body_is_read_once_there_is_room_for_it() -> None:
    async def wait(found: Budget, turns: Turns) -> None:
        body = asyncio.create_task(taken(Reservation(found, turns), 60))
        await asyncio.sleep(0.05)
        assert not body.done()
        found.give_back(FULL)
        assert await body == "taken"

    run(wait)


def test_what_waits_for_its_insert_is_waited_for_too() -> None:
    async def wait(found: Budget, turns: Turns) -> None:
        found.give_back(FULL)
        found.wait(FULL)
        body = asyncio.create_task(taken(Reservation(found, turns), 1))
        await asyncio.sleep(0.05)
        assert not body.done()
        await asyncio.to_thread(found.wait, -1)  # as the writer's thread does
        assert await body == "taken"

    run(wait)


def test_room_is_given_in_the_order_of_arrival() -> None:
    async def wait(found: Budget, turns: Turns) -> None:
        large = asyncio.create_task(taken(Reservation(found, turns), 80))
        await asyncio.sleep(0.02)
        small = asyncio.create_task(taken(Reservation(found, turns), 30))
        await asyncio.sleep(0.02)
        found.give_back(40)
        await asyncio.sleep(0.05)
        assert not small.done()  # there is room for it, and the large one would never find any
        found.give_back(60)
        assert await large == "taken"
        found.give_back(80)
        assert await small == "taken"

    run(wait)


def test_who_waited_long_enough_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "PATIENCE_S", 0.05)

    async def wait(found: Budget, turns: Turns) -> None:
        several = [taken(Reservation(found, turns), 60) for _ in range(3)]
        assert set(await asyncio.gather(*several)) == {"the ingest queue is full"}
        found.give_back(FULL)
        assert await taken(Reservation(found, turns), 60) == "taken"  # none of them is in its way

    run(wait)


def test_more_than_may_wait_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "_MOST_PATIENT", 1)

    async def wait(found: Budget, turns: Turns) -> None:
        first = asyncio.create_task(taken(Reservation(found, turns), 60))
        await asyncio.sleep(0.02)
        assert await taken(Reservation(found, turns), 60) == "the ingest queue is full"
        assert not first.done()
        found.give_back(FULL)
        assert await first == "taken"

    run(wait)


def test_nobody_waits_for_what_is_shutting_down() -> None:
    async def wait(found: Budget, turns: Turns) -> None:
        body = asyncio.create_task(taken(Reservation(found, turns), 60))
        await asyncio.sleep(0.02)
        found.close()
        assert await body == "shutting down"

    run(wait)


def run(test: Any) -> None:
    """With a budget that is spent."""
    found = Budget(FULL, FULL)
    found.take(FULL, 0)
    began: Coroutine[Any, Any, None] = test(found, Turns(found))
    asyncio.run(asyncio.wait_for(began, 20))
