"""One child process for one query: started, spoken with, and killed whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.sqlchild.table import SqlFailed, SqlStopped

log = logging.getLogger(__name__)

CHILD = Path(__file__).with_name("child.py")
# What a result may be beyond its rows: names and types of columns.
_HEAD_BYTES = 1 << 20
# Nothing of the server's environment: tokens and keys may be in it.
_ENVIRONMENT = {"LANG": "C.UTF-8", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one query may use. `seconds` of time, snapshots included; `memory_bytes` of DuckDB's buffers, with
    half as much beside them; `spill_bytes` of disk for what does not fit."""

    seconds: float = 30.0
    memory_bytes: int = 512 * 2**20
    spill_bytes: int = 2**30
    threads: int = 2
    result_rows: int = 10_000
    result_bytes: int = 8 * 2**20


class Child:
    """Speaks lines of JSON with a running child.py."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def say(self, what: Mapping[str, Any]) -> None:
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # `hear` tells that it is gone
            self._process.stdin.write(json.dumps(what).encode() + b"\n")
            await self._process.stdin.drain()

    async def hear(self) -> dict[str, Any]:
        """The next line. SqlStopped if the process is gone instead: its limits end it without a word."""
        assert self._process.stdout
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise SqlStopped(
                "The query needed more memory, time of the processor or disk than it may have.", LESS
            )
        try:
            heard = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise SqlFailed("The query is nested too deeply.") from error
        return dict(heard)


LESS = "Ask for less: a shorter time range, fewer columns, an aggregate instead of rows."


@asynccontextmanager
async def running(sql: str, allowance: Allowance, among: Path) -> AsyncIterator[Child]:
    """A child that was told the query, in a folder of its own `among` others. It is dead, and its files are
    gone, when the context ends."""
    folder = tempfile.mkdtemp(prefix="query-", dir=among)
    errors = (Path(folder) / "errors").open("wb")
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(CHILD),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env=_ENVIRONMENT,
            start_new_session=True,
            limit=allowance.result_bytes * 2 + _HEAD_BYTES,
        )
        try:
            child = Child(process)
            limits = {name: getattr(allowance, name) for name in allowance.__dataclass_fields__}
            await child.say({"sql": sql, "parent": os.getpid(), **limits})
            yield child
        finally:
            await asyncio.shield(_ended(process))
            if process.returncode and process.returncode > 0:  # by itself, not by a signal
                log.warning("a query's process ended with %d: %s", process.returncode, _last_words(folder))
    finally:
        errors.close()
        shutil.rmtree(folder, ignore_errors=True)


def _last_words(folder: str) -> str:
    return (Path(folder) / "errors").read_text(errors="replace")[-1000:].strip()


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Killed, if it runs, and reaped."""
    if process.returncode is None:
        _kill(process)
    await process.wait()


def _kill(process: asyncio.subprocess.Process) -> None:
    """Popen's own way reaps the process first if it just ended, unseen by asyncio, which then complains."""
    if not hasattr(os, "pidfd_open"):
        process.kill()
        return
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:  # it ended, and asyncio is about to notice
        return
    try:
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)
