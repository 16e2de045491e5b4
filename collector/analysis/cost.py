"""What the calls of a trace cost on their platforms, and how much of that was spent while somebody waited.

An estimate from list prices: free quotas, tiers, discounts, network and storage are not in it. The unit is
whatever currency the prices are in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from collector.analysis.critical_path import Section
from collector.analysis.tree import Placed
from collector.model import Kind, Span

GIB = 2**30
MS = 10**6
BILLED = "tracekit.billed_duration_ms"
MEMORY = "faas.max_memory"


@dataclass(frozen=True, slots=True)
class Price:
    """Of one platform. A call costs `request`, and for each second that is billed `gb_second` for each GiB
    of its memory, and `vcpu_second` for each of its processors: `vcpus_per_gb` for each GiB, because senders
    do not tell how many there are. Time counts in whole steps of `step_ms`."""

    gb_second: float = 0.0
    request: float = 0.0
    vcpu_second: float = 0.0
    vcpus_per_gb: float = 0.0
    step_ms: float = 1.0

    @property
    def second_of_gb(self) -> float:
        """One second of a function of 1 GiB."""
        return self.gb_second + self.vcpu_second * self.vcpus_per_gb


# By cloud.platform, in US dollars, as published in 2025: Lambda on x86 in us-east-1, first tier; Function
# Compute outside mainland China at 0.00002 a CU, first tier: 75 CU for 10,000 calls, 0.15 for a GB-second,
# 1 for a vCPU-second. Its memory may be 1 to 4 GB for each vCPU; 2 are assumed.
DEFAULT_PRICES: dict[str, Price] = {
    "aws_lambda": Price(gb_second=0.0000166667, request=0.0000002),
    "alibaba_cloud_fc": Price(gb_second=0.000003, request=0.00000015, vcpu_second=0.00002, vcpus_per_gb=0.5),
}
CURRENCY = "USD"


def with_changes(changes: Iterable[tuple[str, Iterable[tuple[str, float]]]]) -> dict[str, Price]:
    """DEFAULT_PRICES with some parts of some platforms changed, and platforms added: (platform, (part,
    amount)...)."""
    prices = dict(DEFAULT_PRICES)
    for platform, parts in changes:
        prices[platform] = replace(prices.get(platform, Price()), **dict(parts))
    return prices


def cost_of(price: Price, gb_seconds: float, calls: int) -> float:
    """Of many calls of one platform together, from the sum over them of billed time times memory."""
    return gb_seconds * price.second_of_gb + calls * price.request


@dataclass(frozen=True, slots=True)
class FunctionCost:
    """Calls of one function in the trace. `critical` is the part of `cost` for the time in which the critical
    path ran through these calls. `memory_bytes` is the largest that was configured."""

    service: str
    platform: str
    calls: int
    billed_ns: int
    gb_seconds: float
    memory_bytes: int
    cost: float
    critical: float


@dataclass(frozen=True, slots=True)
class TraceCost:
    """`functions` by cost, most first; `unpriced` are calls without a price: (service, why, calls)."""

    functions: tuple[FunctionCost, ...]
    unpriced: tuple[tuple[str, str, int], ...]

    @property
    def cost(self) -> float:
        return math.fsum(function.cost for function in self.functions)

    @property
    def critical(self) -> float:
        return math.fsum(function.critical for function in self.functions)


def trace_cost(
    rows: Sequence[Placed], path: Iterable[Section], prices: Mapping[str, Price] = DEFAULT_PRICES
) -> TraceCost:
    """GB-seconds are the sum over calls of memory times billed time, never a product of averages."""
    calls = _invocations(rows)
    waited = _waited(rows, calls, path)
    bills: dict[tuple[str, str], list[_Bill]] = {}
    unpriced: dict[tuple[str, str], int] = {}
    for index in sorted(set(calls) - {-1}):
        span = rows[index].span
        memory, price = _number(span.resource.get(MEMORY)), prices.get(span.platform)
        if price is None or not memory:
            why = f"{MEMORY} was not sent" if price else f"no price for {span.platform or 'its platform'}"
            unpriced[span.service, why] = unpriced.get((span.service, why), 0) + 1
            continue
        bill = _bill(span, memory, price, waited.get(index, 0))
        bills.setdefault((span.service, span.platform), []).append(bill)
    functions = [_function(*key, members) for key, members in bills.items()]
    return TraceCost(
        tuple(sorted(functions, key=lambda f: (-f.cost, f.service, f.platform))),
        tuple((service, why, count) for (service, why), count in sorted(unpriced.items())),
    )


@dataclass(frozen=True, slots=True)
class _Bill:
    """One invocation."""

    billed_ns: int
    memory_bytes: int
    cost: float
    critical: float


def _bill(span: Span, memory: float, price: Price, waited_ns: int) -> _Bill:
    told = _number(span.attributes.get(BILLED))
    step = price.step_ms * MS
    billed = told * MS if told else max(math.ceil(span.duration_ns / step), 1) * step
    compute = billed / 1e9 * memory / GIB * price.second_of_gb
    # A platform that does not bill initialization makes a path longer than what is billed.
    share = min(1.0, waited_ns / billed)
    critical = compute * share + price.request if waited_ns else 0.0
    return _Bill(round(billed), round(memory), compute + price.request, critical)


def _function(service: str, platform: str, bills: list[_Bill]) -> FunctionCost:
    return FunctionCost(
        service=service,
        platform=platform,
        calls=len(bills),
        billed_ns=sum(bill.billed_ns for bill in bills),
        gb_seconds=math.fsum(bill.billed_ns / 1e9 * bill.memory_bytes / GIB for bill in bills),
        memory_bytes=max(bill.memory_bytes for bill in bills),
        cost=math.fsum(bill.cost for bill in bills),
        critical=math.fsum(bill.critical for bill in bills),
    )


def _invocations(rows: Sequence[Placed]) -> list[int]:
    """For each row the row of the invocation it is a part of, -1 for none.

    An invocation is a call of a function (SERVER, CONSUMER) that is not served inside another one: the
    server span of a web framework within the call belongs to the call, as both are in the same instance
    with nothing sent between them.
    """
    owners: list[int] = []
    branch: list[int] = []
    first: dict[int, int] = {}
    for index, row in enumerate(rows):
        del branch[row.depth :]
        above = branch[-1] if branch else -1
        inside = above >= 0 and rows[above].span.resource_id == row.span.resource_id
        owner = owners[above] if inside else -1
        sent = inside and rows[above].span.kind in (Kind.CLIENT, Kind.PRODUCER)
        if row.span.is_call and (owner < 0 or sent):
            owner = index
            first.setdefault(row.span.resource_id, index)
        owners.append(owner)
        branch.append(index)
    # The phases of a cold start stand beside its call, not below it.
    return [first.get(row.span.resource_id, -1) if owner < 0 else owner for row, owner in zip(rows, owners)]


def _waited(rows: Sequence[Placed], calls: Sequence[int], path: Iterable[Section]) -> dict[int, int]:
    """Nanoseconds of the critical path in each invocation."""
    owner = {row.span.span_id: call for row, call in zip(rows, calls)}
    found: dict[int, int] = {}
    for section in path:
        call = owner.get(section.span_id, -1)
        found[call] = found.get(call, 0) + section.end_ns - section.start_ns
    return found


def _number(value: object) -> float:
    """A positive finite number; 0 for anything else that a sender may have written."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return 0.0
    return float(value) if value > 0 else 0.0
