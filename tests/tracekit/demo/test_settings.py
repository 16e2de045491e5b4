"""Options become settings; a default port that is taken is replaced and said so."""

from __future__ import annotations

import argparse
import socket

import pytest

from tracekit.demo import settings


def read(*argv: str) -> settings.Settings:
    parser = argparse.ArgumentParser()
    settings.add_arguments(parser)
    return settings.read(parser.parse_args(argv))


def test_without_options_the_demo_runs_until_stopped_in_a_temporary_folder() -> None:
    found = read()
    assert (found.seconds, found.data, found.seed, found.rate, found.hold, found.progress) == (
        None,
        None,
        1,
        1.0,
        False,
        True,
    )


def test_a_default_port_that_is_taken_becomes_any_free_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setitem(settings.DEFAULT_PORTS, "ui", port)
        found = read()
    assert found.ui == "127.0.0.1:0"
    assert f"Port {port} is taken, so the dashboard uses a free one." in found.moved


def test_a_port_that_was_asked_for_is_kept() -> None:
    assert read("--ui", "127.0.0.1:1").ui == "127.0.0.1:1"


@pytest.mark.parametrize("value", ["0", "-1", "nan"])
def test_the_rate_is_greater_than_zero(value: str) -> None:
    with pytest.raises(SystemExit):
        read("--rate", value)
