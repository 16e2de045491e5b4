"""The command line says what it can do, and what is wrong with what it was told."""

from __future__ import annotations

import argparse
import hashlib
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import clean_environment
from tracekit import __version__, cli, copies, demo, doctor, run, server

DOCS = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


def tracekit(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tracekit", *arguments]
    environment = clean_environment() | variables
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


def flags(add: object) -> set[str]:
    parser = add() if add is server.parser else argparse.ArgumentParser()
    if add is not server.parser:
        add(parser)  # type: ignore[operator]
    return {flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")}


def test_without_a_command_it_lists_them_all() -> None:
    answer = tracekit()
    assert answer.returncode == 0
    assert all(f"  {name} " in answer.stdout for name in cli.COMMANDS)


def test_an_unknown_command_is_named_and_is_an_error() -> None:
    answer = tracekit("srve")
    assert answer.returncode == 2
    assert "'srve'" in answer.stderr and "serve" in answer.stderr


def test_version() -> None:
    assert tracekit("version").stdout == f"tracekit {__version__}\n"


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--ui=everywhere", "is not HOST:PORT"),
        ("--otlp-http=0.0.0.0:4318", "--allow-public"),
        ("--ui=192.0.2.7:80", "--allow-public"),
    ],
)
def test_serve_refuses_a_bad_or_public_address_with_advice(
    option: str, sentence: str, tmp_path: Path
) -> None:
    answer = tracekit("serve", f"--data={tmp_path}", option)
    assert answer.returncode == 2
    assert sentence in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.fixture
def taken() -> Iterator[str]:
    """An address that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("option", ["--otlp-http", "--otlp-grpc", "--ui"])
def test_an_address_that_is_taken_is_named_in_one_line(tmp_path: Path, taken: str, option: str) -> None:
    free = [f"--{name}=127.0.0.1:0" for name in ("otlp-http", "otlp-grpc", "ui")]
    answer = tracekit("serve", f"--data={tmp_path}", *free, f"{option}={taken}", TRACEKIT_MAX_BODYY="1MiB")
    assert answer.returncode == 1
    warning, error = answer.stderr.splitlines()
    assert error == (
        f"tracekit: cannot listen on {taken}: Address already in use; "
        "choose another with --otlp-http, --otlp-grpc or --ui"
    )
    assert warning.endswith("TRACEKIT_MAX_BODYY is no setting; did you mean TRACEKIT_MAX_BODY?")


def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    answer = tracekit("serve", f"--data={tmp_path / 'data'}")
    assert answer.returncode == 1
    assert answer.stderr == f"tracekit: {tmp_path / 'data'}: there is a file of this name\n"


def test_a_token_is_a_secret_and_lines_that_keep_only_its_hash() -> None:
    answer = tracekit("token", 'a "shop"')
    assert answer.returncode == 0
    (secret,) = re.findall(r"^  (tk_[\w-]{43})$", answer.stdout, re.M)
    lines = answer.stdout[answer.stdout.index("[[token]]") :]
    assert secret not in lines
    (token,) = tomllib.loads(lines)["token"]
    assert token == {"name": 'a "shop"', "sha256": hashlib.sha256(secret.encode()).hexdigest()}


def test_every_command_and_option_is_documented() -> None:
    sections = dict(re.findall(r"^## `tracekit (\w+)`\n(.*?)(?=^## |\Z)", DOCS, re.M | re.S))
    assert set(sections) == set(cli.COMMANDS)
    for name, add in (
        ("serve", server.parser),
        ("demo", demo.add_arguments),
        ("run", run.add_arguments),
        ("doctor", doctor.add_arguments),
    ):
        told = set(re.findall(r"(--[a-z][a-z-]+)", sections[name]))
        assert told == flags(add) - {"--help"}, name
    for name in ("backup", "restore", "export", "import"):
        told = set(re.findall(r"^\| `(--[a-z][a-z-]+)", sections[name], re.M))
        assert told == set(copies.parser(name)._option_string_actions) - {"--help", "-h"}, name


def test_a_backup_without_a_store_says_so(tmp_path: Path) -> None:
    answer = tracekit("backup", str(tmp_path / "copy"), f"--data={tmp_path / 'nowhere'}")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("tracekit: there is no folder")


def test_run_does_not_load_the_server_into_a_cold_start(tmp_path: Path) -> None:
    (tmp_path / "index.py").write_text(
        "import sys\ndef handler(event, context): return sorted(sys.modules)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-m", "tracekit", "run", "index:handler"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment(OTEL_TRACES_EXPORTER="none"),
    )
    assert answer.returncode == 0, answer.stderr
    loaded = set(re.findall(r'"([\w.]+)"', answer.stdout))
    assert "tracekit.decorator" in loaded
    assert not loaded & {"asyncio", "logging", "collector", "dashboards", "opentelemetry", "ssl"}
