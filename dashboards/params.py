"""Query parameters of pages: read strictly, refused with a sentence a person can act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collector.storage.base import InvalidQuery
from dashboards.i18n import _

MAX_TEXT = 1000


def choice(params: Mapping[str, str], key: str, options: Sequence[str], default: str) -> str:
    """One of `options`; `default` where absent or empty. InvalidQuery for anything else."""
    value = params.get(key, "") or default
    if value not in options and value != default:
        raise InvalidQuery(
            _(
                "%(given)s is not known: use one of %(options)s",
                given=f"{key}={value[:40]!r}",
                options=", ".join(o for o in options if o),
            )
        )
    return value


def whole(params: Mapping[str, str], key: str, default: int, low: int, high: int) -> int:
    """A whole number within [low, high]; `default` where absent or empty. InvalidQuery otherwise."""
    value = params.get(key, "")
    if not value:
        return default
    if not (value.isascii() and value.isdecimal() and len(value) <= 12 and low <= int(value) <= high):
        given = f"{key}={value[:40]!r}"
        raise InvalidQuery(
            _("%(given)s must be a whole number from %(low)s to %(high)s", given=given, low=low, high=high)
        )
    return int(value)


def text(params: Mapping[str, str], key: str) -> str:
    """Free text, without surrounding blanks. InvalidQuery beyond MAX_TEXT characters."""
    value = params.get(key, "").strip()
    if len(value) > MAX_TEXT:
        raise InvalidQuery(
            _(
                "%(name)s is %(length)s characters long; at most %(most)s are searched",
                name=key,
                length=len(value),
                most=MAX_TEXT,
            )
        )
    return value
