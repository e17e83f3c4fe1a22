"""Who can write to the database gets nothing signed by the archive, and nothing done on the word of what he wrote."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keys.principal_keys import PrincipalKeys
from ops import collection
from ops.audited import Desk
from ops.embedded.stack import Stack
from ops.operators import operator_of
from ops.people import applications, hand_over, review, rotation
from ops.people.registration import deactivate
from schemas.collection_approval import CollectionApproval
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.rule_tables.people import ADMINISTRATOR
from store.database import connect
from store.people import PeopleDocuments
from store.principals import Principals, ensure_indexes
from tests.consumers.samples import NOW, RULES
from tests.harness.office import public
from tests.harness.signed_people import BOSS, STRICT, Audit, Registry, Vault

pytestmark = [pytest.mark.flow, pytest.mark.clause("SEC-01", "SEC-04")]


@pytest.fixture
async def registry(stack: Stack) -> AsyncIterator[Registry]:
    name = f"t{uuid.uuid4().hex[:12]}"
    async with connect(stack.settings.mongo_uri.get_secret_value(), name) as database:
        await ensure_indexes(database)
        desk = Desk(stack.settings, database, Vault(), Audit(), BOSS)  # type: ignore[arg-type]
        yield Registry(desk, database)
        await database.client.drop_database(name)


async def refused(code: str, act: Awaitable[object]) -> None:
    with pytest.raises(DanganError) as caught:
        await act
    assert caught.value.code == code


async def rotates(at: Registry) -> None:
    token = rotation.request(at.keys("me"), PrincipalKeys.generate("person:me"), now=NOW, overlap_days=0)
    await rotation.rotate(at.desk, token, now=NOW, people=STRICT)


async def renews(at: Registry) -> None:
    await at.add("me", *(await at.stored("me"))["roles"])


async def moves(at: Registry) -> None:
    await at.hire("head", "unit_head")
    await at.hire("security", "security_officer")
    await at.carry_out(await at.applied("me", 1, "compliance"), "head", "security")


async def is_reviewed(at: Registry) -> None:
    await at.hire("reviewer", "auditor")
    found = review.lines(await Principals(at.database).registrations(), {}, STRICT, NOW)
    chosen = [line for line in found if line.principal.id == "person:me"]
    await review.sign(at.desk, chosen, at.keys("reviewer"), STRICT, now=NOW)


async def reviews(at: Registry) -> None:
    await review.sign(at.desk, [], at.keys("me"), STRICT, now=NOW)


async def takes_over(at: Registry) -> None:
    await at.hire("leaver", "reader")
    listed = await hand_over.draw_up(at.database, "person:leaver", "person:me", now=NOW)
    await hand_over.complete(at.desk, listed, at.signed(listed, "take-over", "me"), STRICT, now=NOW)


async def acts(at: Registry) -> None:
    await operator_of(at.desk, at.keys("me"), now=NOW, roles=None, people=STRICT)


ACTS = (rotates, renews, moves, is_reviewed, reviews, takes_over, acts)
ALTERED: tuple[dict[str, Any], ...] = (
    {"roles": ["auditor", "reader"]}, {"clearance": "core"}, {"department": "board"}, {"lapses_at": NOW + 10**9},
    {"agreement_until": NOW + 10**9}, {"scope": [["building", "b-1"]]}, {"version": 1, "signature": None},
)  # fmt: skip


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
async def test_an_altered_registration_is_neither_signed_anew_nor_believed(
    registry: Registry, act: Callable[[Registry], Awaitable[None]]
) -> None:
    await registry.hire("me", "auditor")
    whole = await registry.stored("me")
    for members in ALTERED:
        await registry.alter("me", **members)
        altered = await registry.stored("me")
        await refused("DG-SEC-013", act(registry))
        assert await registry.stored("me") == altered
        await registry.database["principals"].delete_many({})
        await registry.database["principals"].insert_one(whole)
    await act(registry)  # what the archive signed goes through


async def test_whom_the_archive_never_registered_approves_nothing(registry: Registry) -> None:
    await registry.insert("head", "unit_head")
    await registry.insert("security", "security_officer")
    keys = applications.keys_of(public(registry.keys("new")))
    await refused(
        "DG-SEC-013", registry.carry_out(await registry.applied("new", 0, "reader", keys=keys), "head", "security")
    )
    assert await registry.stored("new") is None


async def test_collection_is_not_approved_by_whom_the_archive_never_registered(registry: Registry) -> None:
    rules = replace(RULES, book=RULES.book.model_copy(update={"people": STRICT}))
    document = CollectionApproval(
        id="core-1", purpose="account_service", fields=frozenset({"id_number"}), not_before=NOW, not_after=NOW + 9
    )
    await registry.insert("made_up", "approver")
    await refused("DG-APR-005", collection.approve(registry.desk, rules, document, registry.keys("made_up"), now=NOW))
    await registry.hire("approver", "approver")
    await collection.approve(registry.desk, rules, document, registry.keys("approver"), now=NOW)


def test_no_command_looks_signers_up_where_unsigned_registrations_count() -> None:
    ops = Path(str(collection.__file__)).parent
    found = [path.relative_to(ops).as_posix() for path in ops.rglob("*.py") if " Directory(" in path.read_text("utf-8")]
    assert found == ["people/believed.py"]


@pytest.mark.parametrize("by", ["deactivate", "revoke"])
async def test_what_was_altered_is_locked_and_signed_as_giving_nothing(registry: Registry, by: str) -> None:
    await registry.hire("me", "auditor")
    kid = registry.keys("me").signing.kid
    await registry.alter("me", roles=["reader"], clearance="core", department="board", scope=[["building", "b-1"]])
    if by == "deactivate":
        await deactivate(registry.desk, "person:me", now=NOW, people=STRICT)
    else:
        assert (
            await rotation.revoke(registry.desk, "person:me", lambda key: key.kid == kid, now=NOW, people=STRICT) == 1
        )
    seen = await registry.seen("me")
    assert (seen.barred, seen.active, seen.roles, seen.clearance) == (None, False, frozenset(), Level.BASIC)
    assert (seen.department, seen.scope, seen.agreement_until) == ("", frozenset(), None)
    assert [key.kid for key in seen.signing_keys] == [kid]
    assert not any(key.valid_at(at) for key in (*seen.signing_keys, *seen.receiving_keys) for at in (NOW - 9, NOW))
    await refused("DG-OPS-037", registry.add("me", "reader"))  # a key of before is nobody's any more


async def test_who_acts_must_be_good_by_what_the_organisation_demands(registry: Registry) -> None:
    await registry.hire("boss", ADMINISTRATOR, agreement=None, agreement_until=None)
    assert await operator_of(registry.desk, registry.keys("boss"), now=NOW, people=STRICT) == "person:boss"
    await registry.hire("both", "archivist", "approver")
    await registry.hire("silent", "archivist", agreement=None, agreement_until=None)
    for name, code in (("both", "DG-SEC-011"), ("silent", "DG-SEC-008"), ("nobody", "DG-OPS-060")):
        await refused(
            code, operator_of(registry.desk, registry.keys(name), now=NOW, roles=("archivist",), people=STRICT)
        )


async def test_an_administrator_takes_no_approving_post_by_keys_or_by_locking_its_holder(registry: Registry) -> None:
    for name, role in (("head", "unit_head"), ("security", "security_officer")):
        await registry.add(name, role)
    old = registry.staff.pop("head")
    await refused("DG-SEC-001", registry.add("head", "unit_head"))  # a key of the administrator's
    registry.staff["head"] = old
    await refused(
        "DG-SEC-001",
        registry.add("head", "unit_head", clearance=Level.SENSITIVE),  # the only holder, widened
    )
    await registry.hire("auditor", "auditor")
    await deactivate(registry.desk, "person:head", now=NOW, people=STRICT)
    await refused("DG-SEC-001", registry.add("mine", "unit_head"))
    keys = applications.keys_of(public(registry.keys("heir")))
    heir = await registry.applied("heir", 0, "unit_head", keys=keys)
    await refused("DG-SEC-007", registry.carry_out(heir, "security"))
    await refused("DG-SEC-007", registry.carry_out(heir, "auditor"))
    await registry.carry_out(heir, "security", "auditor")
    assert (await registry.seen("heir")).active


@pytest.mark.clause("SEC-05")
async def test_where_nobody_reviewed_in_time_the_posts_come_back(registry: Registry) -> None:
    await registry.hire("head", "unit_head", lapses_at=NOW)
    await registry.hire("auditor", "auditor", lapses_at=NOW)
    made = await registry.add("head", "unit_head")
    assert (made.lapses_at or 0) > NOW
    assert (await registry.seen("head")).active
    assert registry.desk.audit.facts[-1].verb == "bootstrap"  # type: ignore[attr-defined]
    await refused("DG-SEC-001", registry.add("auditor", "auditor", department="board"))


@pytest.mark.clause("SEC-14")
async def test_a_list_that_is_kept_as_begun_is_carried_out_only_with_its_signatures(registry: Registry) -> None:
    await registry.hire("leaver", "reader")
    await registry.hire("heir", "reader")
    listed = await hand_over.draw_up(registry.database, "person:leaver", "person:heir", now=NOW)
    await PeopleDocuments(registry.database).put(listed.id, applications.kept(listed, BOSS, (), NOW))
    await refused("DG-SEC-016", hand_over.complete(registry.desk, listed, (), STRICT, now=NOW))
    other = registry.signed(listed.model_copy(update={"media": ("drive-1",)}), "take-over", "heir")
    await refused("DG-SEC-004", hand_over.complete(registry.desk, listed, other, STRICT, now=NOW))
    assert (await registry.seen("leaver")).active
    signed = registry.signed(listed, "take-over", "heir")
    for _again in range(2):
        await hand_over.complete(registry.desk, listed, signed, STRICT, now=NOW)
    assert not (await registry.seen("leaver")).active
