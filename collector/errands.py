"""What another process asks of the one that has the data folder open: `tracekit backup` of a running server.

A request is a file in the folder's `errands/`, its answer another one. So whoever may write to the data
folder may ask, and nobody else: no port, no password, nothing to configure.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path

log = logging.getLogger(__name__)

FOLDER = "errands"
_LOOK_EVERY_S = 0.2

# What an errand does with the path it is given: says what it did, or raises with what went wrong.
Errand = Callable[[Path], str]


class NotDone(Exception):
    """The errand failed, or nobody is there to do it. Says why."""


class Errands:
    """The server's side: does what was asked, one thing after the other."""

    def __init__(self, data_dir: Path, known: Mapping[str, Errand]) -> None:
        self._folder = data_dir / FOLDER
        self._known = known

    def look(self) -> None:
        """Do everything that waits."""
        if not self._folder.is_dir():
            return
        for request in sorted(self._folder.glob("*.request")):
            answer = self._do(request)
            request.unlink(missing_ok=True)
            _write(request.with_suffix(".answer"), answer)

    def _do(self, request: Path) -> dict[str, str]:
        try:
            asked = json.loads(request.read_text())
            name, path = str(asked["errand"]), Path(str(asked["path"]))
            if name not in self._known:
                return {"error": f"this server does not know how to do {name!r}: it is of another version"}
            log.info("asked for %s %s", name, path)
            return {"said": self._known[name](path)}
        except Exception as error:
            log.warning("an errand failed: %s", error, exc_info=not isinstance(error, OSError))
            return {"error": str(error) or type(error).__name__}


def ask(data_dir: Path, errand: str, path: Path, lock: str) -> str:
    """The other side: have it done and wait; what the server said. NotDone if it could not, or if it ended.

    `lock` is the file of the folder that the server keeps locked while it lives."""
    folder = data_dir / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    request = folder / f"{time.time_ns()}-{secrets.token_hex(4)}.request"
    answer = request.with_suffix(".answer")
    _write(request, {"errand": errand, "path": str(path.resolve())})
    try:
        while not answer.exists():
            if not in_use(data_dir / lock):
                raise NotDone("the server ended before it answered")
            time.sleep(_LOOK_EVERY_S)
        found = json.loads(answer.read_text())
    finally:
        request.unlink(missing_ok=True)
        answer.unlink(missing_ok=True)
    if "error" in found:
        raise NotDone(str(found["error"]))
    return str(found["said"])


def in_use(lock: Path) -> bool:
    """Whether a process has the lock of a data folder."""
    if not lock.exists():
        return False
    descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _write(path: Path, content: Mapping[str, str]) -> None:
    """Whole or not at all: the other side never sees half a file."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content))
    partial.replace(path)
