"""The process that runs SQL of people. Started as a file of its own (process.py), with nothing of the
server's in its environment; it imports nothing of ours, so that it starts quickly and holds nothing worth
stealing.

It speaks lines of JSON. In: what it may use, and the query. Out: the query's syntax tree, or why there is
none. In: the views and the files they read. Out: the result, or why there is none.
"""

from __future__ import annotations

import ctypes
import datetime
import decimal
import json
import math
import os
import pathlib
import resource
import signal
import sys
import types
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
# The interpreter and DuckDB's library need this much address space before they hold any row.
_BASE_BYTES = 1 << 30


def main() -> None:
    allowed = json.loads(sys.stdin.readline())
    _fence(allowed)
    connection = _opened(allowed)
    tree = connection.execute("SELECT json_serialize_sql(?)", [allowed["sql"]]).fetchone()[0]
    _say(tree)
    asked = json.loads(sys.stdin.readline() or "null")
    if asked is not None:
        _say(_answer(connection, allowed, asked))


def _fence(allowed: dict[str, Any]) -> None:
    """Everything this process can be kept from by the system it runs on."""
    os.nice(10)
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # Where memory runs out after all, the kernel ends this process first.
        pathlib.Path("/proc/self/oom_score_adj").write_text("1000")
    if os.getppid() != allowed["parent"]:  # it died before that was set
        os._exit(1)
    seconds = int(allowed["seconds"]) + 1
    for what, most in (
        (resource.RLIMIT_AS, _BASE_BYTES + 2 * allowed["memory_bytes"]),
        (resource.RLIMIT_CPU, seconds * allowed["threads"]),
        (resource.RLIMIT_FSIZE, allowed["spill_bytes"]),
        (resource.RLIMIT_NOFILE, 128),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _opened(allowed: dict[str, Any]) -> Any:
    import duckdb

    return duckdb.connect(
        ":memory:",
        config={
            "threads": str(allowed["threads"]),
            "memory_limit": f"{allowed['memory_bytes'] >> 20}MiB",
            "temp_directory": str(pathlib.Path.cwd()),
            "max_temp_directory_size": f"{allowed['spill_bytes'] >> 20}MiB",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "python_enable_replacements": "false",
        },
    )


def _answer(connection: Any, allowed: dict[str, Any], asked: dict[str, Any]) -> str:
    import duckdb

    sys.modules["pytz"] = _pytz()
    connection.execute("SET TimeZone = 'UTC'")
    files = ", ".join("'" + file.replace("'", "''") + "'" for file in asked["files"])
    connection.execute(f"SET allowed_paths = [{files}]")
    connection.execute("SET enable_external_access = false")
    for view in asked["views"]:
        connection.execute(view)
    connection.execute("SET lock_configuration = true")
    moments = {name: datetime.datetime.fromisoformat(text) for name, text in asked["moments"].items()}
    try:
        return _result(connection.execute(allowed["sql"], asked["parameters"] | moments), allowed)
    except (duckdb.Error, ValueError, OverflowError) as error:
        return json.dumps({"error": str(error), "kind": type(error).__name__})
    except MemoryError:
        return json.dumps({"error": "out of memory", "kind": "OutOfMemoryException"})


class _Utc(datetime.tzinfo):
    """The only zone here, with what DuckDB calls."""

    def utcoffset(self, moment: datetime.datetime | None) -> datetime.timedelta:
        return datetime.timedelta(0)

    def dst(self, moment: datetime.datetime | None) -> datetime.timedelta:
        return datetime.timedelta(0)

    def tzname(self, moment: datetime.datetime | None) -> str:
        return "UTC"

    def localize(self, moment: datetime.datetime) -> datetime.datetime:
        return moment.replace(tzinfo=self)


def _pytz() -> types.ModuleType:
    """DuckDB hands moments with a zone out through this package, which nothing of ours needs otherwise."""
    module = types.ModuleType("pytz")
    vars(module).update(utc=_Utc(), timezone=lambda name: _Utc())
    return module


def _result(cursor: Any, allowed: dict[str, Any]) -> str:
    """As many rows as may be shown, and no more bytes."""
    columns = [(name, str(kind)) for name, kind, *_ in cursor.description]
    rows: list[str] = []
    left = allowed["result_bytes"]
    while found := cursor.fetchmany(100):
        for row in found:
            text = json.dumps([_plain(value) for value in row], default=str)
            left -= len(text)
            if len(rows) == allowed["result_rows"] or left < 0:
                return _document(columns, rows, True)
            rows.append(text)
    return _document(columns, rows, False)


def _document(columns: list[tuple[str, str]], rows: list[str], truncated: bool) -> str:
    head = json.dumps({"columns": columns, "truncated": truncated})
    return f'{head[:-1]}, "rows": [{", ".join(rows)}]}}'


def _plain(value: Any) -> Any:
    """As JSON can carry it."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat(timespec="microseconds")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)


def _say(line: str) -> None:
    sys.stdout.write(line.replace("\n", " ") + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
