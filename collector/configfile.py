"""The configuration file of `tracekit serve`: TOML, keys as in the environment without TRACEKIT_."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from collector.settings import Settings, SettingsError

_PREFIX = "TRACEKIT_"


def read_config(path: Path) -> dict[str, str]:
    """Texts by variable of the environment, for Settings.from_env. SettingsError names what is wrong."""
    known = {_key(f.metadata["env"]): f.metadata["env"] for f in fields(Settings)}
    found = read_toml(path)
    unknown = found.keys() - known.keys()
    if unknown:
        raise SettingsError(f"{path}: there is no setting {', '.join(sorted(unknown))}")
    return {known[key]: _text(path, key, value) for key, value in found.items()}


def read_toml(path: Path) -> Mapping[str, Any]:
    """SettingsError if the file cannot be read or is not TOML."""
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error


def _key(env: str) -> str:
    return env.removeprefix(_PREFIX).lower()


def _text(path: Path, key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (str, int, float)):
        return str(value)
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ",".join(value)
    raise SettingsError(f"{path}: {key} is neither a text, a number, on or off, nor a list of texts")
