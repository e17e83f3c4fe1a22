"""Answers come in their reader's language, whatever becomes of the command; the audit stream has none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.collect import decide
from consumers.received import Outcome, fact, refused
from schemas.answered import refusal_of
from schemas.errors import TEXTS, DanganError, Refusal, UnreadableMessage
from schemas.locales import LOCALES
from schemas.members import MAX_FIELDS, MAX_TEXT
from schemas.replies import Reply, Result
from schemas.trust import Trust, TrustedKey
from store.principals import _principal, principal_document
from streams.pipeline import Message, Opened, Unread
from streams.replies_reader import parse_replies
from streams.reply_envelope import open_reply
from tests.consumers.samples import RULES, access, collect, principal, received
from tests.streams.test_outbox import Producer, answer, outbox, reader
from tests.streams.test_pipeline import Broken, World, message, run
from tests.vectors.answers import WRITERS

CLERK = principal("per:clerk-8", "reader", kind="person", locale="zh-CN")
TRUST = Trust(writers=(TrustedKey(kid=WRITERS.kid, x=WRITERS.x),))


class Office(World):
    """Somebody who reads Chinese and somebody who does not, in one batch."""

    senders = (CLERK, principal("per:clerk-9", "reader", kind="person"))

    async def open(self, messages: Any, _family: str) -> list[Any]:
        opened: list[Any] = []
        for each, sender in zip(messages, self.senders, strict=True):
            if each.value == b"signed nonsense":
                error = UnreadableMessage("DG-WIR-012", detail="300 commands")
                opened.append(Unread(each, error, sender, "b-7"))
            else:
                opened.append(Opened(each, sender, (received(access(), sender, offset=each.offset),), "b-1"))
        return opened

    async def apply(self, batch: Any, _now: float) -> list[Outcome]:
        error = Refusal("DG-UPD-002", field="name", detail="current version 7")
        return [Outcome(refused(r, error), (fact(r, "access", allowed=False, code=error.code),)) for r in batch]


async def test_each_sender_is_refused_in_the_own_language_under_the_same_code() -> None:
    world = Office()
    await run(world, message(1), message(2))
    ((_, chinese), (_, english)) = world.replies
    (ours,), (theirs,) = chinese.results, english.results
    assert (ours.code, ours.field, ours.status) == (theirs.code, theirs.field, theirs.status)
    assert ours.message == "您依据的版本之后，这份档案又有了改动。（当前版本为 7）"
    assert ours.next_step == "请重新读取档案，再按当前版本重做这次更新。"
    assert theirs.message == f"{TEXTS['DG-UPD-002'].sentence} (current version 7)"
    assert all(event.code == "DG-UPD-002" for event in world.facts)


async def test_a_bundle_that_cannot_be_read_is_complained_of_in_its_senders_language() -> None:
    world = Office()
    await run(world, message(1, b"signed nonsense"), message(2, b"signed nonsense"))
    ((_, chinese), (_, english)) = world.replies
    assert chinese.message == "消息包内没有命令，或超过 256 个命令。（300 个命令）"
    assert english.message == f"{TEXTS['DG-WIR-012'].sentence} (300 commands)"


async def test_what_is_withheld_or_breaks_the_code_is_told_in_the_senders_language(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for world in (World(audit_failures=1), Broken(ZeroDivisionError(), {1})):

        async def opened(messages: Any, _family: str) -> list[Any]:
            return [
                Opened(each, CLERK, (received(access(), CLERK, offset=each.offset),), "b-1")
                for each in messages
                if isinstance(each, Message)
            ]

        monkeypatch.setattr(world, "open", opened)
        await run(world, message(1))
        results = [result for _, reply in world.replies for result in reply.results]
        assert [result.status for result in results] == ["refused"]
        assert results[0].message == DanganError(str(results[0].code)).told("zh-CN").sentence


async def test_an_answer_too_large_to_send_is_told_so_in_its_readers_language() -> None:
    producer = Producer()
    clerk, key = reader("per:clerk")
    fields = {f"field-{number}": "\x00" * MAX_TEXT for number in range(MAX_FIELDS)}
    large = Reply("b-1", (Result("c-1", "accepted", values=fields),))  # type: ignore[arg-type]
    await answer(outbox(producer), [(replace(clerk, locale="zh-CN"), large)])
    (reply,) = parse_replies(open_reply(producer.sent[0]["value"], key=key, trust=TRUST).payload)
    assert reply.results[0].message == "命令已经处理，但答复超过了一条消息的上限。"


@settings(deadline=None)
@given(
    code=st.sampled_from(sorted(TEXTS)),
    locale=st.sampled_from(LOCALES),
    detail=st.none() | st.sampled_from(["current version 7", "rec-0001", "did you mean city?", "a (b)", "（甲）"]),
)
def test_a_refusal_is_read_back_whatever_its_language(code: str, locale: Any, detail: str | None) -> None:
    told = DanganError(code, detail=detail).told(locale)
    error = refusal_of(Result("c-1", "refused", code, "city", told.sentence, told.next_step))
    assert (error.code, error.field) == (code, "city")
    assert error.told(locale) == told
    if locale == "en":
        assert error.detail == detail


@settings(deadline=None)
@given(
    name=st.sampled_from(sorted(RULES.catalogue.fields)),
    value=st.text("0123456789张李王abc@.-", min_size=0, max_size=30),
    purpose=st.sampled_from(sorted(RULES.catalogue.purposes)),
    locale=st.sampled_from(LOCALES),
)
def test_no_answer_to_a_collect_ever_tells_a_value(name: str, value: str, purpose: str, locale: Any) -> None:
    canary = f"七九{value}八零"
    sender = replace(CLERK, locale=locale, roles=frozenset({"collector"}))
    command = received(collect(fields={name: canary, "city": canary}, purpose=purpose), sender)
    try:
        decide(command, RULES)
    except Refusal as refusal:
        result = refused(command, refusal)
        assert canary not in "".join(str(part) for part in (result.message, result.next_step, result.field))


def test_a_registration_keeps_its_language_and_older_ones_are_english() -> None:
    stored = principal_document(CLERK, 3)
    assert _principal(stored) == CLERK
    del stored["locale"]
    assert _principal(stored) == replace(CLERK, locale="en")


def test_an_unknown_code_keeps_what_was_said() -> None:
    error = refusal_of(Result("c-1", "refused", "DG-NEW-001", None, "Something new.", "Do it."))
    assert (error.code, error.detail) == ("DG-CMD-005", "Something new.")
