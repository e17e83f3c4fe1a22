"""What reports say, in each language: Fluent catalogues (projectfluent.org), one file for each topic.

A part of the system that makes reports puts ``TOPIC.ftl`` into ``en/`` and ``zh-CN/`` with keys ``TOPIC-...`` and
says ``say("TOPIC-title", count=3)``. A report is declared once and comes in every language; the same tests hold for
every topic: each key in each language, with the same places, in characters that the paper's fonts have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from ops.printable import printable
from schemas.locales import Locale

FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Say:
    """A message of the catalogues with what stands in its places; made by :func:`say`.

    Attributes:
        key: the message.
        places: (name, value), sorted by name; a value may be a message itself.
    """

    key: str
    places: tuple[tuple[str, Words | int], ...] = ()


#: What a report says in its own words, or a text of unknown origin that stands as it is in every language.
Words = Say | str


def say(key: str, **places: Words | int) -> Say:
    """A message of the catalogues.

    Args:
        key: ``TOPIC-name``, as in ``words/en/TOPIC.ftl``.
        places: what stands in it; numbers are written in the reader's language, text is data and never parsed.

    Raises:
        KeyError: when English has no such message; a program that says what is not written is wrong.
    """
    if not _bundle("en").has_message(key):
        raise KeyError(f"write {key} in {FOLDER.name}/en and the other languages")
    return Say(key, tuple(sorted(places.items())))


def told(words: Words, language: Locale, data: Callable[[str], str] = printable) -> str:
    """The words as a reader of that language sees them: one line, nothing in it that steers a terminal or a page.

    Args:
        words: a message, or a text that stands as it is.
        language: the reader's; what it lacks is told in English.
        data: makes a text of unknown origin safe for where it will stand.
    """
    if isinstance(words, str):
        return data(words)
    bundle = _bundle(language) if _bundle(language).has_message(words.key) else _bundle("en")
    places = {name: value if isinstance(value, int) else told(value, language, data) for name, value in words.places}
    text, errors = bundle.format_pattern(bundle.get_message(words.key).value, places)
    if errors:
        raise KeyError(f"{words.key}: {errors[0]}")
    return str(text)


@cache
def _bundle(language: Locale) -> Any:
    from fluent.runtime import FluentBundle, FluentResource  # noqa: PLC0415 - a tenth of a second, and not all report

    bundle = FluentBundle([language], use_isolating=False)
    for file in sorted((FOLDER / language).glob("*.ftl")):
        bundle.add_resource(FluentResource(file.read_text("utf-8")))
    return bundle
