"""Every error dangan can answer with: a stable code, a sentence for people, and the next step.

The same code stands in the reply, the audit event, the log line and docs/errors.md (generated from
:data:`TEXTS`). A detail may name a field, a file, a setting or a count; never a personal value.
"""

from __future__ import annotations

from schemas.error_texts import TEXTS, Text
from schemas.locales import DEFAULT, Locale


class DanganError(Exception):
    """Base of all errors.

    Args:
        code: a key of :data:`TEXTS`, for instance ``DG-ACC-001``.
        field: the field, setting or option concerned, if there is one.
        detail: an addition to the sentence, in English; never a personal value. Words that a person should read in
            the own language are listed in ``schemas/error_texts/details.py``.
    """

    def __init__(self, code: str, *, field: str | None = None, detail: str | None = None) -> None:
        text = TEXTS[code]
        self.code = code
        self.field = field
        self.detail = detail
        self.sentence = f"{text.sentence} ({detail})" if detail else text.sentence
        self.next_step = text.next_step
        where = f" [{field}]" if field else ""
        super().__init__(f"{code}{where}: {self.sentence}")

    def told(self, locale: Locale = DEFAULT) -> Text:
        """What happened and what to do, for a person: the code stays the same in every language."""
        if locale == DEFAULT:
            return Text(self.sentence, self.next_step)
        from schemas.error_texts.translated import told  # noqa: PLC0415 - only who needs another language pays for it

        return told(self.code, self.detail, locale)


class UnreadableMessage(DanganError):
    """A message that cannot be opened or parsed: it goes to the dead letters, sealed as it came."""


class Refusal(DanganError):
    """A command that a rule forbids: it is audited and its sender gets the code."""


class Transient(DanganError):
    """A dependency does not answer now: the batch is retried, nothing is acknowledged."""


class Fatal(DanganError):
    """The process cannot go on safely: it ends without acknowledging, another one takes over."""


__all__ = ["TEXTS", "DanganError", "Fatal", "Refusal", "Text", "Transient", "UnreadableMessage"]
