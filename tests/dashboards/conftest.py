"""Clients of the UI over seeded traffic; the clock stands at traffic.NOW_NS."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from collector.storage.base import SpanReader
from dashboards.app import build_app
from dashboards.settings import UiSettings
from tests.dashboards.traffic import NOW_NS, filled


def client_of(reader: SpanReader) -> TestClient:
    """A browser without scripts, at the hour when traffic.py's traffic ends."""
    app = build_app(reader, None, UiSettings(now_ns=lambda: NOW_NS))
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


@pytest.fixture(scope="session")
def shop() -> SpanReader:
    """Much traffic: a hundred functions."""
    return filled("much").reader


@pytest.fixture(scope="session")
def client(shop: SpanReader) -> TestClient:
    return client_of(shop)


@pytest.fixture(scope="session")
def quiet_client() -> TestClient:
    """A store with nothing in it."""
    return client_of(filled("none").reader)
