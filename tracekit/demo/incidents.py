"""Five incidents to find on the dashboards: each begins within the hour before `now_ns`, after a calm one.

They are seeded, so that a test can walk the way from the overview to each cause.
"""

from __future__ import annotations

from tracekit.demo.history import MIB, MINUTE, MS, SECOND, History, Instance
from tracekit.span import CLIENT, CONSUMER, PRODUCER, Span

# The calm hour is compared with the bad one; a little more, so that the store holds all of it.
BEFORE_NS = 122 * MINUTE
HOUR_NS = 60 * MINUTE

STATEMENT = "SELECT id, total FROM orders WHERE customer = 7 ORDER BY created DESC LIMIT 20"
SLOW_STATEMENT = "SELECT id, total FROM orders WHERE lower(note) LIKE '%gift%' ORDER BY created DESC"
QUEUE = "outgoing-mail"
HEAVY_IMPORT = "pandas"
FAULTY_LINE = 'File "/code/webhook.py", line 58, in amount_of'


def incidents(now_ns: int, seed: int = 1) -> bytes:
    """An OTLP request with all of them, of the two hours up to `now_ns`."""
    history = History(seed)
    for incident in (slow_sql, heavy_import, queue_behind, exception_wave, memory_leak):
        incident(history, now_ns)
    return history.body()


def slow_sql(history: History, now_ns: int) -> None:
    """`order-history` 2, deployed 25 minutes ago, searches notes, which no index serves."""
    for start in history.moments(now_ns - BEFORE_NS, now_ns - MINUTE, 20 * SECOND):
        version = "2" if start > now_ns - 25 * MINUTE else "1"
        sender = Instance("order-history", f"order-history-{version}-a", version)
        slow = version == "2"
        took = history.about((900 if slow else 9) * MS)
        call = history.call(sender, "GET /orders", start, took + 6 * MS, http_route="/orders")
        history.span(
            sender, "SELECT orders", start + 2 * MS, took, CLIENT, call,
            db_system_name="postgresql", db_namespace="orders",
            db_query_text=SLOW_STATEMENT if slow else STATEMENT,
        )  # fmt: skip


def heavy_import(history: History, now_ns: int) -> None:
    """`invoice-pdf` 2 imports pandas to format one date: its starts take seconds instead of half of one."""
    for number, start in enumerate(history.moments(now_ns - BEFORE_NS, now_ns - MINUTE, 3 * MINUTE)):
        heavy = start > now_ns - HOUR_NS
        sender = Instance("invoice-pdf", f"invoice-pdf-{number}", "2" if heavy else "1")
        call = history.call(
            sender, "render invoice", start, history.about(70 * MS), faas_trigger="http", faas_coldstart=True
        )
        _cold_start(history, sender, call.start, call, heavy)
        for later in range(3):
            history.call(sender, "render invoice", start + (20 + 20 * later) * SECOND, history.about(70 * MS))


def _cold_start(history: History, sender: Instance, end: int, call: Span, heavy: bool) -> None:
    runtime, function = history.about(110 * MS), history.about((2_600 if heavy else 240) * MS)
    begin = end - runtime - function - MS
    whole = history.span(sender, "ColdStart", begin, end - begin, parent=call, tracekit_phase="cold_start")
    history.span(sender, "RuntimeInitialization", begin, runtime, parent=whole, tracekit_phase="runtime_init")
    lines = _imports(function // 1000, heavy)
    history.span(
        sender, "FunctionInitialization", begin + runtime, function, parent=whole,
        tracekit_phase="function_init",
        tracekit_imports="\n".join(lines), tracekit_imports_count=len(lines),
        tracekit_imports_duration__ms=function * 0.97 / MS,
    )  # fmt: skip


def _imports(total_us: int, heavy: bool) -> list[str]:
    """As `tracekit.imports` has them: depth, module, with what it imports, itself, KiB."""
    pdf, boot = 140_000, 60_000
    rows = [(0, "invoice", total_us * 97 // 100, 4_000, 900), (1, "reportlab.pdfgen", pdf, 90_000, 9_000)]
    rows += [(2, "reportlab.pdfbase", 50_000, 50_000, 4_000), (1, "jinja2", boot, 41_000, 3_100)]
    if heavy:
        rest = total_us * 97 // 100 - pdf - boot - 4_000
        rows += [
            (1, HEAVY_IMPORT, rest, rest * 2 // 10, 38_000),
            (2, "numpy", rest * 25 // 100, rest * 25 // 100, 26_000),
            (2, "pandas.core.api", rest * 55 // 100, rest * 35 // 100, 31_000),
            (3, "pandas.core.arrays", rest * 20 // 100, rest * 20 // 100, 9_000),
        ]
    return [" ".join(map(str, row)) for row in rows]


def queue_behind(history: History, now_ns: int) -> None:
    """`newsletter` sends more than `mail-sender` takes: what waited under a second waits ever longer."""
    for start in history.moments(now_ns - BEFORE_NS, now_ns - 4 * MINUTE, 20 * SECOND):
        late = max(start - (now_ns - 50 * MINUTE), 0)
        sender = Instance("newsletter", "newsletter-a", team="marketing")
        taker = Instance("mail-sender", "mail-sender-a", team="marketing")
        call = history.call(sender, "POST /campaigns", start, 12 * MS, http_route="/campaigns")
        queue = {"messaging_system": "rocketmq", "messaging_destination_name": QUEUE}
        sent = history.span(sender, f"{QUEUE} send", start + 3 * MS, 2 * MS, PRODUCER, call, **queue)
        delay = history.about(300 * MS + late / 25)
        taken = history.call(
            taker, f"{QUEUE} process", sent.end + delay, history.about(380 * MS), CONSUMER, **queue,
            faas_trigger="pubsub", tracekit_queue__delay__ms=delay // MS,
        )  # fmt: skip
        history.link(taken, sent)


def exception_wave(history: History, now_ns: int) -> None:
    """Payments in a new currency arrive 18 minutes ago, and `payment-webhook` knows no factor for it."""
    sender = Instance("payment-webhook", "payment-webhook-a", "7", "aws_lambda", 256, "payments")
    for start in history.moments(now_ns - BEFORE_NS, now_ns - MINUTE, 12 * SECOND):
        wave = start > now_ns - 18 * MINUTE and history.random.random() < 0.45
        call = history.call(sender, "POST /webhook", start, history.about(24 * MS), http_route="/webhook")
        if wave:
            history.fail(call, "KeyError", "'XTS'", _STACK)


_STACK = f"""Traceback (most recent call last):
  File "/code/webhook.py", line 31, in handler
    amount = amount_of(event["payment"])
  {FAULTY_LINE}
    return payment["cents"] * FACTORS[payment["currency"]]
KeyError: 'XTS'
"""


def memory_leak(history: History, now_ns: int) -> None:
    """`image-cache` 4 keeps every image it has seen; 3 did not."""
    for name in ("a", "b"):
        grown = 0.0
        for start in history.moments(now_ns - BEFORE_NS, now_ns - MINUTE, 25 * SECOND):
            leaking = start > now_ns - 55 * MINUTE
            version = "4" if leaking else "3"
            grown += history.random.uniform(1.5, 3.5) if leaking else 0
            memory = 140 + grown + history.random.uniform(0, 6)
            history.call(
                Instance("image-cache", f"image-cache-{version}-{name}", version),
                "GET /images/{name}", start, history.about(40 * MS),
                faas_mem__usage=round(memory * MIB), http_route="/images/{name}",
            )  # fmt: skip
