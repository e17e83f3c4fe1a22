"""Error texts in other languages than English: one Fluent file (projectfluent.org) for each part of the system.

Imported only by whom somebody asks for another language: Fluent takes a tenth of a second to load, and a language's
files are parsed once. English is written in Python, beside this file, and is what every translation is of.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from fluent.runtime import FluentBundle, FluentResource

from schemas.error_texts import TEXTS, Text
from schemas.error_texts.details import recognise
from schemas.locales import Locale

#: How a detail follows a sentence.
_BRACKETS: Final[Mapping[Locale, tuple[str, str]]] = {"en": (" (", ")"), "zh-CN": ("（", "）")}


@lru_cache(maxsize=1024)
def told(code: str, detail: str | None, locale: Locale) -> Text:
    """An error's sentence, with its detail if it has one, and the next step.

    Args:
        code: a key of :data:`schemas.error_texts.TEXTS`.
        detail: in English, as the code that found the error wrote it.
        locale: the language; whatever it lacks is told in English.
    """
    text = translation(code, locale) or TEXTS[code]
    if not detail:
        return text
    before, after = _BRACKETS[locale]
    # A sentence's full stop stays where it is: the sentence is also read without its detail, and compared so.
    return Text(f"{text.sentence}{before}{detail_in(detail, locale)}{after}", text.next_step)


def translation(code: str, locale: Locale) -> Text | None:
    """The two sentences of a code, or None while nobody has translated them."""
    message = _message(code, locale)
    if message is None or message.value is None or "next-step" not in message.attributes:
        return None
    return Text(_format(message.value, {}, locale), _format(message.attributes["next-step"], {}, locale))


def detail_in(detail: str, locale: Locale) -> str:
    """A detail in another language; as it stands when its words are not listed or not translated."""
    known = recognise(detail)
    message = _message(f"detail-{known[0]}", locale) if known else None
    return detail if known is None or message is None else _format(message.value, known[1], locale)


@cache
def _bundle(locale: Locale) -> Any:
    bundle = FluentBundle([locale], use_isolating=False)
    for file in sorted((Path(__file__).parent / locale).glob("*.ftl")):
        bundle.add_resource(FluentResource(file.read_text("utf-8")))
    return bundle


def _message(name: str, locale: Locale) -> Any:
    bundle = _bundle(locale)
    return bundle.get_message(name) if bundle.has_message(name) else None


def _format(pattern: Any, places: Mapping[str, str], locale: Locale) -> str:
    return str(_bundle(locale).format_pattern(pattern, places)[0])
