"""What was refused, or is stored, is not kept in memory until the collector of garbage happens to come by."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator

import grpc
import httpx
import pytest

from collector.payload import Payload
from collector.receivers.otlp_grpc import METHODS
from tests.collector.otlp import request, span
from tests.collector.running import Running, collector

PROTOBUF = {"content-type": "application/x-protobuf"}
# Damaged, nothing in it that could be taken, and taken.
BODIES = {
    "undecodable": b"\x0a\xff\xff",
    "all rejected": request(span(1, trace_id=b"short")).SerializeToString(),
    "stored": request(span(2)).SerializeToString(),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with collector(tmp_path_factory.mktemp("data")) as found:
        yield found


@pytest.fixture(autouse=True)
def before() -> Iterator[list[Payload]]:
    """Nothing is collected during a test."""
    gc.collect()
    gc.disable()
    yield payloads()
    gc.enable()


@pytest.mark.parametrize("kind", BODIES)
def test_nothing_of_a_payload_over_http_stays(running: Running, before: list[Payload], kind: str) -> None:
    code = httpx.post(f"{running.http}/v1/traces", content=BODIES[kind], headers=PROTOBUF).status_code
    assert code == (200 if kind == "stored" else 400)
    assert running.ingest.settle()
    assert not payloads_left(before)


@pytest.mark.parametrize("kind", BODIES)
def test_nothing_of_a_payload_over_grpc_stays(running: Running, before: list[Payload], kind: str) -> None:
    method = next(path for path, signal in METHODS.items() if signal == "traces")
    with grpc.insecure_channel(running.grpc) as channel:
        code = channel.unary_unary(method).future(BODIES[kind], timeout=10).code()
    assert code.name == ("OK" if kind == "stored" else "INVALID_ARGUMENT")
    assert running.ingest.settle()
    assert not payloads_left(before)


def payloads() -> list[Payload]:
    return [thing for thing in gc.get_objects() if isinstance(thing, Payload)]


def payloads_left(before: list[Payload]) -> int:
    """The threads that worked on it may still be about to let go."""
    for _ in range(100):
        if len(payloads()) == len(before):
            return 0
        time.sleep(0.05)
    return len(payloads()) - len(before)
