"""What every page is handed: where to read, what to show in the frame around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from fastapi import APIRouter, Request
from jinja2 import Environment

from collector.alerts.rule import Alert, Rule, Transition
from collector.sqlchild import SavedQuery, SqlRunner
from collector.storage.base import OriginReader, SpanReader
from collector.storage.logs import LogReader
from collector.storage.metrics import MetricReader
from collector.triage.store import Decided, Decision
from collector.views import SavedView
from dashboards.settings import UiSettings


class AlertStore(Protocol):
    """The part of collector.alerts.store.AlertStore that pages use."""

    def rules(self) -> Sequence[Rule]: ...

    def rule(self, id: int, /) -> Rule | None: ...

    def save(self, rule: Rule, /) -> Rule: ...

    def delete(self, id: int, /) -> object: ...

    def alerts(self) -> Sequence[Alert]: ...

    def history(self, limit: int = 100) -> Sequence[Transition]: ...


class TriageStore(Protocol):
    """The part of collector.triage.store.TriageStore that pages use."""

    def decisions(self) -> Mapping[str, Decision]: ...

    def decide(self, fingerprint: str, state: Decided, /) -> None: ...

    def reopen(self, fingerprint: str, /) -> None: ...


class SavedQueries(Protocol):
    """The part of collector.sqlchild.saved.SavedQueries that pages use."""

    def all(self) -> Sequence[SavedQuery]: ...

    def one(self, id: int, /) -> SavedQuery | None: ...

    def save(self, name: str, sql: str, id: int | None = None, /) -> int: ...

    def delete(self, id: int, /) -> object: ...


class SavedViews(Protocol):
    """The part of collector.views.SavedViews that pages use."""

    def all(self) -> Sequence[SavedView]: ...

    def save(self, name: str, address: str, /) -> int: ...

    def rename(self, id: int, name: str, /) -> None: ...

    def delete(self, id: int, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Page:
    """One page or family of pages. Those with a `shortcut` stand in the navigation (`g` + letter)."""

    key: str
    title: str
    path: str
    router: APIRouter
    shortcut: str = ""


@dataclass(frozen=True, slots=True)
class Ui:
    """Composition of one running UI; `ui_of(request)` finds it."""

    reader: SpanReader
    alerts: AlertStore | None
    settings: UiSettings
    pages: tuple[Page, ...]
    templates: Environment
    triage: TriageStore | None = None
    status: Callable[[], Mapping[str, Any]] | None = None  # the document of /status.json
    logs: LogReader | None = None
    sql: SqlRunner | None = None
    saved: SavedQueries | None = None
    metrics: MetricReader | None = None
    views: SavedViews | None = None
    origins: OriginReader | None = None  # what sent the spans, told in full

    def firing(self) -> tuple[Alert, ...]:
        """Alerts that fire now, the oldest first."""
        alerts = self.alerts.alerts() if self.alerts else ()
        return tuple(sorted((a for a in alerts if a.state == "firing"), key=lambda a: a.fired_ns))


def ui_of(request: Request) -> Ui:
    return cast(Ui, request.app.state.ui)
