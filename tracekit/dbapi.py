"""Database calls as CLIENT spans: a thin proxy around a DB-API 2.0 connection (PEP 249).

Everything that is not recorded goes straight to the wrapped object. Works for sqlite3's shortcuts on the
connection (`conn.execute`) too. Parameters are recorded only with TRACEKIT_SQL_PARAMETERS, and masked.
"""

from __future__ import annotations

from tracekit import config, context
from tracekit.guard import report
from tracekit.span import CLIENT, NO_SPAN, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_BEFORE_TABLE = ("from", "into", "update", "table", "join")
_QUALIFIERS = ("if", "not", "exists", "or", "replace", "ignore", "abort", "fail", "rollback", "only")


class Proxy:
    """Stands for another object: attributes, context manager and iteration go through."""

    def __init__(self, target: Any, facts: dict[str, Any]) -> None:
        object.__setattr__(self, "_tracekit_target", target)
        object.__setattr__(self, "_tracekit_facts", facts)

    _tracekit_target: Any
    _tracekit_facts: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tracekit_target, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._tracekit_target, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._tracekit_target, name)

    def __exit__(self, *details: Any) -> Any:
        return self._tracekit_target.__exit__(*details)

    def __iter__(self) -> Any:
        return iter(self._tracekit_target)

    def __next__(self) -> Any:
        return next(self._tracekit_target)

    def __repr__(self) -> str:
        return f"<traced {self._tracekit_target!r}>"

    def _run(self, method: str, statement: Any, more: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        call = getattr(self._tracekit_target, method)
        size = _batch_size(more) if method == "executemany" else None
        parameters = more[0] if more and method == "execute" else None
        return recorded(
            self._tracekit_facts, statement, size, lambda: call(statement, *more, **keywords), parameters
        )


class TracedCursor(Proxy):
    """A cursor whose statements are recorded."""

    def __enter__(self) -> TracedCursor:
        self._tracekit_target.__enter__()
        return self

    def execute(self, statement: Any, *more: Any, **keywords: Any) -> Any:
        """Records one statement."""
        return self._same(self._run("execute", statement, more, keywords))

    def executemany(self, statement: Any, *more: Any, **keywords: Any) -> Any:
        """Records one statement with many parameters as one span."""
        return self._same(self._run("executemany", statement, more, keywords))

    def executescript(self, statement: Any, *more: Any, **keywords: Any) -> Any:
        """Records a script (sqlite3) as one span."""
        return self._same(self._run("executescript", statement, more, keywords))

    def _same(self, result: Any) -> Any:
        # sqlite3 returns the cursor for chaining; the chain must stay traced.
        return self if result is self._tracekit_target else result


class TracedConnection(Proxy):
    """A connection whose cursors are traced."""

    def __enter__(self) -> TracedConnection:
        self._tracekit_target.__enter__()
        return self

    def cursor(self, *args: Any, **keywords: Any) -> TracedCursor:
        """A traced cursor."""
        return self._traced(self._tracekit_target.cursor(*args, **keywords))

    def execute(self, statement: Any, *more: Any, **keywords: Any) -> TracedCursor:
        """sqlite3's shortcut."""
        return self._traced(self._run("execute", statement, more, keywords))

    def executemany(self, statement: Any, *more: Any, **keywords: Any) -> TracedCursor:
        """sqlite3's shortcut."""
        return self._traced(self._run("executemany", statement, more, keywords))

    def executescript(self, statement: Any, *more: Any, **keywords: Any) -> TracedCursor:
        """sqlite3's shortcut."""
        return self._traced(self._run("executescript", statement, more, keywords))

    def _traced(self, cursor: Any) -> TracedCursor:
        return TracedCursor(cursor, self._tracekit_facts)


def trace_connection(
    connection: Any,
    *,
    system: str = "sqlite",
    namespace: str | None = None,
    server_address: str | None = None,
) -> Any:
    """A proxy for a DB-API connection that records a span for every statement.

    `system` is db.system.name (sqlite, mysql, postgresql, ...), `namespace` the database's name,
    `server_address` its host. Below an unsampled span nothing is recorded.
    """
    facts = {"db.system.name": system, "db.namespace": namespace, "server.address": server_address}
    return TracedConnection(connection, {key: value for key, value in facts.items() if value is not None})


def recorded(
    facts: dict[str, Any],
    statement: Any,
    size: int | None,
    call: Callable[[], Any],
    parameters: Any = None,
) -> Any:
    """Runs `call` inside a CLIENT span for the statement. The call's exception goes through."""
    span = _begin(facts, statement, size)
    if parameters is not None and type(span) is Span and config.get().sql_parameters:
        _keep_parameters(span, str(statement), parameters)
    token = context.attach(span)
    try:
        return call()
    except BaseException as error:
        span.fail(error)
        code = getattr(error, "sqlite_errorname", None) or getattr(error, "pgcode", None)
        span.set_attribute("db.response.status_code", code)
        raise
    finally:
        context.detach(token)
        context.finish(span)


def _keep_parameters(span: Span, statement: str, parameters: Any) -> None:
    try:
        from tracekit.redact import MAX_ITEMS, Redactor

        settings = config.get()
        redactor = Redactor(settings.redact_keys)
        for key, shown in zip(*redactor.parameters(statement, parameters, settings.capture_bytes)):
            if len(span.attributes or ()) > MAX_ITEMS:
                break
            span.set_attribute(f"db.query.parameter.{key}", shown)
    except Exception as error:
        report(error, "parameters of a statement")


def _begin(facts: dict[str, Any], statement: Any, size: int | None) -> Any:
    try:
        text = statement if isinstance(statement, str) else str(statement)
        operation, table = summary(text)
        target = table or facts.get("db.namespace") or facts["db.system.name"]
        span = context.start(f"{operation} {target}" if operation else str(target), CLIENT)
        if type(span) is Span:
            span.attributes = dict(facts)
            span.set_attribute("db.query.text", text.strip())
            span.set_attribute("db.operation.name", operation or None)
            span.set_attribute("db.collection.name", table)
            if size is not None and size > 1:  # the conventions leave 1 out: it is no batch
                span.set_attribute("db.operation.batch.size", size)
        return span
    except Exception as error:
        report(error, "database call")
        return NO_SPAN


def summary(statement: str) -> tuple[str, str | None]:
    """(OPERATION, first table or None) of a statement, by its words: enough for a name of low cardinality."""
    words = _words(statement[:4096])
    if not words:
        return "", None
    operation = words[0].upper()
    if operation == "WITH":  # the statement proper follows the common table expressions
        later = [word.upper() for word in words]
        operation = next((word for word in later if word in ("INSERT", "UPDATE", "DELETE")), "SELECT")
    for index, word in enumerate(words[:-1]):
        if word.lower() in _BEFORE_TABLE:
            rest = [name for name in words[index + 1 :] if name.lower() not in _QUALIFIERS]
            if rest and rest[0] != "(" and rest[0].lower() != "select":
                return operation, rest[0].strip("\"`[]'") or None
    return operation, None


def _words(statement: str) -> list[str]:
    lines = [line.partition("--")[0] for line in statement.split("\n")]
    text = " ".join(lines).replace("(", " ( ").replace(")", " ) ").replace(",", " ").replace(";", " ")
    while (start := text.find("/*")) >= 0:
        end = text.find("*/", start)
        text = text[:start] + (" " + text[end + 2 :] if end >= 0 else "")
    return text.split()


def _batch_size(more: tuple[Any, ...]) -> int | None:
    try:
        return len(more[0])
    except (TypeError, IndexError):  # an iterator: its length is not known without consuming it
        return None
