"""What only the database knows gives nothing: grants and applications count with the archive's signature alone."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final

import pytest

from consumers.reading.grants import NamedGrants
from consumers.reading.leases import grant_covers
from consumers.use.attested import Attested
from keys.okp import SigningKey
from keys.roots import GRANTS_KEY
from keys.stored_signatures import APPLICATION, sign_stored
from schemas.approvals import digest_of
from schemas.errors import Refusal, Transient
from schemas.levels import Level
from schemas.principals import Grant
from schemas.use import Endorse
from store.applications import Step
from store.principals import grant_document
from tests.consumers.samples import NOW, RULES, access, grant, principal, received
from tests.simulators.attested import SigningVault, unsigned
from tests.simulators.using import Office

READER: Final = principal("per:reader", "reader", kind="person")
#: A change of each member of a grant that says what it gives; taking back is not among them.
ALTERED: Final[Mapping[str, Any]] = {
    "id": "grant-2",
    "principal": "per:other",
    "records": frozenset({"*"}),
    "fields": frozenset({"id_number"}),
    "clear": frozenset({"id_number"}),
    "purpose": "credit",
    "not_before": 0,
    "not_after": NOW + 10**6,
    "history": True,
    "application": "another",
    "selection": frozenset({("building", "b-1")}),
    "copying": True,
    "emergency": True,
    "product": "fund-1",
}


class Given:
    """The grants that the database holds."""

    def __init__(self, *everything: Grant) -> None:
        self.everything = {each.id: each for each in everything}

    async def get(self, ids: Any) -> dict[str, Grant]:
        return {name: held for name, held in self.everything.items() if name in ids}


def demanding(vault: SigningVault, **more: Any) -> Attested:
    return Attested(vault, demanded=True, **more)


async def code_of(held: Grant, attested: Attested) -> str | None:
    """The code with which a read under what the database holds is refused; None when it is covered."""
    asked = received(access(grant=held.id), READER)
    found = await NamedGrants(Given(held), RULES.book.use, attested).one(asked, NOW)  # type: ignore[arg-type]
    try:
        grant_covers(asked, found, ["name"], Level.SENSITIVE, RULES.authorizer, NOW)
    except Refusal as refusal:
        return refusal.code
    return None


@pytest.mark.clause("USE-01", "USE-03")
async def test_a_grant_that_only_the_database_knows_is_worth_nothing() -> None:
    vault = SigningVault()
    attested = demanding(vault)
    ours = await attested.grant(grant("per:reader"))
    assert await code_of(ours, attested) is None
    stranger = await demanding(SigningVault()).grant(grant("per:reader"))
    another = await attested.grant(replace(ours, id="grant-2"))
    not_a_grant = replace(ours, signature=await sign_stored(vault, APPLICATION, grant_document(ours)))
    for forged in (
        replace(ours, signature=None),
        replace(ours, signature=""),
        replace(ours, signature="not base64 !"),
        replace(ours, signature=stranger.signature),
        replace(ours, signature=another.signature),
        not_a_grant,
    ):
        assert await code_of(forged, attested) == "DG-ACC-030"
    assert await code_of(ours, attested) is None


@pytest.mark.parametrize("member", sorted(ALTERED))
async def test_whatever_is_altered_in_a_grant_is_noticed(member: str) -> None:
    attested = demanding(SigningVault())
    ours = await attested.grant(grant("per:reader"))
    altered = replace(ours, **{member: ALTERED[member]})
    assert altered != ours
    (looked_at,) = (await attested.looked_at({altered.id: altered})).values()
    assert looked_at.barred == "DG-ACC-030"


def test_every_member_of_a_grant_is_signed_but_what_takes_it_back() -> None:
    assert {each.name for each in fields(Grant)} - ALTERED.keys() == {
        "recalled_at", "returned_at", "signature", "barred",
    }  # fmt: skip


async def test_a_recalled_grant_is_refused_as_such() -> None:
    attested = demanding(SigningVault())
    ours = await attested.grant(grant("per:reader"))
    assert await code_of(replace(ours, recalled_at=NOW - 1), attested) == "DG-ACC-002"
    assert await code_of(replace(ours, returned_at=NOW - 1), attested) == "DG-ACC-002"


async def test_who_asks_under_another_s_grant_is_not_told_that_it_is_forged() -> None:
    assert await code_of(grant("per:other"), demanding(SigningVault())) == "DG-ACC-001"


async def test_where_administrators_give_grants_unsigned_ones_count() -> None:
    assert await code_of(grant("per:reader"), unsigned()) is None


async def test_after_a_rotation_what_the_old_key_signed_is_worth_nothing_within_a_minute() -> None:
    vault, clock = SigningVault(), [0.0]
    attested = demanding(vault, clock=lambda: clock[0])
    before = await attested.grant(grant("per:reader"))
    for _ in range(5):
        assert await code_of(before, attested) is None
        assert await code_of(grant("per:reader"), attested) == "DG-ACC-030"  # forged ones keep Vault no busier
    assert vault.asked == 1
    vault.keys[GRANTS_KEY] = SigningKey.generate()
    clock[0] += 60
    after = await attested.grant(grant("per:reader"))
    assert await code_of(before, attested) == "DG-ACC-030"
    assert await code_of(after, attested) is None
    assert vault.asked == 2


@pytest.mark.parametrize(
    "change",
    [
        {"records": frozenset({"rec-0001", 1})},
        {"product": float("nan")},  # JSON writes it as null, which is what there was
        {"purpose": b"\xac\xce\x55"},
        {"not_before": float(NOW - 10)},
        {"clear": frozenset({b"\xab"})},
        {"fields": None},
    ],
    ids=["number in a list", "no number", "bytes", "float", "bytes in a list", "nothing"],
)
async def test_what_is_of_another_type_than_the_archive_writes_is_not_the_archives(change: dict[str, Any]) -> None:
    attested = demanding(SigningVault())
    ours = await attested.grant(replace(grant("per:reader"), purpose="acce55", clear=frozenset({"ab"})))
    assert (await attested.looked_at({"g": ours}))["g"].barred is None
    assert (await attested.looked_at({"g": replace(ours, **change)}))["g"].barred == "DG-ACC-030"


@pytest.mark.clause("USE-03", "USE-05")
async def test_what_the_desk_makes_carries_the_signature() -> None:
    office = Office()
    name = await office.granted()
    held = office.stores.grants[name]
    assert await code_of(replace(held, records=frozenset({"*"})), demanding(office.vault)) == "DG-ACC-030"
    looked_at = await demanding(office.vault).looked_at({name: held})
    assert looked_at == {name: held}


@pytest.mark.clause("USE-03", "USE-05")
@pytest.mark.parametrize(
    "change",
    [
        {"posts": ("client_manager",)},
        {"posts": ("client_manager", "client_manager")},
        {"posts": ()},
        {"signing_department": "elsewhere"},
        {"level": Level.CORE},
        {"applicant": "per:other"},
        {"department": "elsewhere"},
        {"at_ms": 1},
        {"not_before": NOW - 86_400},
        {"not_after": NOW + 86_401},
        {"sign_by": NOW + 10},
        {"signature": None},
        {"request": {"records": 5}},
        {"steps": 5},
    ],
    ids=str,
)
async def test_an_application_that_is_altered_in_the_database_leads_to_no_grant(change: dict[str, Any]) -> None:
    office = Office()
    name, _ = await office.apply()
    token = office.signed(name, "per:manager")
    office.stores.applications[name] = replace(office.stores.applications[name], **change)
    assert await office.endorse(name, "per:manager", token=token) == "DG-USE-046"
    assert not office.stores.grants


async def test_an_application_that_nobody_made_leads_to_no_grant() -> None:
    """Written into the database whole, with an emergency's grant-at-once, and sent once more by its applicant."""
    office = Office()
    real, _ = await office.apply()
    command = office.application()
    known = office.stores.applications[real]
    invented = replace(known, id=command.id, request=command.model_dump(mode="json"), posts=(), state="granted")
    office.stores.applications[command.id] = replace(invented, digest=digest_of(command, "per:reader"))
    outcome = await office.send(command, "per:reader")
    assert outcome.result.code == "DG-USE-046"
    assert [(each.allowed, each.code) for each in outcome.facts] == [(False, "DG-USE-046")]
    assert not office.stores.grants


@pytest.mark.clause("USE-03", "USE-05")
async def test_a_request_that_is_altered_and_sent_again_is_not_granted() -> None:
    """What an emergency is granted at once is what was sent then, however often it is sent."""
    office = Office()
    command = office.application(emergency=True)
    assert (await office.send(command, "per:duty")).result.status == "accepted"
    grant = office.stores.grants.pop(f"use:{command.id}")
    known = office.stores.applications[command.id]
    wider = {"records": ["*"], "fields": ["id_number"], "clear": ["id_number"], "copying": True}
    office.stores.applications[command.id] = replace(known, request={**known.request, **wider})
    assert (await office.send(command, "per:duty")).result.code == "DG-USE-046"
    assert not office.stores.grants
    office.stores.applications[command.id] = known
    assert (await office.send(command, "per:duty")).result.status == "accepted"
    assert office.stores.grants[f"use:{command.id}"] == grant


@pytest.mark.clause("USE-03", "USE-05")
@pytest.mark.parametrize("how", ["genuine", "without the post", "revoked", "own", "invented", "unsigned registration"])
async def test_a_signature_that_no_worker_counted_cannot_be_written_in(how: str) -> None:
    """Also one that is genuine: whether it may count is looked at when it comes by a command."""
    office = Office()
    signer = {"without the post": "per:dept", "own": "per:reader"}.get(how, "per:manager")
    name, _ = await office.apply()
    known, key = office.stores.applications[name], office.staff.keys[signer].signing
    token = "a.b.c" if how == "invented" else office.signed(name, signer)
    if how == "revoked":
        office.staff.change_key(signer, revoked_at=NOW - 5000)
    if how == "unsigned registration":
        office.staff.change(signer, active=False, barred="DG-SEC-013")
    step = Step(
        "approve-use", signer, key.x, known.posts[0], office.time, token, sent := str(uuid.uuid4()), "per:reader"
    )
    office.stores.applications[name] = replace(known, steps=(step,), state="endorsed")
    assert await office.endorse(name, "per:head") == "DG-USE-046"
    again = Endorse(id=sent, type="endorse", application=name, approvals=(token,))
    outcome = await office.send(again, "per:reader")
    assert (outcome.result.code, outcome.facts[0].approvers) == ("DG-USE-046", ())
    assert not office.stores.grants


@pytest.mark.clause("USE-03", "USE-05")
async def test_a_whole_chain_that_is_written_in_makes_no_grant() -> None:
    office = Office()
    name, _ = await office.apply()
    known, sent = office.stores.applications[name], str(uuid.uuid4())
    steps = [
        Step(
            "approve-use", who, office.staff.keys[who].signing.x, post, NOW, office.signed(name, who), at, "per:reader"
        )
        for who, post, at in (("per:manager", "client_manager", "c"), ("per:head", "unit_head", sent))
    ]
    office.stores.applications[name] = replace(known, steps=tuple(steps), state="granted")
    again = Endorse(id=sent, type="endorse", application=name, approvals=(steps[-1].token,))
    assert (await office.send(again, "per:reader")).result.code == "DG-USE-046"
    assert not office.stores.grants


@pytest.mark.clause("USE-03")
async def test_a_signature_that_is_taken_out_is_missed_and_a_rejection_stays_whatever_the_state_says() -> None:
    office = Office()
    name, _ = await office.apply()
    assert await office.endorse(name, "per:manager") is None
    kept = office.stores.applications[name]
    office.stores.applications[name] = replace(kept, steps=())
    assert await office.endorse(name, "per:manager") == "DG-USE-046"
    office.stores.applications[name] = kept
    assert await office.endorse(name, "per:head", "reject-use") is None
    office.stores.applications[name] = replace(office.stores.applications[name], state="endorsed")
    assert await office.endorse(name, "per:head") == "DG-USE-023"
    assert not office.stores.grants


@pytest.mark.clause("USE-03")
async def test_after_a_rotation_nothing_of_before_gets_a_signature_by_the_new_key() -> None:
    """A thief of a worker's token has signed what he liked: asking for it again must not make it good."""
    office = Office()
    emergency = office.application(emergency=True)
    assert (await office.send(emergency, "per:duty")).result.status == "accepted"
    name, _ = await office.apply()
    office.stores.grants.clear()
    office.vault.keys[GRANTS_KEY] = SigningKey.generate()
    assert (await office.send(emergency, "per:duty")).result.code == "DG-USE-046"
    assert await office.endorse(name, "per:manager") == "DG-USE-046"
    assert not office.stores.grants
    fresh = await office.granted()
    assert (await demanding(office.vault).looked_at({fresh: office.stores.grants[fresh]}))[fresh].barred is None


async def test_a_key_that_is_rotated_between_look_and_signature_begins_the_batch_again() -> None:
    vault = SigningVault()
    attested = demanding(vault)
    await attested.fresh()
    vault.keys[GRANTS_KEY] = SigningKey.generate()
    with pytest.raises(Transient):
        await attested.grant(grant("per:reader"))
    await attested.fresh()
    assert (await attested.grant(grant("per:reader"))).signature


async def test_a_grant_by_a_new_key_counts_within_seconds_on_every_worker() -> None:
    vault, clock = SigningVault(), [0.0]
    reading = demanding(vault, clock=lambda: clock[0])
    assert await code_of(await reading.grant(grant("per:reader")), reading) is None
    vault.keys[GRANTS_KEY] = SigningKey.generate()
    clock[0] += 5
    assert await code_of(await demanding(vault).grant(grant("per:reader")), reading) is None


async def test_a_selection_of_any_name_is_signed_like_another() -> None:
    """A name that is also that of raw bytes elsewhere: no applicant can raise an alarm with a word of his."""
    office = Office()
    command = office.application(records=(), selection={"building": "b07", "x": "y"})
    outcome = await office.send(command, "per:reader")
    assert outcome.result.code != "DG-USE-046"


async def test_a_recall_holds_whatever_time_somebody_gives_it() -> None:
    attested = demanding(SigningVault())
    ours = await attested.grant(grant("per:reader"))
    assert await code_of(replace(ours, recalled_at=2**40), attested) == "DG-ACC-002"
