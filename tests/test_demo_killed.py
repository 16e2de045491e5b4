"""kill -9 of the collector in the middle of the demo: whatever it acknowledged is in the store, once."""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.storage.duckdb import open_storage
from tests.serving import clean_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

KILLS = 4
SPANS_A_BATCH = 40
RANDOM = random.Random(11)  # moments of the kills; any moment must do


class Sender(threading.Thread):
    """Posts batches beside the demo's functions, resends what was not answered, notes what was."""

    def __init__(self, url: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.url = url + "/v1/traces"
        self.stop = stop
        self.acknowledged: dict[str, int] = {}
        self.resent = 0

    def run(self) -> None:
        with httpx.Client(timeout=5) as client:
            while not self.stop.is_set():
                trace_id, body = batch()
                while not self.post(client, body):
                    self.resent += 1
                    time.sleep(0.02)
                self.acknowledged[trace_id] = SPANS_A_BATCH

    def post(self, client: httpx.Client, body: bytes) -> bool:
        try:
            answer = client.post(self.url, content=body, headers={"Content-Type": "application/x-protobuf"})
        except httpx.HTTPError:  # it was killed: there is no answer, and the same bytes go again
            return False
        assert answer.status_code in (200, 429, 503), answer.text
        return answer.status_code == 200


def batch() -> tuple[str, bytes]:
    trace_id = secrets.token_bytes(16)
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    attribute = resource.resource.attributes.add(key="service.name")
    attribute.value.string_value = "beside-the-demo"
    spans = resource.scope_spans.add().spans
    for number in range(1, SPANS_A_BATCH + 1):
        now = time.time_ns()
        spans.add(
            trace_id=trace_id,
            span_id=number.to_bytes(8, "big"),
            name="step",
            start_time_unix_nano=now,
            end_time_unix_nano=now + 1000,
        )
    return trace_id.hex(), request.SerializeToString()


def ready(file: Path, killed: int = 0) -> dict[str, object]:
    """What the server wrote when it became ready; a server other than the one that was killed."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if file.exists():
            told: dict[str, object] = json.loads(file.read_text())
            if told["pid"] != killed:
                return told
        time.sleep(0.05)
    raise AssertionError("the server did not come back")


def test_nothing_acknowledged_is_lost_or_doubled(tmp_path: Path) -> None:
    data, stop = tmp_path / "data", threading.Event()
    command = [sys.executable, "-m", "tracekit", "demo", f"--data={data}", "--seed=5", "--no-progress"]
    ports = [f"--{name}=127.0.0.1:0" for name in ("otlp-http", "otlp-grpc", "ui")]
    with (tmp_path / "demo.log").open("w") as log:
        demo = subprocess.Popen(
            [*command, *ports], stdout=log, stderr=log, env=clean_environment(), start_new_session=True
        )
    try:
        told = ready(data / "demo" / "ready.json")
        senders = [Sender(str(told["otlp_http"]), stop) for _ in range(3)]
        for sender in senders:
            sender.start()
        for _ in range(KILLS):
            time.sleep(RANDOM.uniform(1.0, 3.0))
            os.kill(int(str(told["pid"])), signal.SIGKILL)
            told = ready(data / "demo" / "ready.json", killed=int(str(told["pid"])))
        time.sleep(1.0)
        stop.set()
        for sender in senders:
            sender.join(30)
            assert not sender.is_alive()
    finally:
        stop.set()
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0, (tmp_path / "demo.log").read_text()

    with closing(open_storage(data)) as storage:
        acknowledged = {t: n for sender in senders for t, n in sender.acknowledged.items()}
        assert len(acknowledged) > 50
        stored = {t: [span.span_id for span in storage.reader.trace(t)] for t in acknowledged}
        assert {t: len(spans) for t, spans in stored.items()} == acknowledged, "nothing lost"
        assert all(len(set(spans)) == len(spans) for spans in stored.values()), "nothing doubled"
        functions = set(storage.reader.stats().services) - {"beside-the-demo"}
        assert len(functions) >= 6, "the demo itself went on"
