"""Zipkin's tracers find the answers they expect at /api/v2/spans."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.collector.decode.test_zipkin_json import zipkin
from tests.collector.running import Running, collector

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with collector(tmp_path_factory.mktemp("data"), max_body_bytes="1MiB") as found:
        yield found


def post(running: Running, body: bytes, headers: dict[str, str]) -> httpx.Response:
    return httpx.post(f"{running.http}/api/v2/spans", content=body, headers=headers, timeout=30)


@pytest.mark.parametrize("headers", [JSON, {}, JSON | {"content-encoding": "gzip"}])
def test_spans_are_accepted_and_stored(tmp_path: Path, headers: dict[str, str]) -> None:
    body = json.dumps([zipkin(kind="SERVER")]).encode()
    with collector(tmp_path) as running:
        answer = post(running, gzip.compress(body) if "content-encoding" in headers else body, headers)
        assert (answer.status_code, answer.content) == (202, b"")
    with collector(tmp_path) as again:
        (span,) = again.reader.trace("00000000000000ab0000000000000001")
        assert (span.name, span.service, span.duration_ns) == ("get /", "shop", 1_500_000)


def test_what_is_left_out_is_told(running: Running) -> None:
    answer = post(running, json.dumps([zipkin(), zipkin(id="x")]).encode(), JSON)
    assert answer.status_code == 202
    assert "1 spans were left out: id is not hexadecimal" in answer.text


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"{}", JSON, 400),
        (b"[", JSON, 400),
        (json.dumps([zipkin(id="x")]).encode(), JSON, 400),
        (b"[]", {"content-type": "application/x-protobuf"}, 415),
        (b"[]", {"content-type": "application/x-thrift"}, 415),
        (b" " * 2_000_000, JSON, 413),
    ],
)
def test_what_cannot_be_taken_says_why_in_words(
    running: Running, body: bytes, headers: dict[str, str], code: int
) -> None:
    answer = post(running, body, headers)
    assert answer.status_code == code
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.strip()


def test_no_spans_are_no_fault(running: Running) -> None:
    assert post(running, b"[]", JSON).status_code == 202


@pytest.mark.parametrize("path", ["/api/v1/spans", "/api/traces"])
def test_zipkins_first_version_and_jaegers_thrift_are_not_taken(running: Running, path: str) -> None:
    assert httpx.post(running.http + path, content=b"[]", headers=JSON).status_code == 404
