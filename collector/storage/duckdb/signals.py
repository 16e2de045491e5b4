"""Logs and metrics on their way into the newest part: whole payloads that came twice are dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from collector import arrow
from collector.model_logs import LogBatch
from collector.model_metrics import Metric, MetricBatch, Series
from collector.storage.base import WriteResult
from collector.storage.digests import RecentDigests
from collector.storage.duckdb import sql
from collector.storage.duckdb.database import Database
from collector.storage.duckdb.statement import run_with

# Digests of payloads that nobody sends again any more are deleted this often, by the clock of what arrives.
PRUNE_EVERY_NS = 300 * 10**9
# Ids of descriptions and of series that are known to be stored: 65 bytes each in memory. With more, all are
# forgotten and stored once more, which readers do not notice.
KNOWN_IDS = 1_000_000

B = TypeVar("B", LogBatch, MetricBatch)


@dataclass(frozen=True, slots=True)
class SignalPlan(Generic[B]):
    """What a write will add; nothing is changed yet."""

    fresh: list[B]  # payloads that are not stored yet; none of them empty
    result: WriteResult

    @property
    def changes(self) -> bool:
        return bool(self.fresh)

    @property
    def digests(self) -> list[tuple[bytes, int]]:
        return [(batch.digest, batch.columns["received_ns"][0]) for batch in self.fresh if batch.digest]


class _Table(Generic[B]):
    """What logs and metrics have in common."""

    _timed: str  # the table whose rows lie in time

    def __init__(self, database: Database) -> None:
        self._database = database
        self.forget()

    def forget(self) -> None:
        """Know only what the files say: after they were opened, or opened again."""
        found = self._database.rows("payload_digests", {"signal": self._timed})
        self._digests = RecentDigests((digest.bytes, received_ns) for digest, received_ns in found)
        self._pruned_ns = self._digests.since_ns

    def begun(self) -> None:
        """The newest part is another one; what was received before is known all the same."""

    def plan(self, batches: Sequence[B]) -> SignalPlan[B]:
        """A payload that came twice in one group counts once too."""
        fresh: list[B] = []
        seen: set[bytes] = set()
        for batch in batches:
            if len(batch) and batch.digest not in seen and not self._holds(batch):
                fresh.append(batch)
                seen |= {batch.digest} if batch.digest else set()
        stored, offered = sum(map(len, fresh)), sum(map(len, batches))
        return SignalPlan(fresh, WriteResult(stored, offered - stored))

    def _holds(self, batch: B) -> bool:
        return self._digests.holds(batch.digest, batch.columns["received_ns"][0])

    def insert(self, plan: SignalPlan[B]) -> None:
        """Within the writer's transaction, on the newest part."""
        if not plan.fresh:
            return
        self._widen(plan.fresh)
        rows = arrow.chunks([batch.arrow() for batch in plan.fresh])
        run_with(self._database.writer, f"incoming_{self._timed}", rows, sql.query(f"insert_{self._timed}"))
        self._insert_digests(plan.digests)

    def committed(self, plan: SignalPlan[B]) -> None:
        for digest, received_ns in plan.digests:
            self._digests.add(digest, received_ns)

    def _insert_digests(self, found: list[tuple[bytes, int]]) -> None:
        connection = self._database.writer
        if found:
            rows = arrow.stream(
                {
                    "digest": ("hex128", [digest.hex() for digest, _ in found]),
                    "signal": ("text", [self._timed] * len(found)),
                    "received_ns": ("i64", [received_ns for _, received_ns in found]),
                }
            )
            run_with(connection, "incoming_digests", rows, sql.query("insert_digests"))
        since_ns = self._digests.since_ns
        if since_ns - self._pruned_ns > PRUNE_EVERY_NS:
            connection.execute(sql.query("delete_digests"), {"since_ns": since_ns, "signal": self._timed})
            self._pruned_ns = since_ns

    def _widen(self, fresh: Sequence[B]) -> None:
        times = [moment for batch in fresh for moment in batch.time_range()]
        self._database.parts.widen(self._database.parts.newest, self._timed, (min(times), max(times)))


class LogTable(_Table[LogBatch]):
    """Rows of `logs`."""

    takes = LogBatch
    _timed = "logs"


class _KnownIds:
    """Ids that the newest part holds, up to KNOWN_IDS."""

    def __init__(self, database: Database, statement: str) -> None:
        self._database = database
        self._statement = statement
        self.forget()

    def forget(self) -> None:
        """Know only what the newest part says: after it was opened, or begun."""
        rows = self._database.writer.execute(self._statement, [KNOWN_IDS]).fetchall()
        self._ids: set[int] = {row[0] for row in rows}

    def unknown(self, ids: Iterable[int]) -> list[int]:
        """Of those given, each named once."""
        return [one for one in ids if one not in self._ids]

    def add(self, ids: Iterable[int]) -> None:
        self._ids.update(ids)
        if len(self._ids) > KNOWN_IDS:
            self._ids.clear()


class MetricTable(_Table[MetricBatch]):
    """Rows of `metric_points`, and of `metrics` and `metric_series` where they are new."""

    takes = MetricBatch
    _timed = "metric_points"

    def __init__(self, database: Database) -> None:
        self._metrics = _KnownIds(database, "SELECT DISTINCT metric_id FROM metrics LIMIT ?")
        self._series = _KnownIds(database, "SELECT DISTINCT series_id FROM metric_series LIMIT ?")
        super().__init__(database)

    def forget(self) -> None:
        super().forget()
        self.begun()

    def begun(self) -> None:
        self._metrics.forget()
        self._series.forget()

    def insert(self, plan: SignalPlan[MetricBatch]) -> None:
        super().insert(plan)
        metrics = _together([batch.metrics for batch in plan.fresh])
        self._insert_new("metrics", self._metrics, metrics, _metric_rows)
        series = _together([batch.series for batch in plan.fresh])
        self._insert_new("metric_series", self._series, series, _series_rows)

    def committed(self, plan: SignalPlan[MetricBatch]) -> None:
        super().committed(plan)
        for batch in plan.fresh:
            self._metrics.add(batch.metrics)
            self._series.add(batch.series)

    def _insert_new(
        self, table: str, known: _KnownIds, found: Mapping[int, Any], rows: Callable[[list[Any]], Any]
    ) -> None:
        if unknown := known.unknown(found):
            new = rows([found[key] for key in unknown])
            run_with(self._database.writer, f"incoming_{table}", new, sql.query(f"insert_{table}"))


def _together(found: Sequence[Mapping[int, Any]]) -> Mapping[int, Any]:
    """One as it is: it may be large."""
    return found[0] if len(found) == 1 else {key: one for batch in found for key, one in batch.items()}


def _metric_rows(found: list[Metric]) -> Any:
    return arrow.stream(
        {
            "metric_id": ("u64", [m.metric_id for m in found]),
            "name": ("text", [m.name for m in found]),
            "type": ("u8", [m.type for m in found]),
            "unit": ("text", [m.unit for m in found]),
            "description": ("text", [m.description for m in found]),
            "temporality": ("u8", [m.temporality for m in found]),
            "monotonic": ("u8", [m.monotonic for m in found]),
            "service": ("text", [m.service for m in found]),
            "resource_id": ("u64", [m.resource_id for m in found]),
            "scope_id": ("u64", [m.scope_id for m in found]),
            "metadata": ("json", [m.metadata_json for m in found]),
        }
    )


def _series_rows(found: list[Series]) -> Any:
    return arrow.stream(
        {
            "series_id": ("u64", [s.series_id for s in found]),
            "attributes": ("json", [s.attributes_json for s in found]),
        }
    )
