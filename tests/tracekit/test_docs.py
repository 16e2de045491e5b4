"""docs/sdk.md lists what the SDK reads and what it emits under its own name."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import tracekit

PACKAGE = Path(tracekit.__path__[0])
DOCUMENT = (PACKAGE.parent / "docs" / "sdk.md").read_text()
# They start the collector and its dashboards, whose settings docs/collector.md has.
NOT_SDK = ("cli.py", "server.py", "serverfacts.py", "copies.py")
SOURCES = [path for path in PACKAGE.rglob("*.py") if "demo" not in path.parts and path.name not in NOT_SDK]


def test_every_setting_is_documented() -> None:
    read = set(re.findall(r'"((?:OTEL|TRACEKIT)_[A-Z_]+)"', (PACKAGE / "config.py").read_text()))
    assert len(read) > 10
    assert not {name for name in read if f"`{name}`" not in DOCUMENT}


def test_only_the_configuration_reads_our_settings() -> None:
    pattern = re.compile(r'"TRACEKIT_[A-Z_]+"')
    readers = {path.name for path in SOURCES if pattern.search(path.read_text())}
    assert readers == {"config.py"}


def test_every_attribute_of_ours_is_documented() -> None:
    found = {name for path in SOURCES for name in re.findall(r'"(tracekit\.[a-z_.]+)"', path.read_text())}
    emitted = {name for name in found if not is_module(name)}
    assert "tracekit.phase" in emitted
    assert not {name for name in emitted if f"`{name}`" not in DOCUMENT}


def test_every_public_name_is_documented() -> None:
    undocumented = {name for name in tracekit.__all__ if name not in DOCUMENT and name != "handler"}
    assert not undocumented


def is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
