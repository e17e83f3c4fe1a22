"""An archive's refusal as the error that it was, on the sender's side."""

from __future__ import annotations

from typing import Final

from schemas.errors import TEXTS, DanganError
from schemas.locales import DEFAULT, LOCALES
from schemas.replies import Result

#: Told for a code that this version of the program does not know.
_UNKNOWN: Final = "DG-CMD-005"


def refusal_of(result: Result) -> DanganError:
    """The error that an archive answered with: its code, its field, and the detail that it gave.

    The sentence came in the language that the sender is registered with, and is told again in the reader's own; a
    detail in Chinese stays as it came.
    """
    code = result.code if result.code in TEXTS else _UNKNOWN
    return DanganError(code, field=result.field, detail=_detail(code, result.message or "") or None)


def _detail(code: str, message: str) -> str:
    """What the message says behind its sentence."""
    for locale in (DEFAULT, *(locale for locale in LOCALES if locale != DEFAULT)):
        sentence = DanganError(code).told(locale).sentence
        if message.startswith(sentence):
            return message.removeprefix(sentence).strip()[1:-1]  # without its brackets
    return message
