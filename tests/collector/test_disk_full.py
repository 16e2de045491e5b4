"""A disk that fills: refused with 503 while there is still room to finish, taken again without a restart."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.collector.batches import T0
from tests.collector.otlp import request, span
from tests.collector.running import Running, collector

MIB = 2**20
HEADERS = {"content-type": "application/x-protobuf"}
SPANS = 200


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """96 MiB of tmpfs; mounting one takes root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def body(number: int) -> bytes:
    trace_id = number.to_bytes(16, "big")
    spans = [span(i, trace_id=trace_id, start_time_unix_nano=T0 + i) for i in range(1, SPANS + 1)]
    return request(*spans).SerializeToString()


def send_until(running: Running, client: httpx.Client, status: int, first: int) -> tuple[list[int], int]:
    """Payloads that were acknowledged before an answer had this status, and the next number."""
    acknowledged = []
    deadline = time.monotonic() + 60
    for number in range(first, first + 100_000):
        answer = client.post(f"{running.http}/v1/traces", content=body(number), headers=HEADERS)
        assert answer.status_code in (200, 503), answer.text
        if answer.status_code == 200:
            acknowledged.append(number)
        else:
            assert int(answer.headers["retry-after"]) >= 1
        if answer.status_code == status:
            return acknowledged, number + 1
        assert time.monotonic() < deadline
        time.sleep(0.01)
    raise AssertionError


@pytest.mark.slow
def test_a_full_disk_is_refused_in_time_and_forgotten_when_there_is_room_again(small_disk: Path) -> None:
    settings = {"disk_floor_bytes": "24MiB", "otlp_grpc": "off"}
    with collector(small_disk / "data", **settings) as running, httpx.Client(timeout=30) as client:
        acknowledged, number = send_until(running, client, 200, 1)
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(50 * MIB))
        more, number = send_until(running, client, 503, number)
        acknowledged += more
        assert running.store_reader.stats().spans <= len(acknowledged) * SPANS, "it is still read"
        ballast.unlink()
        more, number = send_until(running, client, 200, number)
        acknowledged += more
        for number in acknowledged:
            assert len(running.reader.trace(f"{number:032x}")) == SPANS
        assert running.ingest.stats().quarantined == 0
