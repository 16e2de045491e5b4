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
# Who waits touches its request at each look: one that was not touched for so long is nobody's any more, and
# neither is an answer that nobody fetched.
_ABANDONED_S = 60.0
# A server looks twice a second, and not while it rewrites files of its store.
_BEGUN_WITHIN_S = 900.0

# What an errand does with the path it is given: says what it did, or raises with what went wrong.
Errand = Callable[[Path], str]


class NotDone(Exception):
    """The errand failed, or nobody is there to do it. Says why."""


class Errands:
    """The server's side: does what was asked, one thing after the other.

    A request is renamed to `.begun` while it is done; its answer is there before that goes. What nobody waits
    for any more is removed, not done: its asker was killed, perhaps before this server started.
    """

    def __init__(self, data_dir: Path, known: Mapping[str, Errand]) -> None:
        self._folder = data_dir / FOLDER
        self._known = known

    def look(self) -> None:
        """Do everything that waits."""
        if not self._folder.is_dir():
            return
        for left in (path for path in self._folder.iterdir() if _is_abandoned(path)):
            log.warning("%s is removed: nobody waits for it any more", left)
            left.unlink(missing_ok=True)
        for request in sorted(self._folder.glob("*.request")):
            begun = request.with_suffix(".begun")
            try:
                request.rename(begun)
            except FileNotFoundError:  # its asker has given up
                continue
            try:
                _write(request.with_suffix(".answer"), self._do(begun))
            finally:  # without an answer, on a full disk, its asker is told by this
                begun.unlink(missing_ok=True)

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


def ask(data_dir: Path, errand: str, path: Path, lock: str, begun_within_s: float = _BEGUN_WITHIN_S) -> str:
    """The other side: have it done and wait; what the server said. NotDone if it could not, if it did not
    begin in time, or if it ended. What was begun is waited for as long as the server lives.

    `lock` is the file of the folder that the server keeps locked while it lives."""
    folder = data_dir / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    request = folder / f"{time.time_ns()}-{secrets.token_hex(4)}.request"
    _write(request, {"errand": errand, "path": str(path.resolve())})
    try:
        found = _answer_to(request, data_dir / lock, time.monotonic() + begun_within_s)
    finally:
        for left in (request, request.with_suffix(".answer")):
            left.unlink(missing_ok=True)
    if "error" in found:
        raise NotDone(str(found["error"]))
    return str(found["said"])


def _answer_to(request: Path, lock: Path, begun_until: float) -> dict[str, str]:
    answer = request.with_suffix(".answer")
    while True:
        is_waiting, is_begun = _touched(request), _touched(request.with_suffix(".begun"))
        if answer.exists():  # looked for last: it is there before what was begun goes
            found: dict[str, str] = json.loads(answer.read_text())
            return found
        if not in_use(lock):
            raise NotDone("the server ended before it answered")
        if not (is_waiting or is_begun):
            raise NotDone("the server could not say how it went: see its log")
        if is_waiting and time.monotonic() > begun_until:
            raise NotDone("the server did not begin: it is occupied or stuck; see its log")
        time.sleep(_LOOK_EVERY_S)


def _touched(path: Path) -> bool:
    """Whether it is there; it is not abandoned now."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _is_abandoned(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _ABANDONED_S
    except FileNotFoundError:
        return False


def in_use(lock: Path) -> bool:
    """Whether a process has the lock of a data folder. Asks for a shared one for a moment: two who ask at
    once do not take each other for a server, and a server that starts just then tries again (database.py)."""
    if not lock.exists():
        return False
    descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
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
