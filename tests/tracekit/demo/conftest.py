"""What the demo's tests share: processes that are surely stopped, a ledger, functions written to a folder."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracekit.demo import application
from tracekit.demo.ledger import Ledger
from tracekit.demo.processes import Processes
from tracekit.demo.web import Loopback, Response


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    started = Processes(tmp_path / "logs")
    yield started
    started.stop_all()


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """A function's environment; the collector in it takes everything and keeps nothing."""
    collector = Loopback(lambda request: Response(200, b"", {"Content-Type": "application/x-protobuf"}))
    yield application.environment(collector.url)
    collector.close()


@pytest.fixture
def deploy(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a function's source as index.py and returns its folder."""

    def write(source: str, folder: str = "code") -> Path:
        path = tmp_path / folder
        path.mkdir()
        (path / "index.py").write_text(textwrap.dedent(source))
        return path

    return write
