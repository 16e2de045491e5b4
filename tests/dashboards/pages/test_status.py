"""The status page shows the document of /status.json, whatever senders put into it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient

from collector.api.status import status_document
from collector.storage.base import SampledOut
from dashboards.app import build_app
from tests.collector.api.test_metrics import FACTS, INGEST
from tests.dashboards.traffic import filled


def client(status: Callable[[], Any] | None) -> TestClient:
    return TestClient(build_app(filled("none").reader, status=status), base_url="http://127.0.0.1")


def page(**changes: Any) -> str:
    facts = dataclasses.replace(FACTS, **changes)
    answer = client(lambda: status_document(facts)).get("/status")
    assert answer.status_code == 200
    return answer.text


def test_rates_sizes_and_reasons_are_there() -> None:
    text = page()
    for said in ("30/min", "read in Python", "1.00 MB", "a.duckdb", "Given up: full", "otlp_http"):
        assert said in text, said


def test_reasons_are_text_and_nothing_else() -> None:
    text = page(ingest=dataclasses.replace(INGEST, rejected={"<script>alert(1)</script>": 1}))
    assert "<script>alert" not in text and "&lt;script&gt;alert" in text


def test_what_sampling_left_out_is_told_once_there_is_any() -> None:
    assert "5 traces, 15 spans" in page()
    assert "by sampling" not in page(sampled_out=SampledOut())


def test_trouble_is_said_first() -> None:
    text = page(ingest=dataclasses.replace(INGEST, trouble="the disk is full"))
    assert "Nothing is taken at the moment: the disk is full" in text


def test_every_page_leads_to_it_and_without_a_status_there_is_none() -> None:
    assert 'href="/status"' in client(lambda: status_document(FACTS)).get("/functions").text
    alone = client(None)
    assert 'href="/status"' not in alone.get("/functions").text
    assert alone.get("/status").status_code == 404
