"""What a dashboard file may say, read strictly: docs/boards.md describes every key (a test compares)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from collector.analysis.traceql_series import parse_series
from collector.storage.base import InvalidQuery
from dashboards.boardyaml import BoardError, Document, read_yaml
from dashboards.timerange import TimeRange

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
Short = Annotated[str, StringConstraints(max_length=200)]
Words = Annotated[str, StringConstraints(max_length=1000)]
Show = Literal["timeseries", "stat", "table", "bar", "heatmap", "markdown"]
Measure = Literal[
    "rate", "count", "errors", "error rate", "p50", "p95", "p99", "cold starts",
    "memory", "processor", "timeouts", "billed", "cost",
]  # fmt: skip
LogMeasure = Literal["count", "sum", "avg", "min", "max", "p50", "p75", "p90", "p95", "p99"]
SOURCES = ("text", "calls", "metric", "logs", "spans", "sql")
MOST_PANELS = 40
LONGEST_TEXT = 20_000


class Strict(BaseModel):
    """Unknown keys are errors, and values are not bent into the type wanted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Calls(Strict):
    """Calls of functions: SERVER and CONSUMER spans."""

    measure: Measure = "rate"
    by: Literal["", "service", "version", "trigger"] = ""
    service: Words = ""


class MetricSource(Strict):
    """One metric, as the metrics explorer draws it."""

    name: Words
    statistic: Short = ""
    by: Short = ""
    service: Words = ""
    where: dict[str, Words] = Field(default_factory=dict)


class LogCount(Strict):
    """How many log records matched, as the logs page finds them, or what numbers they say."""

    measure: LogMeasure = "count"
    of: Words = ""
    text: Words = ""
    service: Words = ""
    level: Literal["", "trace", "debug", "info", "warn", "error", "fatal"] = ""
    attribute: Words = ""
    by: Words = ""

    @model_validator(mode="after")
    def _has_a_field(self) -> Self:
        if (self.measure == "count") != (not self.of):
            raise ValueError("of names the numbers that a measure is of; a count needs none")
        return self


class SpanSource(Strict):
    """Any set of spans, as the page of spans over time draws it: TraceQL that may end in a figure."""

    query: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    service: Words = ""


class Panel(Strict):
    """One rectangle of the grid. Exactly one of SOURCES says what is in it."""

    title: Short = ""
    show: Show = "timeseries"
    width: Annotated[int, Field(ge=1, le=12)] = 6
    note: Short = ""
    text: Annotated[str, StringConstraints(max_length=LONGEST_TEXT)] | None = None
    calls: Calls | None = None
    metric: MetricSource | None = None
    logs: LogCount | None = None
    spans: SpanSource | None = None
    sql: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)] | None = None

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"a panel needs one of {', '.join(SOURCES)}; this has {' and '.join(given) or 'none'}"
            )
        if (self.show == "markdown") != (given == ["text"]):
            raise ValueError("text is for panels that show markdown, and they need it")
        if self.show == "heatmap" and given not in (["calls"], ["metric"]):
            raise ValueError("a heatmap is of calls, or of a metric that is a histogram")
        return self


class Variable(Strict):
    """Something that whoever looks chooses; `$name` stands for it. Choices from `values`, or `from` the
    store."""

    name: Name
    label: Short = ""
    default: Words = ""
    values: Annotated[list[Words], Field(max_length=200)] = Field(default_factory=list)
    source: Literal["", "services"] = Field(default="", alias="from")
    sql: Annotated[str, StringConstraints(max_length=LONGEST_TEXT)] = ""

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if sum(map(bool, (self.values, self.source, self.sql))) > 1:
            raise ValueError("choices come from one of values, from and sql")
        if self.name in ("from", "to"):
            raise ValueError("from and to are the time range's")
        return self


class Board(Strict):
    """A whole file."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    description: Words = ""
    range: Short = ""
    variables: Annotated[list[Variable], Field(max_length=20)] = Field(default_factory=list)
    panels: Annotated[list[Panel], Field(min_length=1, max_length=MOST_PANELS)]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        names = [variable.name for variable in self.variables]
        if len(set(names)) < len(names):
            raise ValueError("two variables have one name")
        if self.range:
            try:
                TimeRange.parse({"from": self.range}, 10**18)
            except InvalidQuery as error:
                raise ValueError(f"range: {error}") from None
        for panel in self.panels:
            _check_names(panel, set(names))
            _check_query(panel, names)
        return self


_REFERENCE = re.compile(r"\$([A-Za-z_]\w*)")


def _check_names(panel: Panel, known: set[str]) -> None:
    """Names that SQL may use besides: $from and $to. Text is shown as it is."""
    said = panel.model_dump(exclude={"text", "sql", "title", "note"}, exclude_none=True)
    used = set(_REFERENCE.findall(" ".join(_texts(said))))
    if unknown := sorted(used - known):
        raise ValueError(f"panel {panel.title!r} uses ${unknown[0]}, which is no variable of this dashboard")


def _check_query(panel: Panel, names: list[str]) -> None:
    """A query that cannot be read whatever the variables say is told before anybody looks."""
    if panel.spans is None:
        return
    try:
        parse_series(filled(panel.spans.query, dict.fromkeys(names, "1")))
    except InvalidQuery as error:
        raise ValueError(f"panel {panel.title!r}, spans.query: {error}") from None


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]
    return [value] if isinstance(value, str) else []


def filled(text: str, values: dict[str, str]) -> str:
    """Text with the values of variables in the place of their names."""
    return _REFERENCE.sub(lambda found: values.get(found[1], found[0]), text)


def read_board(text: str, file: str) -> Board:
    """The dashboard that a file describes. BoardError names the file, the line and the key."""
    document = read_yaml(text, file)
    try:
        return Board.model_validate(document.value)
    except ValidationError as error:
        raise _told(error, document) from None


def _told(error: ValidationError, document: Document) -> BoardError:
    """The first thing that is wrong, by line."""
    problems = [
        BoardError(
            document.file,
            document.line(problem["loc"]),
            ".".join(str(part) for part in problem["loc"]),
            _words(problem["type"], problem["msg"]),
        )
        for problem in error.errors(include_url=False)
    ]
    return min(problems, key=lambda problem: problem.line)


def _words(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "there is no such key"
    return message.removeprefix("Value error, ")
