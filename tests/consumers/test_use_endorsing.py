"""Signatures under an application: each wrong one is refused by a code of its own, and one grant comes of the right."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.commands.approve import sign_approval
from schemas.approvals import TYP_APPROVAL
from schemas.use import Apply, Endorse
from streams.compact import b64
from tests.consumers.samples import NOW
from tests.simulators.using import ROLES, Office, record

SENSITIVE = {"fields": ["name", "city"]}


async def applied(**changes: Any) -> tuple[Office, str]:
    office = Office()
    name, code = await office.apply(**changes)
    assert code is None
    return office, name


def grants(office: Office) -> set[str]:
    return set(office.stores.grants)


@pytest.mark.clause("USE-01", "USE-03")
async def test_the_grant_comes_after_the_reviewer_and_then_the_unit_head() -> None:
    office, name = await applied()
    assert await office.endorse(name, "per:manager") is None
    assert not grants(office)
    assert office.stores.applications[name].state == "endorsed"
    assert await office.endorse(name, "per:head") is None
    grant = office.stores.grants[f"use:{name}"]
    assert (grant.principal, set(grant.records), set(grant.fields)) == ("per:reader", {"rec-0001"}, {"city", "gender"})
    assert (grant.purpose, grant.application, grant.copying) == ("account_service", name, False)
    assert (grant.not_before, grant.not_after) == (NOW, NOW + 86_400)


@pytest.mark.clause("USE-05")
async def test_a_sensitive_value_needs_the_department_head_on_top() -> None:
    office, name = await applied(**SENSITIVE)
    assert await office.endorse(name, "per:manager") is None
    assert await office.endorse(name, "per:head") is None
    assert not grants(office)
    assert await office.endorse(name, "per:dept") is None
    assert office.stores.grants[f"use:{name}"].fields == {"name", "city"}


@pytest.mark.clause("USE-04")
async def test_another_department_waits_for_the_general_manager() -> None:
    office = Office()
    name, code = await office.apply("per:other", purpose="marketing", product="deposit", fields=["city"])
    assert code is None
    assert await office.endorse(name, "per:manager") is None
    assert await office.endorse(name, "per:head") is None
    assert not grants(office)
    assert await office.endorse(name, "per:gm") is None
    assert grants(office)


@pytest.mark.clause("USE-03")
async def test_the_applicant_takes_neither_step() -> None:
    office = Office()
    name, _ = await office.apply("per:manager")
    assert await office.endorse(name, "per:manager") == "DG-USE-033"
    assert await office.endorse(name, "per:manager2") is None
    assert await office.endorse(name, "per:head") is None
    assert grants(office)


@pytest.mark.clause("USE-03")
async def test_the_posts_sign_in_their_order_each_another_person() -> None:
    office, name = await applied()
    assert await office.endorse(name, "per:head") == "DG-USE-038"
    assert await office.endorse(name, "per:both") is None  # reviews
    again = office.signed(name, "per:both", at=NOW + 1)
    assert await office.endorse(name, "per:both", token=again) == "DG-USE-036"  # and does not sign what was reviewed
    late = office.signed(name, "per:head", at=NOW - 50)
    assert await office.endorse(name, "per:head", token=late) == "DG-USE-038"  # signed before it was reviewed
    assert await office.endorse(name, "per:head") is None
    assert await office.endorse(name, "per:manager") == "DG-USE-023"


@pytest.mark.clause("USE-03")
@pytest.mark.parametrize("who", ["per:duty", "per:gm", "per:archivist", "per:admin", "sys:crm"])
async def test_who_holds_no_post_signs_nothing(who: str) -> None:
    office, name = await applied()
    assert await office.endorse(name, who) == "DG-USE-037"


@pytest.mark.clause("USE-04")
async def test_a_post_answers_for_its_own_department_and_scope() -> None:
    office, name = await applied()
    assert await office.endorse(name, "per:otherman") == "DG-USE-039"
    office.staff.change("per:manager", scope=frozenset({("building", "b-08")}))
    assert await office.endorse(name, "per:manager") == "DG-USE-039"
    office.staff.change("per:manager", scope=frozenset({("building", "b-08"), ("building", "b-07")}))
    assert await office.endorse(name, "per:manager") is None
    office.staff.change("per:head", scope=frozenset({("building", "b-07"), ("segment", "government")}))
    assert await office.endorse(name, "per:head") == "DG-USE-039"


async def test_a_scope_covers_a_selection_within_it_and_never_everybody() -> None:
    office = Office()
    scope = frozenset({("building", "b-07")})
    office.staff.change("per:manager", scope=scope)
    here, _ = await office.apply(records=[], selection={"building": "b-07"})
    there, _ = await office.apply(records=[], selection={"building": "b-08"})
    everybody, _ = await office.apply("per:steward", records=["*"])
    assert await office.endorse(here, "per:manager") is None
    assert await office.endorse(there, "per:manager") == "DG-USE-039"
    assert await office.endorse(everybody, "per:manager") == "DG-USE-039"


async def test_expired_and_revoked_keys_have_codes_of_their_own() -> None:
    office, name = await applied()
    good = office.staff.people["per:manager"]
    office.staff.change_key("per:manager", not_after=NOW)
    assert await office.endorse(name, "per:manager") == "DG-USE-031"
    office.staff.people["per:manager"] = good
    office.staff.change_key("per:manager", not_before=NOW + 1)
    assert await office.endorse(name, "per:manager") == "DG-USE-031"
    office.staff.people["per:manager"] = good
    token = office.signed(name, "per:manager")
    office.staff.change_key("per:manager", revoked_at=NOW)
    assert await office.endorse(name, "per:manager", token=token) == "DG-USE-032"
    office.staff.people["per:manager"] = good
    assert await office.endorse(name, "per:manager", token=token) is None


async def test_forged_signatures_are_none() -> None:
    office, name = await applied()
    token = office.signed(name, "per:manager")
    header, payload, signature = token.split(".")
    other = office.signed(name, "per:both").split(".")[2]
    stranger = Office()
    stranger.stores.applications[name] = office.stores.applications[name]
    unsigned = b64(json.dumps({"alg": "none", "kid": "x", "typ": TYP_APPROVAL}).encode()).decode()
    for forged in (
        "x",
        f"{header}.{payload}.{other}",
        f"{unsigned}.{payload}.",
        f"{header}.{payload[:-2]}AA.{signature}",
        stranger.signed(name, "per:manager"),
        office.signed(name, "per:manager", "merge"),
    ):
        assert await office.endorse(name, "per:manager", token=forged) == "DG-USE-030", forged
    assert not office.stores.applications[name].steps


async def test_a_signature_covers_exactly_one_application() -> None:
    office, name = await applied()
    other, _ = await office.apply()
    assert await office.endorse(other, "per:manager", token=office.signed(name, "per:manager")) == "DG-USE-034"
    request = Apply.model_validate(office.stores.applications[name].request)
    wider = request.model_copy(update={"records": ("rec-0001", "rec-0002")})
    stale = sign_approval(wider, "per:reader", office.staff.keys["per:manager"], now=NOW, action="approve-use")
    assert await office.endorse(name, "per:manager", token=stale) == "DG-USE-034"
    for_another = sign_approval(request, "per:gm", office.staff.keys["per:manager"], now=NOW, action="approve-use")
    assert await office.endorse(name, "per:manager", token=for_another) == "DG-USE-034"


async def test_signatures_grow_old() -> None:
    office, name = await applied()
    office.staff.change_key("per:manager", not_before=0)
    for at in (NOW - 31 * 86_400, NOW + 301):
        assert (
            await office.endorse(name, "per:manager", token=office.signed(name, "per:manager", at=at)) == "DG-USE-035"
        )


async def test_the_same_endorsement_again_is_answered_again_and_counted_once() -> None:
    office, name = await applied()
    token, command = office.signed(name, "per:manager"), str(uuid.uuid4())
    for _ in range(3):
        assert await office.endorse(name, "per:manager", token=token, name=command) is None
    assert len(office.stores.applications[name].steps) == 1
    assert await office.endorse(name, "per:manager", token=token) == "DG-USE-042"  # replayed under another id
    assert await office.endorse(name, "per:manager", token=token, sender="per:other") == "DG-USE-042"
    assert (
        await office.endorse(name, "per:manager", name=command, token=office.signed(name, "per:both")) == "DG-CMD-001"
    )
    assert not grants(office)


async def test_every_refusal_is_audited_with_its_code() -> None:
    office, name = await applied()
    token = office.signed(name, "per:otherman")
    command = Endorse(id=str(uuid.uuid4()), type="endorse", application=name, approvals=(token,))
    (event,) = (await office.send(command, "per:reader")).facts
    assert (event.action, event.verb, event.allowed, event.code) == ("use", "endorse", False, "DG-USE-039")
    assert (event.actor, event.grant) == ("per:reader", f"use:{name}")


async def test_an_endorsement_holds_one_signature_of_an_application_that_there_is() -> None:
    office, name = await applied()
    tokens = (office.signed(name, "per:manager"), office.signed(name, "per:head"))
    for approvals, application, code in (
        (tokens, name, "040"),
        ((), name, "040"),
        (tokens[:1], str(uuid.uuid4()), "022"),
    ):
        command = Endorse(id=str(uuid.uuid4()), type="endorse", application=application, approvals=approvals)
        assert (await office.send(command, "per:reader")).result.code == f"DG-USE-{code}"


@pytest.mark.clause("USE-03")
async def test_a_rejection_ends_it_and_says_why() -> None:
    office, name = await applied()
    bare = Endorse(
        id=str(uuid.uuid4()), type="endorse", application=name,
        approvals=(office.signed(name, "per:head", "reject-use"),),
    )  # fmt: skip
    assert (await office.send(bare, "per:head")).result.code == "DG-USE-041"
    assert await office.endorse(name, "per:archivist", "reject-use") == "DG-USE-037"
    assert await office.endorse(name, "per:head", "reject-use", reason="call 13800138000") == "DG-COL-007"
    assert await office.endorse(name, "per:head", "reject-use", reason="no need shown") is None
    assert office.stores.applications[name].state == "rejected"
    assert office.stores.applications[name].steps[-1].reason == "no need shown"
    assert await office.endorse(name, "per:manager") == "DG-USE-023"
    assert not grants(office)


async def test_opinions_are_recorded_and_count_for_nothing() -> None:
    office, name = await applied()
    assert await office.endorse(name, "per:archivist", "opine", reason="formalities complete") is None
    assert await office.endorse(name, "per:head", "opine", reason="sufficient") is None
    assert await office.endorse(name, "per:duty", "opine", reason="me too") == "DG-USE-037"
    assert office.stores.applications[name].state == "applied"
    assert await office.endorse(name, "per:manager") is None
    assert await office.endorse(name, "per:head") is None  # who gave an opinion still signs
    assert grants(office)


async def test_an_application_is_not_signed_after_its_period() -> None:
    office, name = await applied()
    office.time = NOW + 86_400
    assert await office.endorse(name, "per:manager") == "DG-USE-023"


async def test_two_signatures_at_once_give_one_grant() -> None:
    async def turn(*_: str) -> None:
        await asyncio.sleep(0)

    office = Office(gate=turn)
    name, _ = await office.apply()
    assert await office.endorse(name, "per:manager") is None
    commands = [
        Endorse(id=str(uuid.uuid4()), type="endorse", application=name, approvals=(office.signed(name, who),))
        for who in ("per:head", "per:both")
    ]
    outcomes = await asyncio.gather(*(office.send(command, "per:reader") for command in commands))
    assert sorted(outcome.result.code or "" for outcome in outcomes) == ["", "DG-USE-023"]
    assert grants(office) == {f"use:{name}"}
    assert len(office.stores.applications[name].approved) == 2


def oracle(applicant: str, posts: tuple[str, ...], signers: list[str]) -> bool:
    """Whether those signers, one after the other, complete the chain: counted by hand, not by the code's way."""
    filled: list[str] = []
    for who in signers:
        department, roles = ROLES[who]
        person = who.startswith("per:") and "administrator" not in roles
        if len(filled) == len(posts) or who == applicant or who in filled or not person:
            continue
        if posts[len(filled)] in roles and (department == "retail" or posts[len(filled)] == "general_manager"):
            filled.append(who)
    return len(filled) == len(posts)


@pytest.mark.clause("USE-01", "USE-03", "USE-04", "USE-05")
@settings(max_examples=60, deadline=None)
@given(
    applicant=st.sampled_from(["per:reader", "per:manager", "per:head", "per:steward"]),
    sensitive=st.booleans(),
    foreign=st.booleans(),
    signers=st.lists(st.sampled_from(sorted(ROLES)), max_size=8),
)
def test_never_a_grant_without_the_whole_chain(
    applicant: str, sensitive: bool, foreign: bool, signers: list[str]
) -> None:
    async def story() -> None:
        office = Office()
        fields = ["name"] if sensitive else ["city"]
        if foreign:  # nobody knows whose it is: the own chain, and the general manager
            name, _ = await office.apply(applicant, fields=fields, records=["rec-none"])
        else:
            name, _ = await office.apply(applicant, fields=fields)
        for who in signers:
            await office.endorse(name, who)
        posts = ("client_manager", "unit_head", *(("department_head",) if sensitive else ()))
        posts += ("general_manager",) if foreign else ()
        assert bool(office.stores.grants) == oracle(applicant, posts, signers)

    asyncio.run(story())


EMERGENCY: dict[str, Any] = {"emergency": True, "fields": ["name"]}


async def test_an_emergency_has_its_grant_at_once_for_a_short_time() -> None:
    office = Office()
    assert (await office.apply(**EMERGENCY))[1] == "DG-USE-018"
    outcome = await office.send(office.application(**EMERGENCY), "per:duty")
    _, event = outcome.facts
    assert (event.action, event.verb, event.reader, event.fields) == ("grant", "emergency", "per:duty", ("name",))
    (grant,) = office.stores.grants.values()
    assert grant.emergency
    assert (grant.not_before, grant.not_after) == (NOW, NOW + 4 * 3600)


async def test_an_emergency_is_signed_afterwards_by_two_or_taken_back() -> None:
    office = Office()
    name, _ = await office.apply("per:duty", **EMERGENCY)
    office.time = NOW + 5 * 3600  # the grant is over, the signatures are still due
    assert await office.endorse(name, "per:gm") == "DG-USE-038"
    assert await office.endorse(name, "per:dept") is None
    assert await office.endorse(name, "per:gm") is None
    assert await office.endorse(name, "per:gm2") == "DG-USE-023"
    assert len(office.stores.grants) == 1
    late, _ = await office.apply("per:duty", **EMERGENCY)
    office.time += 24 * 3600
    assert await office.endorse(late, "per:dept") == "DG-USE-023"
    taken, _ = await office.apply("per:duty", **EMERGENCY)
    assert await office.endorse(taken, "per:gm", "reject-use", reason="no emergency") is None
    assert office.stores.grants[f"use:{taken}"].recalled_at == office.time


@pytest.mark.clause("USE-01")
@pytest.mark.parametrize("failing", ["swap", "swapped", "announce", "put", "has put"])
async def test_whatever_a_crash_leaves_the_redelivery_makes_one_grant_of_it(failing: str) -> None:
    down, steps, said = [False], list[str](), list[Any]()

    async def gate(where: str) -> None:
        steps.append(where)
        if down[0] and where == failing:
            raise TimeoutError

    async def announce(facts: Any) -> None:
        await gate("announce")
        said.extend(facts)

    office = Office(gate=gate, announce=announce)
    name, _ = await office.apply()
    assert await office.endorse(name, "per:manager") is None
    token = office.signed(name, "per:head")
    command = Endorse(id=str(uuid.uuid4()), type="endorse", application=name, approvals=(token,))
    down[0] = True
    with pytest.raises(TimeoutError):
        await office.send(command, "per:reader")
    down[0] = False
    again = [await office.send(command, "per:reader") for _ in range(2)]
    assert [outcome.result.status for outcome in again] == ["accepted", "accepted"]
    assert again[0].facts == again[1].facts
    assert grants(office) == {f"use:{name}"}
    assert len(office.stores.applications[name].approved) == 2
    assert steps.index("announce") < steps.index("put")  # the event first, always
    assert all(event == again[0].facts[1] for event in said)


async def test_a_record_that_nobody_keeps_is_its_senders() -> None:
    office = Office()
    office.stores.records["rec-0009"] = record("rec-0009", intake=None)
    name, _ = await office.apply(records=["rec-0009"])
    assert office.stores.applications[name].posts == ("client_manager", "unit_head")


@pytest.mark.clause("USE-03", "USE-07")
@pytest.mark.parametrize(
    "change",
    [
        {"fields": ["city", "name", "id_number"]},
        {"records": ["*"]},
        {"clear": ["city"]},
        {"copying": True},
        {"reason": "another"},
    ],
)
async def test_what_is_changed_in_the_database_between_two_signatures_is_never_granted(change: dict[str, Any]) -> None:
    office, name = await applied()
    assert await office.endorse(name, "per:manager") is None
    known = office.stores.applications[name]
    office.stores.applications[name] = replace(known, request={**known.request, **change})
    assert await office.endorse(name, "per:head") in ("DG-USE-046", "DG-USE-034")
    assert not grants(office)


async def test_a_longer_period_or_an_invented_signature_in_the_database_is_found() -> None:
    for change in ("period", "signer", "token"):
        office, name = await applied()
        assert await office.endorse(name, "per:manager") is None
        known = office.stores.applications[name]
        (step,) = known.steps
        office.stores.applications[name] = {
            "period": replace(known, not_after=known.not_after + 1),
            "signer": replace(known, steps=(replace(step, by="per:manager2"),)),
            "token": replace(
                known, steps=(replace(step, token=office.signed((await office.apply())[0], "per:manager")),)
            ),
        }[change]
        assert await office.endorse(name, "per:head") == "DG-USE-046", change
        assert not grants(office)


async def test_an_opinion_is_its_signers_own_word_and_nobody_gives_them_all() -> None:
    office, name = await applied()
    token = office.signed(name, "per:manager", action="opine")
    assert (
        await office.endorse(name, "per:manager", "opine", token=token, sender="per:reader", reason="warmly")
        == "DG-USE-045"
    )
    for number in range(3):
        token = office.signed(name, "per:archivist", action="opine", at=NOW + number)
        assert await office.endorse(name, "per:archivist", "opine", token=token, reason="seen") is None
    token = office.signed(name, "per:archivist", action="opine", at=NOW + 9)
    assert await office.endorse(name, "per:archivist", "opine", token=token, reason="seen") == "DG-USE-043"
    token = office.signed(name, "per:manager", action="opine")
    assert await office.endorse(name, "per:manager", "opine", token=token, reason="fine") is None
