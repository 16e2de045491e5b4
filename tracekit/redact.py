"""Takes secrets out of what is captured: by the name they stand under, and by what they look like.

Masking too much is the lesser evil, so names are compared by their parts and long tokens by their make-up.
Every pattern is linear in the length of the text: it starts at fixed letters or where a run begins, its
repetitions are bounded or possessive, and no two of them compete for the same characters.

This loads `re`, so it is imported only by what is off by default.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from re import Match
    from typing import Any

MASK = "***"
CUT = "…"
MAX_DEPTH = 8
MAX_ITEMS = 64
# What is looked at beyond what is kept, so that a secret across the cut is seen whole.
_MARGIN = 256

# Parts of names, without separators and in lower case.
KEYS = (
    "password", "passwd", "passphrase", "pwd", "secret", "token", "authorization", "apikey", "accesskey",
    "privatekey", "credential", "cookie", "sessionid", "signature", "cardnumber", "cvv", "cvc", "iban", "ssn",
)  # fmt: skip

_SEPARATORS = str.maketrans("", "", "-_. ")
_URL_USER = re.compile(r"(://[^\s/:@]{0,256}:)[^\s/@]{1,512}@")
_PRIVATE_KEY = "PRIVATE KEY-----"
_SCHEME = re.compile(r"(?i)(bearer|basic)([ \t]{1,8})([^\s\"',;]++)")
_NAMED = re.compile(
    r"(?<![A-Za-z0-9_.\-])([A-Za-z0-9_.\-]++)(\\{0,4}[\"']?[ \t]{0,4}[=:][ \t]{0,4}(\\{0,4}[\"'])?)"
)
_PLAIN_VALUE = re.compile(r"[^\s\"'&,;]*+")
_LINE = re.compile(r"[^\r\n\"'{}]*+")
_RUN = re.compile(r"[A-Za-z0-9_.+/=~\-]{16,}+")
_KEY_IDS = re.compile(
    r"(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA)[A-Z0-9]{12,}+"
    r"|(?:LTAI|STS\.)[A-Za-z0-9]{12,}+"
    r"|gh[pousr]_[A-Za-z0-9]{20,}+|github_pat_[A-Za-z0-9_]{20,}+|xox[abeoprs]-[A-Za-z0-9-]{10,}+"
    r"|(?<![A-Za-z0-9])sk[-_][A-Za-z0-9_-]{16,}+|AIza[A-Za-z0-9_-]{30,}+"
)
_WORD = re.compile(r"[A-Za-z0-9/+]{30,}+")
_NUMBER = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){12,}+")
_SECRET_LENGTHS = (30, 40)  # of Alibaba's and of AWS's access key secrets


class Redactor:
    """Masks values. `keys` are added to the names that hold secrets."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        added = [_flat(key) for key in keys]
        self._keys = (*KEYS, *[key for key in added if key])

    def is_secret(self, name: str) -> bool:
        """Whether what stands under this name is a secret."""
        flat = _flat(name)
        return any(key in flat for key in self._keys)

    def value(self, value: Any, max_length: int) -> Any:
        """A copy of `value` made of dicts, lists and scalars, masked, holding about `max_length` characters
        at most. What does not fit becomes `…`. JSON inside text is masked as what it says."""
        return _Walk(self, max_length).value(value, 0)

    def text(self, text: str, max_length: int) -> str:
        """The text with everything masked that looks like a secret, cut to `max_length` characters."""
        seen = text[: max_length + _MARGIN]
        cut = len(seen) < len(text)
        if cut:
            seen = _without_last_run(seen)
        seen = _private_keys(seen)
        seen = _URL_USER.sub(rf"\1{MASK}@", seen)
        seen = _SCHEME.sub(_scheme, seen)
        seen = self._named(seen)
        seen = _RUN.sub(_run, seen)
        seen = _NUMBER.sub(_number, seen)
        return seen[:max_length] + CUT if cut or len(seen) > max_length else seen

    def parameters(self, statement: str, parameters: Any, max_length: int) -> tuple[list[str], list[Any]]:
        """Names and masked values of a statement's parameters. Those without names may be anything the
        statement speaks of, so all of them are masked where it names a secret (`SET password = ?`)."""
        if isinstance(parameters, dict):
            masked = self.value(parameters, max_length)
        elif not isinstance(parameters, (list, tuple)):
            return [], []  # an iterator: reading it would consume it
        else:
            hidden = any(self.is_secret(word) for word in re.findall(r"[A-Za-z0-9_]++", statement[:65536]))
            kept = [MASK if hidden else self.value(item, max_length) for item in parameters[:MAX_ITEMS]]
            masked = {str(index): item for index, item in enumerate(kept)}
        return list(masked), [item if item is None else str(item) for item in masked.values()]

    def _named(self, text: str) -> str:
        """Masks what follows `password=`, `"token": "` and the like."""
        parts: list[str] = []
        done = 0
        found = _NAMED.search(text)
        while found is not None:
            end = found.end()
            if self.is_secret(found[1]):
                value_end = _value_end(text, end, found)
                parts += (text[done:end], MASK if value_end > end else "")
                done = end = value_end
            found = _NAMED.search(text, end)
        return "".join(parts) + text[done:]


class _Walk:
    """One value being copied, with what is left of its length."""

    def __init__(self, redactor: Redactor, max_length: int) -> None:
        self._redactor = redactor
        self._left = max_length

    def value(self, value: Any, depth: int) -> Any:
        if self._left <= 0 or depth > MAX_DEPTH:
            return CUT
        self._left -= 4
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return self._number(value)
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._bytes(value, depth)
        if isinstance(value, str):
            return self._text(str.__str__(value), depth)
        if isinstance(value, dict):
            return self._mapping(value, depth)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._list(value, depth)
        return f"<{type(value).__name__}>"

    def _number(self, value: Any) -> Any:
        if isinstance(value, float):
            return float.__float__(value) if value - value == 0 else str(float.__float__(value))
        if value.bit_length() > 64:
            return f"<integer of {value.bit_length()} bits>"
        return MASK if is_card(str(int(value))) else int(value)

    def _bytes(self, value: Any, depth: int) -> Any:
        try:
            text = bytes(value[: 4 * (self._left + _MARGIN)]).decode()
        except UnicodeDecodeError:
            return f"<{len(value)} bytes>"
        return self._text(text, depth)

    def _text(self, text: str, depth: int) -> Any:
        parsed = _json(text) if len(text) <= 16 * self._left else None
        if parsed is not None:
            return self.value(parsed, depth + 1)
        masked = self._redactor.text(text, self._left)
        self._left -= len(masked)
        return masked

    def _mapping(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        encoded = value.get("isBase64Encoded") is True
        out: dict[str, Any] = {}
        for (key, item), number in zip(value.items(), range(MAX_ITEMS + 1)):
            if self._left <= 0 or number == MAX_ITEMS:
                out[CUT] = f"{len(value) - len(out)} more"
                break
            name = key if isinstance(key, str) else str(key) if isinstance(key, int) else type(key).__name__
            secret = self._redactor.is_secret(name)
            shown = self._redactor.text(name, 128)
            self._left -= len(shown)
            if secret and item is not None and not isinstance(item, bool):
                out[shown] = MASK
            elif encoded and name == "body" and isinstance(item, str):
                out[shown] = f"<base64, {len(item)} characters>"
            else:
                out[shown] = self.value(item, depth + 1)
        return out

    def _list(self, value: Any, depth: int) -> list[Any]:
        out: list[Any] = []
        for item, number in zip(value, range(MAX_ITEMS + 1)):
            if self._left <= 0 or number == MAX_ITEMS:
                out.append(f"{CUT} {len(value) - len(out)} more")
                break
            out.append(self.value(item, depth + 1))
        return out


def is_card(digits: str) -> bool:
    """Whether digits could be the number of a payment card: length, first digit (ISO/IEC 7812), Luhn sum."""
    if not (13 <= len(digits) <= 19 and digits[0] in "23456"):
        return False
    doubled = ((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)[int(digit)] for digit in digits[-2::-2])
    return (sum(map(int, digits[::-2])) + sum(doubled)) % 10 == 0


def _flat(name: str) -> str:
    return name[:256].lower().translate(_SEPARATORS)


def _json(text: str) -> Any:
    """What a JSON object, array or string in text says; None if it is none."""
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return None
    import json

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _without_last_run(text: str) -> str:
    """The end of a cut text may be the beginning of a secret that no longer looks like one."""
    last = max(text.rfind(" "), text.rfind("\n"), text.rfind('"'), text.rfind("&"))
    return text[: last + 1].rstrip("0123456789 -")


def _private_keys(text: str) -> str:
    begin = text.find(_PRIVATE_KEY)
    while begin >= 0:
        end = text.find(_PRIVATE_KEY, begin + 1)
        tail = text[end:] if end >= 0 else ""
        text = text[: begin + len(_PRIVATE_KEY)] + MASK + tail
        begin = text.find(_PRIVATE_KEY, begin + len(_PRIVATE_KEY) + len(MASK) + len(_PRIVATE_KEY))
    return text


def _scheme(found: Match[str]) -> str:
    scheme, gap, credentials = found.groups()
    if scheme.lower() == "basic" and not _is_user_and_password(credentials):
        return found[0]  # "basic functions" is no secret
    return scheme + gap + MASK


def _is_user_and_password(text: str) -> bool:
    try:
        return b":" in a2b_base64(text.encode("ascii", "replace"))
    except (Error, ValueError):
        return False


def _value_end(text: str, begin: int, found: Match[str]) -> int:
    quote = found[3]
    if quote:
        end = text.find(quote, begin)
        while quote in ("'", '"') and end > 0 and text[end - 1] == "\\":
            end = text.find(quote, end + 1)
        return end if end >= 0 else len(text)
    if text[begin : begin + 1] in ("[", "{"):
        return len(text)  # where it ends only a parser would know, and this text was none it could read
    flat = _flat(found[1])
    # Headers in text: what follows may be of several words.
    pattern = _LINE if "authorization" in flat or "cookie" in flat else _PLAIN_VALUE
    value = pattern.match(text, begin)
    return value.end() if value else begin


def _run(found: Match[str]) -> str:
    run = found[0]
    begin = run.find("eyJ")  # base64 of {": the header of a JSON web token
    if begin >= 0 and run.find(".", begin) > 0 and len(run) - begin >= 20:
        run = run[:begin] + MASK
    run = _KEY_IDS.sub(MASK, run)
    return _WORD.sub(_word, run)


def _word(found: Match[str]) -> str:
    word = found[0]
    mixed = word != word.lower() and word != word.upper() and any(character.isdigit() for character in word)
    return MASK if mixed and len(word) in _SECRET_LENGTHS else word


def _number(found: Match[str]) -> str:
    """Cards among groups of digits: any groups in a row may be one."""
    groups = re.split("([ -])", found[0])
    first = 0
    while first < len(groups):
        last = _card_end(groups, first)
        if last:
            groups[first:last] = [MASK]
        first += 2
    return "".join(groups)


def _card_end(groups: list[str], first: int) -> int:
    digits = ""
    end = 0
    for index in range(first, min(first + 37, len(groups)), 2):
        digits += groups[index]
        if len(digits) > 19:
            break
        if is_card(digits):
            end = index + 1
    return end
