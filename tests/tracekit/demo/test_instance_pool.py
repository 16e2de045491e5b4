"""Instances are started on demand, reused while warm and reaped when idle."""

from __future__ import annotations

import itertools

import pytest

from tracekit.demo.instance_pool import InstancePool


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def pool_of(limit: int = 2, clock: Clock | None = None) -> tuple[InstancePool[int], list[int]]:
    names, stopped = itertools.count(1), []
    return InstancePool(
        lambda: next(names), stopped.append, limit=limit, idle_s=5, clock=clock or Clock()
    ), stopped


def test_a_call_that_finds_no_idle_instance_starts_one() -> None:
    pool, _ = pool_of()
    assert [pool.acquire(), pool.acquire()] == [1, 2]


def test_the_instance_used_last_is_used_next() -> None:
    pool, _ = pool_of()
    first, second = pool.acquire(), pool.acquire()
    pool.release(first)
    pool.release(second)
    assert pool.acquire() == second


def test_a_call_waits_no_longer_than_it_may_for_a_busy_instance() -> None:
    pool, _ = pool_of(limit=1)
    pool.acquire()
    with pytest.raises(TimeoutError, match="all 1 instances"):
        pool.acquire(timeout_s=0.01)


def test_only_instances_idle_for_too_long_are_reaped() -> None:
    clock = Clock()
    pool, stopped = pool_of(clock=clock)
    first, second = pool.acquire(), pool.acquire()
    pool.release(first)
    clock.now = 4
    pool.release(second)
    clock.now = 6
    pool.reap()
    assert (stopped, pool.count) == ([first], 1)


def test_a_start_that_fails_frees_its_place() -> None:
    answers = iter([OSError("no memory"), 7])

    def start() -> int:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    pool = InstancePool(start, lambda instance: None, limit=1, idle_s=5)
    with pytest.raises(OSError, match="no memory"):
        pool.acquire()
    assert pool.acquire(timeout_s=0.01) == 7


def test_a_pool_is_idle_when_every_instance_has_been_given_back() -> None:
    pool, _ = pool_of()
    instance = pool.acquire()
    assert not pool.wait_idle(0.01)
    pool.release(instance)
    assert pool.wait_idle(0.01)
