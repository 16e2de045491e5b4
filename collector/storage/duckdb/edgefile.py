"""The file beside the parts that holds what the service graph adds up to (edgesums.py), attached as
`edge_sums`. Where it cannot be read it is begun anew, because all of it is worked out from spans."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import duckdb

log = logging.getLogger(__name__)

FILE = "edges.sums"
# Of another version, it is begun anew.
VERSION = 3

# `sums`: of a slot and edge, by `side`: its calls ("call"), how many failed and were refused, and as
# exponential histograms (of scale 4, as call_durations) how long they took for the caller and for who was
# called, and how long messages waited.
# `is_unsettled`: calls of the slot's last moments that nobody is known to have made yet.
# `slots`: those that were summed up, or are left to be read because there are too many spans around them.
# `seen`: how many rows of each part were looked at, and when their spans start.
# `calls`: those of the last hour, one by one, as all rows that were looked at tell them (edgecalls.py), and
# how long messages waited (`wait_ns`: a row that is no call). `ends`: what leads from where to where.
# `kept`: since when calls are kept; no row where they are not.
_TABLES = f"""
CREATE TABLE edge_sums.sums (
    slot_ns BIGINT NOT NULL,
    is_unsettled BOOLEAN NOT NULL,
    source_kind VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    target_kind VARCHAR NOT NULL,
    target VARCHAR NOT NULL,
    side VARCHAR NOT NULL,
    bucket SMALLINT NOT NULL,
    calls UBIGINT NOT NULL,
    errors UBIGINT NOT NULL,
    refused UBIGINT NOT NULL,
    total_ns HUGEINT NOT NULL
);
CREATE TABLE edge_sums.slots (slot_ns BIGINT NOT NULL, is_summed BOOLEAN NOT NULL);
CREATE TABLE edge_sums.seen (
    part VARCHAR NOT NULL, rows UBIGINT NOT NULL, first_ns BIGINT NOT NULL, last_ns BIGINT NOT NULL
);
CREATE TABLE edge_sums.calls (
    trace_id UUID NOT NULL,
    start_ns BIGINT NOT NULL,
    edge BIGINT NOT NULL,
    failed BOOLEAN NOT NULL,
    refused BOOLEAN NOT NULL,
    awaits_caller BOOLEAN NOT NULL,
    client_ns BIGINT,
    server_ns BIGINT,
    wait_ns BIGINT,
    adjusted_count UINTEGER NOT NULL
);
CREATE TABLE edge_sums.ends (
    edge BIGINT NOT NULL,
    source_kind VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    target_kind VARCHAR NOT NULL,
    target VARCHAR NOT NULL
);
CREATE TABLE edge_sums.kept (from_ns BIGINT NOT NULL);
CREATE TABLE edge_sums.made (version INTEGER NOT NULL);
INSERT INTO edge_sums.made VALUES ({VERSION});
"""


def log_of(folder: Path) -> Path:
    return folder / (FILE + ".wal")


def attach(connection: Any, folder: Path) -> None:
    """While nothing else uses the engine. Raises duckdb.Error where no file can be begun."""
    path = str(folder / FILE).replace("'", "''")
    statement = f"ATTACH '{path}' AS edge_sums"
    try:
        connection.execute(statement)
        if _version(connection) == VERSION:
            return
    except duckdb.Error as error:
        log.warning("%s is worked out anew: %s", path, str(error).partition("\n")[0])
    connection.execute("DETACH DATABASE IF EXISTS edge_sums")
    log_of(folder).unlink(missing_ok=True)
    (folder / FILE).unlink(missing_ok=True)
    connection.execute(statement)
    connection.execute(f"BEGIN; {_TABLES} COMMIT;")


def _version(connection: Any) -> int | None:
    """None of a file that a kill left before its tables were there."""
    statement = "SELECT 1 FROM duckdb_tables() WHERE database_name = 'edge_sums' AND table_name = 'made'"
    if not connection.execute(statement).fetchall():
        return None
    ((version,),) = connection.execute("SELECT version FROM edge_sums.made").fetchall()
    return int(version)
