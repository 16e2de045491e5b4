"""Seeded traffic of a small shop made of functions, as decoded batches: what pages are tested with.

    storefront (http) -> catalogue (SQL, v2 asks once per row) -> shop database
               `-> checkout (http, v2 fails often) -> orders queue -> mailer (batches, links)
    thumbnailer (bucket), nightly (timer)

Instances live twenty minutes; the first call of each is cold and has its phases. The same seed and size
give the same spans.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from collector import jsonvalue
from collector.model import COLUMN_NAMES, SPAN_COLUMNS, Kind, Resource, SpanBatch, Status
from collector.storage.memory import MemoryStorage

MS, SECOND, MINUTE = 10**6, 10**9, 60 * 10**9
# 14 May 2024 12:00 UTC: pages are shown as of this moment.
NOW_NS = 1_715_688_000 * SECOND
Size = Literal["none", "little", "much"]
REQUESTS = {"none": 0, "little": 12, "much": 900}
_BLANKS: dict[str, Any] = {"text": "", "json": "", "bool": None, "i32": None}
_LIST_OF = "SELECT id FROM product WHERE shelf = ? ORDER BY rank LIMIT ?"
_ROWS_OF = "SELECT name, price FROM product WHERE id = ?"


@dataclass(slots=True)
class Function:
    """What one function runs on."""

    name: str
    platform: str
    versions: tuple[str, ...] = ("v1",)
    instances: int = 3


SHOP = {
    f.name: f
    for f in (
        Function("storefront", "gcp_cloud_functions", instances=4),
        Function("catalogue", "alibaba_cloud_fc", ("v1", "v2")),
        Function("checkout", "aws_lambda", ("v1", "v2"), 4),
        Function("mailer", "alibaba_cloud_fc"),
        Function("thumbnailer", "alibaba_cloud_fc"),
        Function("nightly", "aws_lambda", instances=1),
    )
}


def filled(size: Size, now_ns: int = NOW_NS, seed: int = 7, minutes: int = 55) -> MemoryStorage:
    """A memory engine that holds `size` traffic of the last `minutes`."""
    storage = MemoryStorage()
    storage.writer.write([Traffic(now_ns, seed, minutes).batch(size)])
    return storage


@dataclass(slots=True)
class Traffic:
    """Writes spans row by row; `batch` is the way in."""

    now_ns: int = NOW_NS
    seed: int = 7
    minutes: int = 55
    rows: list[dict[str, Any]] = field(default_factory=list)
    resources: dict[int, Resource] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    functions: dict[str, Function] = field(default_factory=lambda: dict(SHOP))
    random: random.Random = field(default_factory=random.Random)

    def batch(self, size: Size) -> SpanBatch:
        self.random.seed(self.seed)
        requests = REQUESTS[size]
        sent: list[tuple[str, int, int]] = []
        for start in self._starts(requests):
            sent += self.request(start)
            if len(sent) >= 3:
                self.mail(sent[:3])
                del sent[:3]
        for start in self._starts(requests // 4):
            self.thumbnail(start)
        for start in self._starts(requests // 12):
            self.nightly(start)
        if size == "much":
            self.crowd(94)
        return SpanBatch({c: [row[c] for row in self.rows] for c in COLUMN_NAMES}, self.resources)

    # ------------------------------------------------------------ journeys

    def request(self, start: int) -> list[tuple[str, int, int]]:
        """One visit of the shop. Returns the messages it sent: (trace, span id, end)."""
        trace, sent = self._trace(), []
        root = self.call(
            trace, "storefront", start, 0, "GET /products/{id}", "http", http_route="/products/{id}"
        )
        at = self.catalogue(trace, root["span_id"], root["start_ns"] + 3 * MS)
        if self.random.random() < 0.5:
            at, messages = self.checkout(trace, root["span_id"], at + 2 * MS)
            sent = messages
        self._end(root, at + 4 * MS)
        return sent

    def catalogue(self, trace: str, parent: int, start: int) -> int:
        client = self.client(trace, parent, start, "GET", "catalogue")
        call = self.call(trace, "catalogue", start + 2 * MS, client["span_id"], "GET /products", "http")
        at = self.sql(call, call["start_ns"] + MS, _LIST_OF, 6)
        for _ in range(8 if call["version"] == "v2" else 1):
            at = self.sql(call, at + MS // 4, _ROWS_OF, 2)
        self._end(call, at + MS)
        self._end(client, call["start_ns"] + call["duration_ns"] + 2 * MS)
        return int(client["start_ns"] + client["duration_ns"])

    def checkout(self, trace: str, parent: int, start: int) -> tuple[int, list[tuple[str, int, int]]]:
        client = self.client(trace, parent, start, "POST", "checkout")
        call = self.call(trace, "checkout", start + 2 * MS, client["span_id"], "POST /orders", "http")
        at = self.sql(
            call, call["start_ns"] + 2 * MS, "INSERT INTO purchase (product, amount) VALUES (?, ?)", 9
        )
        failed = self.random.random() < (0.18 if call["version"] == "v2" else 0.03)
        sent = [] if failed else [self.publish(call, at + MS)]
        self._end(call, at + 4 * MS)
        if failed:
            self._fail(call, "TimeoutError", "payment provider did not answer within 250 ms")
            self._fail(client, "500", "")
        self._end(client, call["start_ns"] + call["duration_ns"] + MS)
        return int(client["start_ns"] + client["duration_ns"]), sent

    def publish(self, call: dict[str, Any], start: int) -> tuple[str, int, int]:
        span = self.span(
            call["trace_id"], "checkout", start, call["span_id"], "orders send", Kind.PRODUCER, like=call,
            messaging_system="mns", messaging_destination="orders", peer_kind="queue", peer="orders",
        )  # fmt: skip
        self._end(span, start + self._spread(2 * MS))
        return span["trace_id"], span["span_id"], span["start_ns"] + span["duration_ns"]

    def mail(self, messages: list[tuple[str, int, int]]) -> None:
        """One consumer takes a batch: a trace of its own, linked to the producers."""
        start = max(end for _, _, end in messages) + self._spread(40 * MS)
        call = self.call(
            self._trace(), "mailer", start, 0, "orders process", "pubsub", Kind.CONSUMER,
            messaging_system="mns", messaging_destination="orders",
        )  # fmt: skip
        call["links"] = jsonvalue.dumps([{"trace_id": t, "span_id": f"{s:016x}"} for t, s, _ in messages])
        at = call["start_ns"] + 2 * MS
        for _ in messages:
            smtp = self.span(
                call["trace_id"], "mailer", at, call["span_id"], "POST /send", Kind.CLIENT, like=call,
                peer_kind="external", peer="mail.example.com", http_method="POST", http_status=202,
            )  # fmt: skip
            self._end(smtp, at + self._spread(35 * MS))
            at = smtp["start_ns"] + smtp["duration_ns"]
        self._end(call, at + MS)

    def thumbnail(self, start: int) -> None:
        call = self.call(self._trace(), "thumbnailer", start, 0, "thumbnail", "datasource", bucket="uploads")
        resize = self.span(
            call["trace_id"], "thumbnailer", call["start_ns"] + MS, call["span_id"], "resize", like=call
        )
        self._end(resize, resize["start_ns"] + self._spread(90 * MS))
        put = self.span(
            call["trace_id"], "thumbnailer", resize["start_ns"] + resize["duration_ns"], call["span_id"],
            "PUT thumbnails", Kind.CLIENT, like=call, peer_kind="bucket", peer="thumbnails",
        )  # fmt: skip
        self._end(put, put["start_ns"] + self._spread(15 * MS))
        self._end(call, put["start_ns"] + put["duration_ns"] + MS)

    def nightly(self, start: int) -> None:
        call = self.call(self._trace(), "nightly", start, 0, "nightly", "timer")
        at = self.sql(
            call, call["start_ns"] + MS, "SELECT shelf, sum(amount) FROM purchase GROUP BY shelf", 140
        )
        self._end(call, at + 5 * MS)

    def crowd(self, functions: int) -> None:
        """Many more functions, the later the rarer, so that lists are long."""
        for rank in range(1, functions + 1):
            name = f"team-{rank % 7}-worker-{rank:03d}"
            self.functions[name] = Function(name, "aws_lambda", instances=1)
            for start in self._starts(max(1, 60 // rank)):
                call = self.call(self._trace(), name, start, 0, "handler", "other")
                self._end(call, call["start_ns"] + self._spread(20 * MS))
                if self.random.random() < 0.02:
                    self._fail(call, "ValueError", "bad event")

    # ------------------------------------------------------------ spans

    def client(self, trace: str, parent: int, start: int, method: str, peer: str) -> dict[str, Any]:
        """The storefront's side of a call to another function."""
        name = f"{method} {peer}"
        return self.span(
            trace, "storefront", start, parent, name, Kind.CLIENT, http_method=method,
            peer_kind="function", peer=peer,
        )  # fmt: skip

    def call(
        self, trace: str, service: str, start: int, parent: int, name: str, trigger: str,
        kind: Kind = Kind.SERVER, **columns: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """A call of a function, after the phases of its cold start if it is its instance's first."""
        span = self.span(trace, service, start, parent, name, kind, trigger=trigger, **columns)
        span["coldstart"] = span["instance"] not in self.seen
        span["invocation_id"] = f"req-{span['span_id']:016x}"
        if span["coldstart"]:
            self.seen.add(span["instance"])
            span["start_ns"] += self.phases(span)
        return span

    def phases(self, call: dict[str, Any]) -> int:
        """The spans before a cold call; returns how long they took."""
        place = call["trace_id"], call["service"]
        whole = self.span(
            *place, call["start_ns"], call["span_id"], "cold start", like=call, phase="cold_start"
        )
        at = call["start_ns"]
        for phase, typical in (("runtime_init", 120), ("function_init", 260), ("initializer", 60)):
            part = self.span(*place, at, whole["span_id"], phase.replace("_", " "), like=call, phase=phase)
            self._end(part, at + self._spread(typical * MS))
            at = part["start_ns"] + part["duration_ns"]
        self._end(whole, at)
        return int(at - call["start_ns"])

    def sql(self, call: dict[str, Any], start: int, statement: str, typical_ms: float) -> int:
        span = self.span(
            call["trace_id"], call["service"], start, call["span_id"], statement.split()[0], Kind.CLIENT,
            like=call, db_system="sqlite", db_statement=statement, peer_kind="database", peer="shop",
        )  # fmt: skip
        self._end(span, start + self._spread(int(typical_ms * MS)))
        return int(span["start_ns"] + span["duration_ns"])

    def span(
        self, trace: str, service: str, start: int, parent: int, name: str, kind: Kind = Kind.INTERNAL,
        like: dict[str, Any] | None = None, **columns: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """A row of blanks with these columns set, of a random instance or of the one of `like`."""
        row: dict[str, Any] = {c.name: _BLANKS.get(c.type, 0) for c in SPAN_COLUMNS}
        place = {k: like[k] for k in _PLACE} if like else self._place(service, start)
        row.update(
            trace_id=trace, span_id=self.random.getrandbits(63) | 1, parent_span_id=parent, start_ns=start,
            kind=kind, status=Status.UNSET, service=service, name=name, scope="tracekit", flags=1,
            received_ns=start,
        )  # fmt: skip
        row.update(place)
        row.update(columns)
        row["attributes"] = jsonvalue.dumps({"code.function.name": f"{service}.{name}"})
        self.rows.append(row)
        return row

    def _place(self, service: str, start: int) -> dict[str, Any]:
        function = self.functions[service]
        version = self.random.choice(function.versions)
        life = (self.now_ns - start) // (20 * MINUTE)
        instance = f"{service}-{version}-{life}{self.random.randrange(function.instances)}"
        attributes = {
            "service.name": service, "service.version": version, "faas.instance": instance,
            "cloud.platform": function.platform, "cloud.region": "eu-central-1",
        }  # fmt: skip
        key = random.Random(instance).getrandbits(63)
        self.resources[key] = Resource(key, service, jsonvalue.dumps(attributes))
        return dict(zip(_PLACE, (key, version, instance, function.platform, "eu-central-1"), strict=True))

    def _end(self, span: dict[str, Any], end: int) -> None:
        span["duration_ns"] = max(0, int(end) - span["start_ns"])

    def _fail(self, span: dict[str, Any], error_type: str, message: str) -> None:
        span.update(status=Status.ERROR, error_type=error_type, status_message=message)
        event = {"time_ns": span["start_ns"] + span["duration_ns"], "name": "exception"}
        where = 'Traceback (most recent call last):\n  File "/app/main.py", line 42, in handler'
        attributes = {
            "exception.type": error_type,
            "exception.message": message,
            "exception.stacktrace": f"{where}\n{error_type}: {message}",
        }
        span["events"] = jsonvalue.dumps([event | {"attributes": attributes}])

    def _trace(self) -> str:
        return f"{self.random.getrandbits(127) | 1:032x}"

    def _spread(self, typical: int) -> int:
        """A duration around `typical` with the long tail that real ones have."""
        return int(typical * self.random.lognormvariate(0, 0.45))

    def _starts(self, number: int) -> Iterator[int]:
        oldest = self.now_ns - self.minutes * MINUTE
        moments = (oldest + self.random.randrange((self.minutes - 1) * MINUTE) for _ in range(number))
        return iter(sorted(moments))


_PLACE = ("resource_id", "version", "instance", "platform", "region")
