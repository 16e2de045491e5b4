"""The collector's own numbers in Prometheus' text format. docs/collector.md lists them (a test compares)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from collector.api.telemetry import Facts
from collector.forward import ForwardStats

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]
Sample = tuple[Labels, float | None]  # None: not known yet, and left out


@dataclass(frozen=True, slots=True)
class Metric:
    """One family. `kind` is Prometheus': counter or gauge; names carry the unit."""

    name: str
    kind: str
    meaning: str
    samples: Callable[[Facts], Iterable[Sample]]


def _one(value: Callable[[Facts], float | None]) -> Callable[[Facts], Iterable[Sample]]:
    return lambda facts: [({}, value(facts))]


def _by(
    names: tuple[str, ...], values: Callable[[Facts], Mapping[Any, int]]
) -> Callable[[Facts], Iterable[Sample]]:
    return lambda facts: [(dict(zip(names, key)), value) for key, value in sorted(values(facts).items())]


def _quantiles(
    p50: Callable[[Facts], float | None], p99: Callable[[Facts], float | None]
) -> Callable[[Facts], Iterable[Sample]]:
    return lambda facts: [({"quantile": "0.5"}, p50(facts)), ({"quantile": "0.99"}, p99(facts))]


def _forward(value: Callable[[ForwardStats], float]) -> Callable[[Facts], Iterable[Sample]]:
    return lambda facts: [({}, value(facts.forward))] if facts.forward else []


def _forward_dropped(facts: Facts) -> Iterator[Sample]:
    for reason, count in (facts.forward.dropped if facts.forward else {}).items():
        yield {"reason": reason}, count


def _info(facts: Facts) -> list[Sample]:
    return [({"version": facts.version, "decoder": facts.decoder}, 1)]


def _rejected(facts: Facts) -> Iterator[Sample]:
    for reason, count in sorted(facts.ingest.rejected.items()):
        yield {"reason": reason}, count


def _files(facts: Facts) -> Iterator[Sample]:
    for name, size in facts.files.items():
        yield {"file": name}, size


METRICS = (
    Metric("tracekit_info", "gauge", "1, with the version and the decoder in use (c, python)", _info),
    Metric("tracekit_ready", "gauge", "1 if payloads are taken, as /readyz", _one(lambda f: not f.trouble)),
    Metric("tracekit_uptime_seconds", "gauge", "since the start", _one(lambda f: f.uptime_s)),
    Metric(
        "tracekit_requests_total",
        "counter",
        "requests answered, by protocol, signal and code",
        _by(("protocol", "signal", "code"), lambda f: f.requests),
    ),
    Metric(
        "tracekit_accepted_bytes_total",
        "counter",
        "inflated bytes acknowledged, by protocol and signal",
        _by(("protocol", "signal"), lambda f: f.taken_bytes),
    ),
    Metric(
        "tracekit_accepted_items_total",
        "counter",
        "spans, log records, data points acknowledged, by protocol and signal",
        _by(("protocol", "signal"), lambda f: f.taken_items),
    ),
    Metric("tracekit_rejected_items_total", "counter", "items left out of payloads, by reason", _rejected),
    Metric(
        "tracekit_refused_payloads_total",
        "counter",
        "payloads turned away for want of room",
        _one(lambda f: f.ingest.refused),
    ),
    Metric("tracekit_stored_items_total", "counter", "items committed", _one(lambda f: f.ingest.stored)),
    Metric(
        "tracekit_duplicate_items_total",
        "counter",
        "items sent again and not stored twice",
        _one(lambda f: f.ingest.duplicates),
    ),
    Metric(
        "tracekit_replayed_items_total",
        "counter",
        "items stored from the journal at the start",
        _one(lambda f: f.ingest.replayed),
    ),
    Metric(
        "tracekit_quarantined_payloads_total",
        "counter",
        "payloads set aside because the store would not take them",
        _one(lambda f: f.ingest.quarantined),
    ),
    Metric(
        "tracekit_unfinished_spans_closed_total",
        "counter",
        "running spans never heard of again, stored as failed",
        _one(lambda f: f.ingest.closed_unfinished),
    ),
    Metric(
        "tracekit_write_retries_total",
        "counter",
        "writes that failed and were tried again",
        _one(lambda f: f.ingest.retries),
    ),
    Metric("tracekit_queue_bytes", "gauge", "payloads being received", _one(lambda f: f.ingest.queue_bytes)),
    Metric("tracekit_queue_limit_bytes", "gauge", "the most of them", _one(lambda f: f.queue_limit_bytes)),
    Metric(
        "tracekit_waiting_bytes",
        "gauge",
        "memory of what is acknowledged and waits for its insert",
        _one(lambda f: f.ingest.waiting_bytes),
    ),
    Metric(
        "tracekit_journal_bytes",
        "gauge",
        "journal that no checkpoint covers yet",
        _one(lambda f: f.ingest.journal_bytes),
    ),
    Metric(
        "tracekit_journal_lag_bytes",
        "gauge",
        "of the journal: acknowledged and not inserted yet, what a start replays included",
        _one(lambda f: f.ingest.journal_end - f.ingest.inserted),
    ),
    Metric("tracekit_appends_total", "counter", "groups made durable", _one(lambda f: f.ingest.appends)),
    Metric(
        "tracekit_append_seconds",
        "gauge",
        "how long the last thousand took, by quantile",
        _quantiles(lambda f: f.ingest.append_p50_s, lambda f: f.ingest.append_p99_s),
    ),
    Metric("tracekit_commits_total", "counter", "commits of the store", _one(lambda f: f.ingest.commits)),
    Metric(
        "tracekit_commit_seconds",
        "gauge",
        "how long the last thousand took, by quantile",
        _quantiles(lambda f: f.ingest.commit_p50_s, lambda f: f.ingest.commit_p99_s),
    ),
    Metric(
        "tracekit_rollup_lag_spans",
        "gauge",
        "spans that should have been summed up by now: queries over hours read them one by one",
        _one(lambda f: f.rollup_lag),
    ),
    Metric(
        "tracekit_sampled_out_traces_total",
        "counter",
        "ordinary traces that tail sampling did not keep",
        _one(lambda f: f.sampled_out.traces),
    ),
    Metric(
        "tracekit_sampled_out_spans_total",
        "counter",
        "spans of these traces",
        _one(lambda f: f.sampled_out.spans),
    ),
    Metric("tracekit_file_bytes", "gauge", "size of what lies in the data folder, by file", _files),
    Metric("tracekit_disk_free_bytes", "gauge", "of the data folder", _one(lambda f: f.disk_free_bytes)),
    Metric(
        "tracekit_disk_floor_bytes",
        "gauge",
        "free disk below which writes are refused",
        _one(lambda f: f.disk_floor_bytes),
    ),
    Metric("tracekit_resident_memory_bytes", "gauge", "of the process", _one(lambda f: f.rss_bytes)),
    Metric("tracekit_cpu_seconds_total", "counter", "of the process", _one(lambda f: f.cpu_s)),
    Metric(
        "tracekit_forward_waiting_bytes",
        "gauge",
        "copies waiting for the other backend",
        _forward(lambda f: f.waiting_bytes),
    ),
    Metric(
        "tracekit_forwarded_payloads_total",
        "counter",
        "copies it has taken",
        _forward(lambda f: f.sent),
    ),
    Metric(
        "tracekit_forward_retries_total",
        "counter",
        "attempts that failed and are repeated",
        _forward(lambda f: f.retries),
    ),
    Metric(
        "tracekit_forward_dropped_payloads_total", "counter", "copies given up, by reason", _forward_dropped
    ),
)


def render(facts: Facts) -> bytes:
    """The whole page."""
    return "".join(_family(metric, facts) for metric in METRICS).encode()


def _family(metric: Metric, facts: Facts) -> str:
    lines = [
        f"{metric.name}{_labels(labels)} {_number(value)}\n"
        for labels, value in metric.samples(facts)
        if value is not None
    ]
    if not lines:
        return ""
    return f"# HELP {metric.name} {metric.meaning}\n# TYPE {metric.name} {metric.kind}\n{''.join(lines)}"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return repr(float(value)) if isinstance(value, float) else str(int(value))
