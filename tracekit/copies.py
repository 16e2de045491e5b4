"""`tracekit backup`, `restore`, `export` and `import`: copies of a data folder, with or without a server."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SAYS = {
    "backup": "Copies everything that is stored to a new folder, while the server runs or not.",
    "restore": "Makes a data folder of a backup.",
    "export": "Writes what was received on a day as Parquet files, to a folder named by the day.",
    "import": "Adds an exported day to a data folder, while no server has it open.",
}


def parser(command: str) -> argparse.ArgumentParser:
    """The options of one of the four."""
    options = argparse.ArgumentParser(prog=f"tracekit {command}", description=_SAYS[command])
    place = {
        "backup": "the backup, a folder that does not exist yet",
        "restore": "the backup",
        "export": "where the day's folder is made",
        "import": "the day's folder, such as exports/2026-11-21",
    }[command]
    options.add_argument("folder", metavar="FOLDER", help=place)
    options.add_argument("--data", metavar="DIR", help="folder of the store (default tracekit-data)")
    if command == "export":
        options.add_argument("--day", metavar="DAY", required=True, help="the UTC day, such as 2026-11-21")
    return options


def main(command: str, argv: Sequence[str]) -> int:
    """Says what was done; 1 and why if it could not be."""
    options = parser(command).parse_args(argv)
    if importlib.util.find_spec("duckdb") is None:
        return _fail("this needs the server's packages: pip install 'tracekit[server]'")
    from collector.errands import NotDone
    from collector.storage.base import StorageError

    data = options.data or os.environ.get("TRACEKIT_DATA") or "tracekit-data"
    try:
        print(_deeds()[command](options, data))
    except (NotDone, StorageError, OSError) as error:
        return _fail(str(error))
    return 0


def _deeds() -> dict[str, Callable[[argparse.Namespace, str], str]]:
    from pathlib import Path

    from collector import backup

    return {
        "backup": lambda options, data: backup.back_up(Path(data), Path(options.folder)),
        "restore": lambda options, data: backup.restore_to(Path(options.folder), Path(data)),
        "export": lambda options, data: backup.export_day(Path(data), options.day, Path(options.folder)),
        "import": lambda options, data: backup.import_day(Path(data), Path(options.folder)),
    }


def _fail(message: str) -> int:
    print(f"tracekit: {message}", file=sys.stderr)
    return 1
