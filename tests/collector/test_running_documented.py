"""What docs/running.md says to copy works: settings, the unit of systemd, the container's environment."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from collector.configfile import read_config
from collector.settings import Settings
from tracekit import server

DOCS = (Path(__file__).parents[2] / "docs" / "running.md").read_text()
SETTINGS = {field.metadata["env"] for field in fields(Settings)}


def block(language: str, beginning: str) -> str:
    """The one block of code in this language that begins so."""
    (found,) = [b for b in re.findall(rf"```{language}\n(.*?)```", DOCS, re.S) if b.startswith(beginning)]
    return str(found)


def test_the_configuration_file_is_one(tmp_path: Path) -> None:
    (tmp_path / "tracekit.toml").write_text(block("toml", "# tracekit.toml"))
    settings = Settings.from_env({}, {}, read_config(tmp_path / "tracekit.toml"))
    assert (settings.max_body_bytes, settings.otlp_grpc) == (20 * 2**20, None)


def test_only_settings_that_exist_are_named() -> None:
    assert set(re.findall(r"TRACEKIT_[A-Z_]*[A-Z]", DOCS)) <= SETTINGS | {"TRACEKIT_CONFIG"}


def test_the_unit_starts_a_server_as_it_can_be_started(tmp_path: Path) -> None:
    unit = block("ini", "[Unit]")
    (command,) = re.findall(r"^ExecStart=(.*)$", unit, re.M)
    program, verb, *options = shlex.split(command)
    assert (Path(program).name, verb) == ("tracekit", "serve")
    assert server.parser().parse_args(options).config == "/etc/tracekit.toml"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "tracekit.service"
    unit.write_text(block("ini", "[Unit]").replace("/opt/tracekit/bin/tracekit", sys.executable))
    answer = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60
    )
    assert "tracekit.service" not in answer.stderr, answer.stderr


def test_the_container_sets_what_can_be_set() -> None:
    file = block("dockerfile", "FROM")
    values = dict(re.findall(r"(TRACEKIT_\w+)=(\S+)", file))
    settings = Settings.from_env(values)
    ports = {settings.otlp_http.port, settings.ui.port, settings.otlp_grpc and settings.otlp_grpc.port}
    (exposed,) = re.findall(r"^EXPOSE (.*)$", file, re.M)
    assert {int(port) for port in exposed.split()} == ports
    assert str(settings.data_dir) in re.findall(r"^VOLUME (\S+)$", file, re.M)
