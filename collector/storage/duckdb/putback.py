"""A part that could not be read for a while, and is put back: what it holds was stored again meanwhile.

While it was away the store went on from the part before it, so that what the journal still held above that
one's mark was replayed to a new part. A part begun below the mark of an earlier one shows that: rows which
both hold are removed from the one that was away.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from collector.storage.duckdb import pins
from collector.storage.duckdb.parts import PINNED, Part

log = logging.getLogger(__name__)

# A replay decodes anew: equal records have another id. Points have none.
_BY_CONTENT = {"logs": "EXCLUDE (log_id)", "metric_points": ""}


def count_once(connection: Any, attached: Sequence[Part]) -> None:
    """Remove from each part what later ones hold too, where a replay wrote it there; for a part in one
    transaction, which also notes that it is done."""
    written = [part for part in attached if part.name != PINNED]
    for part in written:
        ((mark,),) = connection.execute(f"SELECT mark FROM {part.sql}.watermark").fetchall()
        replayed = [later for later in written if later.turn > part.turn and _since(connection, later) < mark]
        if replayed:
            _count_once(connection, part, replayed)


def _since(connection: Any, part: Part) -> int:
    ((since,),) = connection.execute(f"SELECT since FROM {part.sql}.watermark").fetchall()
    return int(since)


def _count_once(connection: Any, part: Part, replayed: Sequence[Part]) -> None:
    connection.execute("BEGIN")
    try:
        removed = [_remove(connection, part, later) for later in replayed]
        if any(map(any, removed)):
            pins.gather_anew(connection, part)
        since = min(_since(connection, later) for later in replayed)
        connection.execute(f"UPDATE {part.sql}.watermark SET mark = ?", [since])
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    spans, logs, points = (sum(counts) for counts in zip(*removed, strict=True))
    log.warning(
        "%s was put back: %d spans, %d log records and %d data points of it had been stored once more from"
        " the journal, and count once",
        part.path, spans, logs, points,
    )  # fmt: skip


def _remove(connection: Any, part: Part, later: Part) -> tuple[int, int, int]:
    """How many spans, log records and data points are stored in the later part too."""
    spans = connection.execute(f"""
        DELETE FROM {part.sql}.spans
        WHERE start_ns >= (SELECT min(start_ns) FROM {later.sql}.spans) AND (trace_id, span_id) IN (
            SELECT (trace_id, span_id) FROM {later.sql}.spans
            WHERE start_ns <= (SELECT max(start_ns) FROM {part.sql}.spans)
        )
    """).fetchall()
    connection.execute(f"""
        DELETE FROM {part.sql}.span_links WHERE (trace_id, span_id) NOT IN (
            SELECT (trace_id, span_id) FROM {part.sql}.spans
        )
    """)
    logs, points = (_remove_equal(connection, part, later, table) for table in _BY_CONTENT)
    return spans[0][0], logs, points


def _remove_equal(connection: Any, part: Part, later: Part, table: str) -> int:
    """Rows of one payload come with the moment it was received, so equal ones are those of one payload."""
    content = f"hash(*COLUMNS(* {_BY_CONTENT[table]})) AS content"
    removed = connection.execute(f"""
        DELETE FROM {part.sql}.{table} WHERE rowid IN (
            SELECT row FROM (
                SELECT rowid AS row, {content} FROM {part.sql}.{table}
                WHERE received_ns >= (SELECT min(received_ns) FROM {later.sql}.{table})
            ) SEMI JOIN (
                SELECT {content} FROM {later.sql}.{table}
                WHERE received_ns <= (SELECT max(received_ns) FROM {part.sql}.{table})
            ) USING (content)
        )
    """).fetchall()
    return int(removed[0][0])
