"""The words people read, in their language.

The English text stands in the code and is its own key; a catalogue holds what it is in another language:

    from dashboards.i18n import N_, _, ngettext
    _("Nothing ran in %(range)s.", range=label)     # a whole sentence, its parts named
    ngettext("%(num)s call", "%(num)s calls", n)    # num is n, unless given: num=format.count(n)
    TITLE = N_("Slow calls")                        # marked where no request is; said by _(TITLE)

In templates likewise, `{{ _("Apply") }}`, `{{ ngettext("%(num)s span", "%(num)s spans", n) }}`, and for
sentences with elements in them `{% trans shown=n | count %}<b>{{ shown }}</b> failed.{% endtrans %}`: the
markup of messages stays markup, what is put into it is escaped. In scripts `_("Close")` of
static/js/format.js. A literal % is written %%.

Rules: whole sentences with named places, never glued parts, because order differs by language. Names senders
gave (functions, statements, attributes), TraceQL, SQL and units are no words: they are put in as values.

Catalogues are dashboards/locale/<language>/<area>.po, read together, each message in exactly one of them.
The area is the template or module a message is found in, up to the first "_" (trace_diff.html: trace.po).
`python -m dashboards.locale` tells what is missing or not used any more; `--write` adds and removes it.
"""

from __future__ import annotations

from contextvars import ContextVar
from datetime import datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from jinja2 import Environment

CATALOGUES = Path(__file__).parent / "locale"
# By the name of the catalogue's folder: the tag for <html lang>, and the language's name in itself.
LANGUAGES = {"en": ("en", "English"), "zh": ("zh-Hans", "简体中文")}
ENGLISH = "en"

# Of the request being answered. English outside of one.
_language: ContextVar[str] = ContextVar("language", default=ENGLISH)


def language() -> str:
    """The reader's language, one of LANGUAGES."""
    return _language.get()


def speak(name: str) -> None:
    """From here on in this request, words are in this language (one of LANGUAGES)."""
    _language.set(name)


def N_(message: str) -> str:
    """The message as it is: only marked, for a table made before anybody reads it."""
    return message


def gettext(message: str) -> str:
    """The message in the reader's language; itself where a catalogue has none."""
    return _catalogue(language()).gettext(message) if message else ""


def plural(one: str, many: str, number: int) -> str:
    """The one of the two English forms, or of the reader's language's, that goes with the number."""
    return _catalogue(language()).ngettext(one, many, number)


def _(message: str, /, **values: object) -> str:
    """A message in the reader's language, its named places filled."""
    return gettext(message) % values


def ngettext(one: str, many: str, number: int, /, **values: object) -> str:
    """A message that depends on a number, which is `num` in it unless that is given as it shall read."""
    return plural(one, many, number) % {"num": number, **values}


def day(moment: datetime) -> str:
    """A day of any year, short: "21 Nov", "11月21日"."""
    return f"{moment.month}月{moment.day}日" if language() == "zh" else f"{moment.day} {moment:%b}"


def install(env: Environment) -> None:
    """Let the templates translate, by the same functions."""
    env.policies["ext.i18n.trimmed"] = True
    env.add_extension("jinja2.ext.i18n")
    env.install_gettext_callables(gettext, plural, newstyle=True)  # type: ignore[attr-defined]
    env.globals.update(language=language, languages=LANGUAGES, script_words=script_words)


@cache
def _catalogue(name: str) -> NullTranslations:
    """A language's catalogues in one, read when first asked for: readers of English never pay for it."""
    if name == ENGLISH:
        return NullTranslations()
    # Imported here: babel is 1 MB of modules, and only needed to read catalogues as they are written.
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    whole = Catalog(name)
    for path in sorted((CATALOGUES / name).glob("*.po")):
        with path.open(encoding="utf-8") as file:
            for message in read_po(file, locale=name):
                if message.id:
                    whole[message.id] = message
    compiled = BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return GNUTranslations(compiled)


@cache
def script_words(name: str) -> dict[str, str]:
    """What scripts say in a language, by the English text; nothing for English itself."""
    return _script_words(name) if name != ENGLISH else {}


def _script_words(name: str) -> dict[str, str]:
    path = CATALOGUES / name / "scripts.po"
    if not path.exists():
        return {}
    from babel.messages.pofile import read_po

    with path.open(encoding="utf-8") as file:
        return {str(m.id): str(m.string) for m in read_po(file, locale=name) if m.id and m.string}
