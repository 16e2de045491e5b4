"""Catalogues are whole: everything said is translated, nothing else is held, and no place is lost."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from dashboards import i18n
from dashboards.i18n import ENGLISH, LANGUAGES
from dashboards.locale.catalogues import compared, held

OTHERS = sorted(LANGUAGES.keys() - {ENGLISH})
PLACE = re.compile(r"%(?:\(\w+\)[a-z]|%)|</?\w+[^>]*>")


@pytest.mark.parametrize("language", OTHERS)
def test_catalogues_hold_what_is_said_and_nothing_else(language: str) -> None:
    missing, unused = compared(language)
    assert (missing, unused) == ({}, []), "python -m dashboards.locale --write"


@pytest.mark.parametrize("language", OTHERS)
def test_each_message_is_held_once(language: str) -> None:
    held_ids = Counter(str(m.id) for _, catalogue in held(language) for m in catalogue if m.id)
    assert [id for id, times in held_ids.items() if times > 1] == []


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_translated(language: str) -> None:
    empty = [
        m.id
        for _, catalogue in held(language)
        for m in catalogue
        if m.id and (m.fuzzy or not (m.string and all(m.string)))
    ]
    assert empty == []


@pytest.mark.parametrize("language", OTHERS)
def test_translations_have_the_places_and_elements_of_their_message(language: str) -> None:
    """The singular of a message may say "one" where its plural has the number."""
    for _, catalogue in held(language):
        for message in catalogue:
            many = message.id if isinstance(message.id, str) else message.id[-1]
            strings = (message.string,) if isinstance(message.string, str) else message.string or ()
            for string in strings if many else ():
                assert sorted(PLACE.findall(string)) == sorted(PLACE.findall(many)), many


def test_outside_of_a_request_the_text_is_the_english_one() -> None:
    assert i18n._("Apply") == "Apply"
    assert i18n.ngettext("%(num)s call", "%(num)s calls", 1) == "1 call"
    assert i18n.ngettext("%(num)s call", "%(num)s calls", 12345, num="12.3k") == "12.3k calls"


def test_scripts_are_sent_nothing_for_english() -> None:
    assert i18n.script_words(ENGLISH) == {}
