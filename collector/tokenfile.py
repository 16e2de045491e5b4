"""The file of tokens that may send: names, hashes and quotas; the secrets are in no file of ours."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collector.configfile import read_toml
from collector.receivers.access import Token
from collector.settings import SettingsError, parse_size

_KEYS = {"name", "sha256", "bytes_per_second", "burst"}
_HASH = re.compile(r"[0-9a-f]{64}")


def new_token(name: str) -> tuple[str, str]:
    """A secret of 256 bits, and the lines of the file that let it in."""
    secret = "tk_" + secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return secret, f'[[token]]\nname = {json.dumps(name)}\nsha256 = "{digest}"\n'


def read_tokens(path: Path) -> tuple[Token, ...]:
    """SettingsError if the file is not as documented, or names nobody."""
    found = read_toml(path)
    entries = found.get("token")
    if found.keys() - {"token"} or not isinstance(entries, list) or not entries:
        raise SettingsError(f"{path}: expected one [[token]] or more, and nothing else")
    tokens = tuple(_token(path, entry) for entry in entries)
    if len({token.sha256 for token in tokens}) < len(tokens):
        raise SettingsError(f"{path}: two tokens have the same sha256")
    return tokens


def _token(path: Path, entry: Mapping[str, Any]) -> Token:
    name, digest = entry.get("name"), entry.get("sha256")
    if entry.keys() - _KEYS or not isinstance(name, str) or not name:
        raise SettingsError(f"{path}: a token has a name, a sha256, and may have bytes_per_second and burst")
    if not isinstance(digest, str) or not _HASH.fullmatch(digest):
        raise SettingsError(f"{path}: the sha256 of {name} is not 64 hexadecimal digits in lower case")
    rate = _size(path, entry, "bytes_per_second", 0)
    return Token(name, bytes.fromhex(digest), rate, _size(path, entry, "burst", 10 * rate))


def _size(path: Path, entry: Mapping[str, Any], key: str, absent: int) -> int:
    try:
        return parse_size(str(entry.get(key, absent)))
    except SettingsError as error:
        raise SettingsError(f"{path}: {key} of {entry['name']}: {error}") from None
