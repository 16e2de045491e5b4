"""No secret survives masking, and masking survives any input."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracekit.redact import KEYS, MASK, Redactor, is_card

REDACTOR = Redactor(["shop-pin"])
ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def luhn(prefix: str) -> str:
    return next(prefix + digit for digit in "0123456789" if is_card(prefix + digit))


def of(alphabet: str, low: int, high: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=low, max_size=high)


cards = st.builds(lambda first, rest: luhn(first + rest), st.sampled_from("23456"), of("0123456789", 14, 14))
grouped = st.builds(
    lambda card, gap: gap.join([card[0:4], card[4:8], card[8:12], card[12:]]), cards, st.sampled_from(" -")
)
jwt = st.builds(
    lambda body, mark: f"eyJhbGciOiJIUzI1NiJ9.{body}.{mark}", of(ALNUM, 10, 90), of(ALNUM + "-_", 10, 50)
)
aws_id = st.builds("AKIA{}".format, of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16, 16))
alibaba_id = st.builds("LTAI{}".format, of(ALNUM, 12, 20))
mixed = of(ALNUM, 27, 27).map("aZ7{}".format)
aws_secret = of(ALNUM + "/+", 37, 37).map("aZ7{}".format)
bearer = st.builds("Bearer {}".format, of(ALNUM + "-._~", 8, 60))
basic = of(ALNUM, 4, 20).map(lambda word: "Basic " + base64.b64encode(f"user:{word}".encode()).decode())
url = of(ALNUM, 6, 20).map("postgres://shop:{}@db/x".format)
patterned = cards | grouped | jwt | aws_id | alibaba_id | mixed | aws_secret | bearer | basic | url

harmless = st.sampled_from(["order", "id", "Items", "x_y", "body", "n"])
words = st.sampled_from(["", "paid with ", "see: ", "<", "a=b&c=", "\n", "GET /x?"])
after = st.sampled_from(["", " today", ">", "\n", ", then", '"'])
secret_names = st.builds(
    lambda key, style: style(key),
    st.sampled_from([*KEYS, "shop_pin", "x-amz-security-token", "user_password", "API-Key"]),
    st.sampled_from([str.upper, str.title, "my_{}".format, "{}-2".format, "{}".format]),
)
plain = (
    st.text(max_size=20) | st.integers() | st.floats() | st.booleans() | st.none() | st.binary(max_size=20)
)
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner)
)


def core(secret: str) -> str:
    """The part of a generated secret that must not be seen."""
    word = secret.rpartition(":")[2].partition("@")[0] if "://" in secret else secret.rpartition(" ")[2]
    return secret if secret.replace(" ", "").isdigit() else word


def wrap(value: Any, path: list[str]) -> Any:
    for step in path:
        value = [value, 1] if step == "list" else json.dumps(value) if step == "json" else {step: value}
    return value


paths = st.lists(st.sampled_from(["list", "json", "order", "items"]), max_size=4)


@settings(deadline=None, max_examples=300)
@given(patterned, words, after, paths)
def test_what_looks_like_a_secret_does_not_survive(
    secret: str, before: str, behind: str, path: list[str]
) -> None:
    shown = json.dumps(REDACTOR.value(wrap(before + secret + behind, path), 10_000), ensure_ascii=False)
    assert core(secret) not in shown and MASK in shown


@settings(deadline=None, max_examples=300)
@given(secret_names, of("abcdefghjk-", 6, 30).map("qz{}".format), paths)
def test_what_stands_under_a_secret_name_does_not_survive(name: str, secret: str, path: list[str]) -> None:
    for value in (
        {name: secret},
        {name: [secret]},
        {name: {"a": secret}},
        f"{name}={secret}",
        f'"{name}": "{secret}"',
    ):
        shown = json.dumps(REDACTOR.value(wrap(value, path), 10_000))
        assert secret not in shown and MASK in shown


@settings(deadline=None, max_examples=200)
@given(cards, st.integers(0, 400), st.integers(20, 300))
def test_a_cut_does_not_let_half_a_secret_through(card: str, at: int, length: int) -> None:
    shown = REDACTOR.text("x " * (at // 2) + card + " " + "y" * 600, length)
    assert card[:13] not in shown


@settings(deadline=None)
@given(values, st.integers(1, 500))
def test_any_value_is_shown_within_its_length(value: Any, length: int) -> None:
    shown = json.dumps(REDACTOR.value(value, length), allow_nan=False)
    assert len(json.loads(shown) if isinstance(json.loads(shown), str) else shown) <= 30 * length + 1000


@pytest.mark.parametrize(
    "text",
    [
        "basic functions of a token bucket: see chapter 12",
        "order 1234567890123 at 1700000000000",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "550e8400-e29b-41d4-a716-446655440000",
        "1-65dd9ece-123e1745-e6b2fe71423f",
        "task-0123456789abcdefghij",
        '{"items": [1, 2, 3], "total": 12.5}',
        "http://shop:8080/path@x",
    ],
)
def test_harmless_text_stays(text: str) -> None:
    assert REDACTOR.text(text, 1000) == text or "token" in text


def test_masking_keeps_the_rest_readable() -> None:
    event = {
        "headers": {"Authorization": "Bearer abc.def", "Accept": "*/*"},
        "body": '{"user": "ann", "password": "hunter2", "card": "4111 1111 1111 1111"}',
        "total": 12.5,
        "ok": True,
        "token": None,
    }
    assert REDACTOR.value(event, 1000) == {
        "headers": {"Authorization": MASK, "Accept": "*/*"},
        "body": {"user": "ann", "password": MASK, "card": MASK},
        "total": 12.5,
        "ok": True,
        "token": None,
    }
    line = "login user=ann password='two words' from 10.0.0.1\ncookie: a=1; b=2\nnext"
    assert (
        REDACTOR.text(line, 1000) == f"login user=ann password='{MASK}' from 10.0.0.1\ncookie: {MASK}\nnext"
    )


def test_encoded_bodies_and_objects_are_named_only() -> None:
    event = {"isBase64Encoded": True, "body": "c2VjcmV0", "raw": b"\xff\x00", "thing": object()}
    assert REDACTOR.value(event, 1000) == {
        "isBase64Encoded": True,
        "body": "<base64, 8 characters>",
        "raw": "<2 bytes>",
        "thing": "<object>",
    }


def test_a_private_key_is_masked_to_its_end() -> None:
    text = "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK\n-----END RSA PRIVATE KEY-----\nb"
    assert "MIIEow" not in REDACTOR.text(text, 1000) and REDACTOR.text(text, 1000).endswith("\nb")
    assert "MIIEow" not in REDACTOR.text(text[:50], 1000)


def test_deep_cyclic_and_wide_values_end() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    deep: Any = {}
    for _ in range(100_000):
        deep = {"a": deep}
    shown = REDACTOR.value({"cycle": cycle, "deep": deep, "wide": {str(n): n for n in range(10_000)}}, 2000)
    assert len(json.dumps(shown)) < 10_000
    assert REDACTOR.text("[" * 100_000, 1000)
    assert REDACTOR.value("[" * 30_000, 10_000)


ADVERSARIAL = [
    "eyJ", "1 ", "1", "4", "a", "a=", "a:", "password", "password=", 'password="', "://", "://a:", "bearer ",
    "bearer  ", "basic ", "AKIA", "-", "\\", '\\"', '"', "STS.", "PRIVATE KEY-----", "eyJ.", "sk-", "a.",
    "\n", "[", '{"a":',
]  # fmt: skip


@pytest.mark.parametrize("unit", ADVERSARIAL)
def test_time_grows_with_the_text_and_no_faster(unit: str) -> None:
    # Four times the text may take four times the time, sixteen if it were quadratic. The bound lies between,
    # and what is too quick to compare passes.
    small, large = (best_of_three(unit * (size // len(unit))) for size in (50_000, 200_000))
    assert large < 0.25 or large < 9 * small


def best_of_three(text: str) -> float:
    times = []
    for _ in range(3):
        began = time.thread_time()
        REDACTOR.text(text, len(text))
        times.append(time.thread_time() - began)
    return min(times)
