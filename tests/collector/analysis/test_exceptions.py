"""One error is one place that fails in one way, whatever its lines, values and callers."""

from __future__ import annotations

import dataclasses

import pytest

from collector.analysis.exceptions import errors_of, fingerprint, own_frames
from collector.storage.base import ErrorVariant

PYTHON = """Traceback (most recent call last):
  File "/srv/shop/app.py", line 10, in handler
    pay(order)
  File "/srv/shop/pay.py", line 7, in pay
    session.get(url)
  File "/usr/lib/python3/site-packages/requests/api.py", line 2, in get
    raise Timeout
requests.Timeout: no answer"""
JAVA = """java.lang.IllegalStateException: no
\tat com.shop.Pay.pay(Pay.java:12)
\tat com.shop.App.handle(App.java:3)
Caused by: java.io.IOException: pipe
\tat com.shop.Wire.send(Wire.java:9)"""
NODE = """Error: no
    at pay (/srv/pay.js:4:11)
    at next (/srv/node_modules/express/router.js:9:1)
    at handler (/srv/app.js:2:3)"""


def variant(stacktrace: str = "", **changes: object) -> ErrorVariant:
    plain = ErrorVariant(
        "shop", "E", "no ?", 1, 10, 20, ("v1",), (1, 0), "no 1", stacktrace, "t", "s", "handler"
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "stacktrace, frames",
    [
        (PYTHON, ["/srv/shop/pay.py:7:pay", "/srv/shop/app.py:10:handler"]),
        (f"{JAVA}", ["Pay.java:12:com.shop.Pay.pay", "App.java:3:com.shop.App.handle"]),
        (NODE, ["/srv/pay.js:4:pay", "/srv/app.js:2:handler"]),
        ("", []),
        ("what is this", []),
    ],
)
def test_frames_of_own_code_stand_innermost_first(stacktrace: str, frames: list[str]) -> None:
    assert [f"{f.file}:{f.number}:{f.function}" for f in own_frames(stacktrace)] == frames


def test_of_chained_exceptions_the_one_that_left_the_span_counts() -> None:
    chained = (
        'Traceback (most recent call last):\n  File "a.py", line 1, in cause\nKeyError: 1\n\n'
        "During handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "b.py", line 2, in effect\nE: no'
    )
    assert [frame.function for frame in own_frames(chained)] == ["effect"]


def test_a_stack_of_libraries_only_is_better_than_none() -> None:
    stack = 'Traceback (most recent call last):\n  File "/x/site-packages/y.py", line 1, in z\nE: no'
    assert [frame.function for frame in own_frames(stack)] == ["z"]


def test_line_numbers_and_callers_far_away_do_not_make_another_error() -> None:
    moved = PYTHON.replace("line 7", "line 70")
    deep = 'Traceback (most recent call last):\n  File "m.py", line 1, in {}\n  ' + "\n".join(
        PYTHON.splitlines()[1:]
    ).replace("handler", "middle")
    nested = [deep.format(caller).replace('/app.py", line 10, in', '/app.py", line 1, in') for caller in "ab"]
    assert fingerprint(variant(PYTHON)) == fingerprint(variant(moved))
    # Three frames count: here the third one differs.
    assert fingerprint(variant(nested[0])) != fingerprint(variant(nested[1]))


@pytest.mark.parametrize(
    "change", [{"service": "x"}, {"type": "F"}, {"pattern": "yes"}, {"stacktrace": NODE}]
)
def test_another_function_type_message_or_place_is_another_error(change: dict[str, str]) -> None:
    assert fingerprint(variant(PYTHON)) != fingerprint(variant(**({"stacktrace": PYTHON} | change)))


def test_variants_of_one_error_are_counted_together() -> None:
    early = variant(PYTHON, count=2, counts_by_bucket=(2, 0), first_ns=5, last_ns=6, versions=("v2",))
    late = variant(PYTHON.replace("line 7", "line 8"), message="no 2")
    other = variant(NODE, count=9, counts_by_bucket=(9, 0))
    most, error = errors_of([early, late, other])
    assert most.count == 9
    assert (error.count, error.first_ns, error.last_ns) == (3, 5, 20)
    assert (error.versions, error.counts_by_bucket) == (("v1", "v2"), (3, 0))
    assert error.example == late
    assert error.culprit is not None and (error.culprit.file, error.culprit.number) == ("/srv/shop/pay.py", 8)


def test_text_no_encoding_holds_still_has_a_fingerprint() -> None:
    assert len(fingerprint(variant("\ud800", pattern="\udfff"))) == 16
