"""A store of one file, as until schema 5, becomes the first part."""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path
from typing import Any

import duckdb

from collector.storage.duckdb import parts, schema_version, wal

log = logging.getLogger(__name__)


def adopt(folder: Path, config: Any) -> Path | None:
    """Migrate `tracekit.duckdb` where there is one and rename it by the last day it received anything.

    The rename is the last step and atomic: a start that is killed before it begins again from the old name.
    Raises duckdb.Error if the file cannot be opened, IncompatibleSchema if a newer tracekit wrote it.
    """
    old = folder / parts.LEGACY
    if not old.exists():
        return None
    wal.set_damage_aside(old)
    with contextlib.closing(duckdb.connect(str(old), config=config)) as connection:
        schema_version.bring_up_to_date(connection, str(folder))
        ((latest,),) = connection.execute("SELECT max(received_ns) FROM spans").fetchall()
        connection.execute("CHECKPOINT")  # a log would be orphaned by the rename
    day = parts.day_of(min(latest or time.time_ns(), time.time_ns()))
    new = folder / (parts.free_name(folder, day) + parts.SUFFIX)
    old.rename(new)
    log.info("%s is now %s", old, new)
    return new
