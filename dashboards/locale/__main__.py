"""`python -m dashboards.locale [--write]`: what catalogues lack, hold in vain or leave untranslated."""

from __future__ import annotations

import sys

from dashboards.i18n import ENGLISH, LANGUAGES
from dashboards.locale.catalogues import brought_up, compared, held


def main(arguments: list[str]) -> int:
    """0 if every message of every language is translated."""
    told = 0
    for language in LANGUAGES.keys() - {ENGLISH}:
        if "--write" in arguments:
            brought_up(language)
        for line in _lines(language):
            told += 1
            sys.stdout.write(f"{line}\n")
    return 1 if told else 0


def _lines(language: str) -> list[str]:
    missing, unused = compared(language)
    lines = [f"{language}/{area}.po: missing: {id}" for id, area in missing.items()]
    lines += [f"{language}/{area}.po: not used: {id}" for id, area in unused]
    for area, catalogue in held(language):
        empty = [message.id for message in catalogue if message.id and not _translated(message.string)]
        lines += [f"{language}/{area}.po: not translated: {id}" for id in empty]
    return lines


def _translated(string: str | tuple[str, ...] | list[str] | None) -> bool:
    return bool(string) and all(string or ())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
