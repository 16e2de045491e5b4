"""Who waits for a delivery, for how long, and what goes on without anybody waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

import pytest

from tracekit.exporters.base import DONE, REFUSED, RETRY, Exporter, Result
from tracekit.flush import LAST_LOOK_S, Flusher
from tracekit.queue import RAW_LIMIT, Queue
from tracekit.span import INTERNAL, Span, Trace

BUDGET_S = 0.05
LONG_S = 10.0


class Endpoint(Exporter):
    """Answers as told, once `open` is set; counts what it was asked."""

    def __init__(self, outcome: str = DONE) -> None:
        self.outcome = outcome
        self.open = Event()
        self.sent: list[object] = []

    def send(self, body: object, deadline: float) -> Result:
        self.sent.append(body)
        self.open.wait(LONG_S)
        return Result(self.outcome, "")


@pytest.fixture
def flushing() -> Callable[[Endpoint], Flusher]:
    def start(endpoint: Endpoint) -> Flusher:
        queue = Queue()
        queue.encode = lambda spans, dropped: (b"".join(s.name.encode() for s in spans), 1)
        return Flusher(queue, endpoint, BUDGET_S)

    return start


def put(flusher: Flusher, name: str) -> None:
    span = Span(name, INTERNAL, None, Trace(), 1)
    span.end = 2
    flusher.queue.add(span)


def settle(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_slow_endpoint_gets_everything_once_though_nobody_waits(
    flushing: Callable[[Endpoint], Flusher],
) -> None:
    endpoint = Endpoint()
    flusher = flushing(endpoint)
    put(flusher, "a")
    assert flusher.flush() is False, "the budget ran out"
    put(flusher, "b")
    assert flusher.flush() is False
    endpoint.open.set()
    settle(lambda: not len(flusher.queue))
    assert endpoint.sent == [b"a", b"b"], "the delivery went on, and nothing was sent twice"


def test_only_the_first_waits_for_an_endpoint_that_hangs(flushing: Callable[[Endpoint], Flusher]) -> None:
    endpoint = Endpoint()
    flusher = flushing(endpoint)
    put(flusher, "a")
    assert flusher.flush() is False
    put(flusher, "b")
    began = time.monotonic()
    assert flusher.flush(budget_s=LONG_S) is False, "the one before waited in vain: not even a long budget"
    assert time.monotonic() - began < LONG_S / 2
    endpoint.open.set()


def test_the_last_flush_waits_for_a_delivery_that_is_late(flushing: Callable[[Endpoint], Flusher]) -> None:
    endpoint = Endpoint()
    flusher = flushing(endpoint)
    put(flusher, "a")
    assert flusher.flush() is False
    endpoint.open.set()
    assert flusher.flush(budget_s=LONG_S, force=True) is True


def test_the_end_waits_longer_only_for_an_endpoint_that_has_been_answering(
    flushing: Callable[[Endpoint], Flusher],
) -> None:
    endpoint = Endpoint()
    endpoint.open.set()
    flusher = flushing(endpoint)
    assert flusher.last_budget(1.0) == BUDGET_S, "it has never answered"
    put(flusher, "a")
    assert flusher.flush(budget_s=LONG_S) is True
    assert flusher.last_budget(1.0) == 1.0
    endpoint.outcome = RETRY
    put(flusher, "b")
    assert flusher.flush(budget_s=LONG_S) is False
    assert flusher.last_budget(1.0) == LAST_LOOK_S, "its last answer was a failure"


def test_the_end_does_not_pay_a_second_time_for_an_endpoint_that_hangs(
    flushing: Callable[[Endpoint], Flusher],
) -> None:
    endpoint = Endpoint()
    flusher = flushing(endpoint)
    put(flusher, "a")
    assert flusher.flush() is False
    assert flusher.last_budget(1.0) == LAST_LOOK_S
    endpoint.open.set()
    settle(lambda: not len(flusher.queue))
    assert flusher.last_budget(1.0) == 1.0, "it has answered after all"


class Joining(Endpoint):
    """Takes several payloads as one, and refuses what holds a "bad" one."""

    def join(self, bodies: list[bytes]) -> bytes:
        return b"+".join(bodies)

    def send(self, body: object, deadline: float) -> Result:
        super().send(body, deadline)
        assert isinstance(body, bytes)
        return Result(REFUSED, "bad") if b"bad" in body else Result(self.outcome, "")


def test_a_backlog_goes_as_one_request(flushing: Callable[[Endpoint], Flusher]) -> None:
    endpoint = Joining()
    flusher = flushing(endpoint)
    for name in ("a", "b", "c"):
        put(flusher, name)
        flusher.queue.seal()
    endpoint.open.set()
    assert flusher.flush(budget_s=LONG_S) is True
    assert endpoint.sent == [b"a+b+c"]


def test_one_refused_payload_does_not_take_its_neighbours_with_it(
    flushing: Callable[[Endpoint], Flusher],
) -> None:
    endpoint = Joining()
    flusher = flushing(endpoint)
    for name in ("a", "bad", "c"):
        put(flusher, name)
        flusher.queue.seal()
    endpoint.open.set()
    assert flusher.flush(budget_s=LONG_S) is False, "one was lost"
    assert endpoint.sent == [b"a+bad+c", b"a", b"bad", b"c"]
    assert flusher.queue.dropped == 1 and not len(flusher.queue)


def test_spans_that_cannot_be_encoded_in_a_call_are_counted_and_not_the_calls_problem() -> None:
    queue = Queue()
    queue.encode = lambda spans, dropped: (b"", 1 // 0)
    for _ in range(RAW_LIMIT):
        queue.add(Span("s", INTERNAL, None, Trace(), 1))
    assert queue.dropped == RAW_LIMIT and not len(queue)


def test_a_group_keeps_to_its_bytes_and_has_at_least_one() -> None:
    queue = Queue()
    queue.encode = lambda spans, dropped: (b"", 100)
    for _ in range(4):
        queue.add(Span("s", INTERNAL, None, Trace(), 1))
        queue.seal()
    assert [len(queue.group(limit)) for limit in (0, 99, 100, 250, 1000)] == [1, 1, 1, 2, 4]


def test_a_request_takes_no_longer_than_the_exporter_allows(flushing: Callable[[Endpoint], Flusher]) -> None:
    endpoint = Endpoint()
    endpoint.timeout_s = 0.5
    allowed: list[float] = []
    endpoint.send = lambda body, deadline: (  # type: ignore[method-assign]
        allowed.append(deadline - time.monotonic()) or Result(DONE)
    )
    flusher = flushing(endpoint)
    put(flusher, "a")
    assert flusher.flush(LONG_S) and 0 < allowed[0] <= 0.5
