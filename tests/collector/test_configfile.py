"""The configuration file says what the environment could, and less than it."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import pytest

from collector.configfile import read_config
from collector.logformat import JsonLines
from collector.settings import Settings, SettingsError


def written(folder: Path, text: str) -> Path:
    (folder / "tracekit.toml").write_text(text)
    return folder / "tracekit.toml"


def test_keys_are_the_environments_names_and_values_are_as_toml_has_them(tmp_path: Path) -> None:
    text = 'data = "/d"\nallow_public = true\nmax_body = "1MiB"\nbody_timeout = 2.5\ndedup_spans = 7\n'
    text += 'ui_hosts = ["a", "b"]'
    settings = Settings.from_env({}, None, read_config(written(tmp_path, text)))
    assert (settings.data_dir, settings.allow_public, settings.max_body_bytes) == (Path("/d"), True, 2**20)
    assert (settings.body_timeout_s, settings.dedup_spans, settings.ui_hosts) == (2.5, 7, ("a", "b"))


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = read_config(written(tmp_path, 'data = "/file"\nui = ":1"\notlp_http = ":2"'))
    settings = Settings.from_env({"TRACEKIT_DATA": "/env", "TRACEKIT_UI": ":3"}, {"data_dir": "/flag"}, file)
    assert (settings.data_dir, settings.ui.port, settings.otlp_http.port) == (Path("/flag"), 3, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour = 1", "no setting colour"),
        ("data = [1]", "data is neither"),
        ("data =", "not TOML"),
        ('ui = "x"', "TRACEKIT_UI"),
    ],
)
def test_what_makes_no_sense_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings.from_env({}, None, read_config(written(tmp_path, text)))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"tracekit\.toml"):
        read_config(tmp_path / "tracekit.toml")


def test_a_json_line_is_one_object_whatever_the_message() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord("a.b", logging.ERROR, "", 0, 'say "%s"\n', ("ä",), sys.exc_info())
    line = JsonLines().format(record)
    found = json.loads(line)
    assert "\n" not in line
    assert (found["level"], found["logger"], found["message"]) == ("error", "a.b", 'say "ä"\n')
    assert "ValueError: two" in found["exception"]
    assert found["time"].endswith("Z") and len(found["time"]) == 24
