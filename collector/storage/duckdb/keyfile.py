"""The file beside the parts that holds what was gathered of their attributes' keys (keys.py). Where it cannot
be read it is begun anew, because all of it is worked out from what is stored."""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.storage.keys import AttributeKey

log = logging.getLogger(__name__)

FILE = "attribute.keys"
# Of another version, it is begun anew.
VERSION = 1
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class PartKeys:
    """What the first rows of a part say: of each table, how many rows that is."""

    name: str
    turn: int  # names are given again once a part has gone; turns are not
    rows: Mapping[str, int]
    keys: tuple[AttributeKey, ...]


def read(folder: Path) -> tuple[PartKeys, ...]:
    """() where there is none, or none that can be read."""
    path = folder / FILE
    try:
        # Its checksum is that of the compression: what is damaged does not come out.
        said = json.loads(zlib.decompress(path.read_bytes()))
        if said["version"] == VERSION:
            return tuple(_part(one) for one in said["parts"])
        log.warning("%s is of version %r, and begun anew", path, said["version"])
    except FileNotFoundError:
        return ()
    except (OSError, zlib.error, ValueError, TypeError, KeyError) as error:
        log.warning("%s is begun anew: %s", path, error)
    return ()


def write(folder: Path, parts: Iterable[PartKeys]) -> None:
    """Whole or not at all, whenever the process is killed. OSError where there is no room."""
    said = {"version": VERSION, "parts": [_said(part) for part in parts]}
    partial = folder / (FILE + _PARTIAL)
    partial.write_bytes(zlib.compress(json.dumps(said, separators=(",", ":")).encode(), 1))
    partial.replace(folder / FILE)


def _said(part: PartKeys) -> dict[str, Any]:
    keys = [
        (one.of, one.key, one.type, one.rows, one.first_ns, one.last_ns, one.examples) for one in part.keys
    ]
    return {"name": part.name, "turn": part.turn, "rows": dict(part.rows), "keys": keys}


def _part(said: Mapping[str, Any]) -> PartKeys:
    keys = (
        AttributeKey(of, key, kind, rows, first_ns, last_ns, tuple(examples))
        for of, key, kind, rows, first_ns, last_ns, examples in said["keys"]
    )
    return PartKeys(said["name"], said["turn"], said["rows"], tuple(keys))
