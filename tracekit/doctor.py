"""`tracekit doctor`: in plain words, where this process runs, what is configured and why, whether the
endpoint answers, and what a span looks like.

It asks the real parts: settings are read by Config, the endpoint gets an empty OTLP request from the exporter
that would be used, and the span is recorded by `@traced`.
"""

from __future__ import annotations

import argparse
import difflib
import os
import platform
import sys
import time

from tracekit import __version__, config, guard, pipeline
from tracekit.target import Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from tracekit.config import Config
    from tracekit.exporters import Encode
    from tracekit.exporters.base import Exporter
    from tracekit.span import Span

# The first variable that is set tells the platform; the wording says when spans leave there.
PLATFORMS = (
    ("AWS_LAMBDA_FUNCTION_NAME", "AWS Lambda", "spans leave after the response, before the next call"),
    ("FC_FUNCTION_NAME", "Function Compute", "spans leave inside the call: instances freeze afterwards"),
    ("FC_FUNC_CODE_PATH", "Function Compute", "spans leave inside the call: instances freeze afterwards"),
    ("FUNCTION_TARGET", "Google functions-framework", "spans leave inside the call"),
    ("K_SERVICE", "Knative or Cloud Run", "spans leave inside the call"),
    ("WEBSITE_SITE_NAME", "Azure Functions", "spans leave inside the call"),
    ("fprocess", "OpenFaaS", "spans leave inside the call"),
)
OURS, STANDARD = "TRACEKIT_", "OTEL_"


class Report:
    """Lines for people, and the problems that make the exit status 1."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.problems: list[str] = []

    def section(self, title: str) -> None:
        self.lines += ["", title]

    def fact(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def problem(self, text: str) -> None:
        self.problems.append(text)
        self.fact(f"PROBLEM: {text}")

    def text(self) -> str:
        count = len(self.problems)
        verdict = f"{count} problem{'s' * (count > 1)}, see above." if count else "Everything is fine."
        return "\n".join([*self.lines, "", verdict, ""])


class WatchedEnvironment(dict[str, str]):
    """An environment that remembers which variables were asked for."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__(env)
        self.asked: list[str] = []

    def get(self, name: str, default: Any = None) -> Any:
        if name not in self.asked:
            self.asked.append(name)
        return super().get(name, default)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `tracekit doctor`."""
    parser.add_argument(
        "--timeout",
        type=float,
        default=3.0,
        metavar="SECONDS",
        help="how long the endpoint may take to answer (default 3)",
    )


def main(argv: list[str]) -> int:
    """Runs `tracekit doctor ARGV`; 0 if all is well, 1 if there is a problem."""
    parser = argparse.ArgumentParser(prog="tracekit doctor", description=__doc__)
    add_arguments(parser)
    options = parser.parse_args(argv)
    report = Report()
    report.lines.append(f"tracekit {__version__} on Python {platform.python_version()}")
    tell_platform(report, os.environ)
    settings = tell_settings(report, os.environ)
    tell_opentelemetry(report)
    tell_endpoint(report, settings, options.timeout)
    tell_span(report, settings)
    tell_server(report)
    sys.stdout.write(report.text())
    return 1 if report.problems else 0


def tell_platform(report: Report, env: Mapping[str, str]) -> None:
    """Where this process runs, as its environment says."""
    report.section("Platform")
    for variable, name, flush in PLATFORMS:
        if env.get(variable):
            report.fact(f"{name} ({variable} is set): {flush}")
            break
    else:
        report.fact(
            "none that I know: a handler is recognised by its arguments, or say @traced(handler=True)"
        )
    from tracekit import bootstrap

    folder = bootstrap.__path__[0]
    active = folder in env.get("PYTHONPATH", "").split(os.pathsep)
    report.fact(f"zero-code start: {'on' if active else f'off; put {folder} on PYTHONPATH to use it'}")


def tell_server(report: Report) -> None:
    """Whether `tracekit serve` could run here, and how fast it would read."""
    from tracekit import serverfacts

    report.section("Server")
    for fact in serverfacts.facts():
        report.fact(fact)


def tell_settings(report: Report, env: Mapping[str, str]) -> Config:
    """Every setting with its value and where it comes from; what is wrong with the environment."""
    report.section("Settings")
    said = set(guard._said)
    watched = WatchedEnvironment(env)
    settings = config.Config(watched)
    shown = _flat(settings)  # reads what is read late, and may complain of it
    complaints = sorted(guard._said - said)
    sources = _sources(settings, watched)
    for name, value in shown:
        report.fact(f"{name:<28} {_shown(name, value):<36} {sources.get(name) or 'default'}")
    for complaint in complaints:
        report.problem(complaint)
    _tell_unread(report, env, watched.asked)
    if settings.disabled:
        report.problem("OTEL_SDK_DISABLED: nothing is recorded")
    return settings


def _sources(settings: Config, env: WatchedEnvironment) -> dict[str, str]:
    """Which variable each value comes from: the one without which it would be another."""
    found: dict[str, str] = {}
    for variable in [name for name in env.asked if name in env]:
        without = config.Config({name: value for name, value in env.items() if name != variable})
        for (name, value), (_, other) in zip(_flat(settings), _flat(without)):
            if value != other:
                found[name] = f"{found[name]}, {variable}" if name in found else variable
    return found


def _flat(settings: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """Every setting with its name; those that are objects with settings of their own (targets) one by one."""
    pairs: list[tuple[str, Any]] = []
    kind = type(settings)
    for slot in sorted(getattr(kind, "__slots__", kind.__annotations__)):
        if slot.startswith("_"):
            continue
        value = getattr(settings, slot)
        if isinstance(value, Target):
            pairs += _flat(value, f"{prefix}{slot}.")
        else:
            pairs.append((prefix + slot, value))
    return pairs


def _tell_unread(report: Report, env: Mapping[str, str], known: list[str]) -> None:
    """Variables that look like settings and are none: a misspelt one of ours is a problem."""
    from tracekit import serverfacts

    for name in sorted(set(env) - set(known)):
        if name in serverfacts.variables():
            report.fact(f"{name} is a setting of tracekit serve")
            continue
        close = difflib.get_close_matches(name, known, 1, 0.85)
        if name.startswith(OURS) or (name.startswith(STANDARD) and close):
            report.problem(f"{name} is no setting{f'; did you mean {close[0]}?' if close else ''}")
        elif name.startswith(STANDARD):
            report.fact(f"{name} is set and means nothing to tracekit itself")


def _shown(name: str, value: Any) -> str:
    if name.endswith("headers"):  # they hold keys
        return ", ".join([f"{key}=…" for key in value]) or "none"
    if isinstance(value, dict):
        return ", ".join([f"{key}={item}" for key, item in value.items()]) or "none"
    if isinstance(value, (tuple, frozenset)):
        return (
            ",".join(sorted(map(str, value)) if isinstance(value, frozenset) else map(str, value)) or "none"
        )
    if value is None or value == "":
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _without_password(value) if isinstance(value, str) else str(value)


def _without_password(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}{separator}…{at}{host}" if separator and at and "/" not in user else text


def tell_opentelemetry(report: Report) -> None:
    """Whether the bridge connects to the opentelemetry that is installed, if one is."""
    report.section("opentelemetry")
    try:
        from importlib.metadata import version

        import opentelemetry._logs
        import opentelemetry.metrics
        import opentelemetry.trace  # noqa: F401
    except ImportError:
        report.fact("not installed: nothing to connect")
        return
    from tracekit import otel

    otel.install_logs()
    otel.install_metrics()
    report.fact(f"opentelemetry-api {version('opentelemetry-api')} is installed")
    for problem in otel.problems:
        report.problem(problem)
    if not otel.problems:
        report.fact("its spans, logs and metrics and tracekit's go together")


def tell_endpoint(report: Report, settings: Config, timeout_s: float) -> None:
    """Whether what would be sent would arrive: an empty request, with the exporter that would be used."""
    report.section("Endpoint")
    _tell_spans_endpoint(report, settings, timeout_s)
    if settings.logs or settings.stdout:
        from tracekit.otlp_logs import encode as encode_logs

        _tell_target(report, settings.logs_target, encode_logs, "logs", timeout_s)
    if settings.metrics:
        from tracekit.otlp_metrics import encode as encode_metrics

        _tell_target(report, settings.metrics_target, encode_metrics, "metrics", timeout_s)


def _tell_target(report: Report, target: Target, encode: Encode, signal: str, timeout_s: float) -> None:
    if not target.url:
        report.fact(f"{signal} are not to be exported")
        return
    from tracekit.exporters import otlp

    exporter = otlp(target, encode, signal)
    _ask(report, exporter, target.url, _without_password(target.url), timeout_s)


def _tell_spans_endpoint(report: Report, settings: Config, timeout_s: float) -> None:
    if {*settings.exporter.split(",")} <= {"none", "memory", "console", "file"}:
        report.fact(f"OTEL_TRACES_EXPORTER is {settings.exporter}: nothing is sent over the network")
        return
    from tracekit.exporters import choose

    shown = _without_password(settings.endpoint)
    try:
        exporter = choose(settings)
    except Exception as error:  # an exporter that is not installed, a key file that is not there
        report.problem(f"the exporter cannot be made: {type(error).__name__}: {error}")
        return
    if exporter is not None:
        _ask(report, exporter, settings.endpoint, shown, timeout_s)


def _ask(report: Report, exporter: Exporter, endpoint: str, url: str, timeout_s: float) -> None:
    from tracekit.exporters.base import DONE

    began = time.monotonic()
    try:
        body, _ = exporter.encode([], {}, 0)
        result = exporter.send(body, began + timeout_s)
    except Exception as error:
        report.problem(f"{url}: {type(error).__name__}: {error}")
        return
    finally:
        exporter.close()
    took = (time.monotonic() - began) * 1000
    if result.outcome == DONE:
        report.fact(f"{url} took an empty OTLP request in {took:.0f} ms")
    else:
        reason = (result.message or result.outcome).replace(endpoint, url)
        report.problem(f"{url} did not take an empty OTLP request: {reason}")


def tell_span(report: Report, settings: Config) -> None:
    """A call recorded here and now, as it would be sent."""
    report.section("A span")
    from tracekit.exporters.memory import MemoryExporter

    memory = MemoryExporter()
    said = set(guard._said)
    recorder = pipeline.Pipeline(settings, memory)
    for complaint in sorted(guard._said - said):
        report.problem(complaint)
    pipeline.replace(recorder)
    try:
        _sample_call()
        recorder.flush(5.0)
    finally:
        pipeline.replace(None)
    spans = [span for span in memory.spans if (span.attributes or {}).get("tracekit.phase") == "invocation"]
    if not spans:
        report.fact(f"not this time: the sampler ({settings.sampler}) left it out")
    for line in _drawn(spans[:1], recorder.resource):
        report.fact(line)


def _sample_call() -> None:
    from tracekit.decorator import traced

    @traced(name="handler", handler=True)
    def handler(event: Any, context: Any) -> dict[str, int]:
        return {"statusCode": 200}

    headers = {"host": "shop.example", "traceparent": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"}
    handler({"httpMethod": "GET", "path": "/orders", "pathParameters": {}, "headers": headers}, None)


def _drawn(spans: Iterable[Span], resource: Mapping[str, Any]) -> Iterable[str]:
    from tracekit.exporters.plain import plain

    for span in spans:
        row = plain(span)
        yield f"{row['kind']} {row['name']!r}, {(span.end - span.start) / 1e6:.2f} ms, status {row['status']}"
        yield f"trace {row['trace_id']} span {row['span_id']} parent {row['parent_span_id']}"
        for key, value in row["attributes"].items():
            yield f"  {key} = {value!r}"
        yield "sent with the resource:"
        for key, value in resource.items():
            yield f"  {key} = {value!r}"
