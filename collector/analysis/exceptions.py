"""Failures put together into errors: one error is one place in the code that fails in one way.

Pure functions over what the store tells apart already (ErrorsQuery). The fingerprint is made of function,
exception type, the message without its values, and the innermost frames of the function's own code without
their line numbers, so that an edit elsewhere in the file does not make a new error of an old one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from collector.analysis.stacktrace import PYTHON, StackLine, parse
from collector.storage.base import ErrorVariant

# So many of the innermost frames tell two places apart; more would tell apart the ways that lead there.
FRAMES = 3


@dataclass(frozen=True, slots=True)
class Error:
    """One error over a window: variants with equal fingerprints, counted together.

    `culprit` is the innermost frame of the function's own code of the latest example, None without one.
    `variants` are what was put together, the latest first."""

    fingerprint: str  # 16 hex digits
    service: str
    type: str
    pattern: str
    count: int
    first_ns: int
    last_ns: int
    versions: tuple[str, ...]  # sorted
    counts_by_bucket: tuple[int, ...]
    culprit: StackLine | None
    variants: tuple[ErrorVariant, ...]

    @property
    def example(self) -> ErrorVariant:
        """The latest variant: its message, stack trace and span stand for the error."""
        return self.variants[0]


def errors_of(variants: Iterable[ErrorVariant]) -> list[Error]:
    """By count, most first, then the latest first, then by fingerprint."""
    together: dict[str, list[ErrorVariant]] = defaultdict(list)
    for variant in variants:
        together[fingerprint(variant)].append(variant)
    found = [_error(fingerprint, members) for fingerprint, members in together.items()]
    return sorted(found, key=lambda error: (-error.count, -error.last_ns, error.fingerprint))


def fingerprint(variant: ErrorVariant) -> str:
    """The same for failures of the same place in the same way, in every version of the function."""
    frames = [f"{frame.file}:{frame.function}" for frame in own_frames(variant.stacktrace)[:FRAMES]]
    parts = (variant.service, variant.type, variant.pattern, *frames)
    return blake2b("\0".join(parts).encode(errors="replace"), digest_size=8).hexdigest()


def own_frames(stacktrace: str) -> list[StackLine]:
    """Frames of the function's own code, innermost first; of all code where none is its own.

    Of a chain of exceptions the last part printed in Python, and the first in other languages, is what the
    span ended with."""
    python = stacktrace.rfind(PYTHON)
    lines = parse(stacktrace[python:] if python >= 0 else _first_of_chain(stacktrace))
    frames = [line for line in lines if line.file]
    if python >= 0:
        frames.reverse()
    return [frame for frame in frames if not frame.library] or frames


def _first_of_chain(stacktrace: str) -> str:
    return stacktrace.partition("\nCaused by: ")[0]


def _error(fingerprint: str, variants: list[ErrorVariant]) -> Error:
    ordered = sorted(variants, key=lambda v: (-v.last_ns, v.example_trace_id, v.example_span_id))
    latest = ordered[0]
    return Error(
        fingerprint=fingerprint,
        service=latest.service,
        type=latest.type,
        pattern=latest.pattern,
        count=sum(v.count for v in variants),
        first_ns=min(v.first_ns for v in variants),
        last_ns=latest.last_ns,
        versions=tuple(sorted({version for v in variants for version in v.versions})),
        counts_by_bucket=tuple(map(sum, zip(*(v.counts_by_bucket for v in variants)))),
        culprit=next(iter(own_frames(latest.stacktrace)), None),
        variants=tuple(ordered),
    )
