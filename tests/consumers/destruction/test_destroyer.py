"""Destruction: approvals are counted by distinct verified signatures; every other way is refused with its code."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from consumers.destruction.destroyer import Destroyer, decide, kept_from
from consumers.destruction.rules import Kept
from consumers.incidents.frozen import Frozen
from consumers.rules import Rules
from keys.ledger import Approver, Entry, Order
from keys.principal_keys import PrincipalKeys
from ops.commands.approve import sign_approval
from schemas.approvals import TYP_APPROVAL, Approval, digest_of
from schemas.commands import Destroy
from schemas.errors import Refusal
from schemas.principals import Principal, PublicKey
from store.freezes import Freeze
from store.record import Occupied
from tests.consumers.samples import NOW, RULES, principal, received

ARCHIVIST = principal("sys:archivist", "archivist")
LIVE = Occupied(True, "c", "sys:crm", 1, 0)


class People:
    """A directory of approvers with their key files."""

    def __init__(self) -> None:
        self.keys = {name: PrincipalKeys.generate(name) for name in ("per:a1", "per:a2", "per:clerk", ARCHIVIST.id)}
        self.principals: dict[str, Principal] = {}
        for name, keys in self.keys.items():
            role = {"per:clerk": "reader", ARCHIVIST.id: "archivist"}.get(name, "approver")
            signing = PublicKey(keys.signing.kid, keys.signing.x, NOW - 100, NOW + 100)
            self.principals[name] = replace(principal(name, role, kind="person"), signing_keys=(signing,))
        self.principals[ARCHIVIST.id] = replace(
            self.principals[ARCHIVIST.id], roles=frozenset({"archivist", "approver"})
        )

    def principal(self, name: str) -> Principal | None:
        return self.principals.get(name)

    def signer(self, kid: str) -> tuple[str, PublicKey] | None:
        for name, who in self.principals.items():
            if key := who.signing_key(kid):
                return name, key
        return None


PEOPLE = People()


def request(*records: str, **changes: Any) -> Destroy:
    members = {
        "id": str(uuid.uuid4()), "type": "destroy", "records": records or ("rec-0001",), "ground": "expired",
        "reason": "ten years over", "approvals": (),
    }  # fmt: skip
    return Destroy.model_validate(members | changes)


def approved(command: Destroy, *approvers: str, at: int = NOW) -> Destroy:
    tokens = tuple(sign_approval(command, ARCHIVIST.id, PEOPLE.keys[name], now=at) for name in approvers)
    return command.model_copy(update={"approvals": tokens})


def decided(
    command: Destroy, *, people: Any = PEOPLE, held: Mapping[str, str] | None = None, entries: Any = None
) -> Any:
    standing = {record: LIVE for record in command.records if record != "rec-none"}
    who = received(command, people.principals[ARCHIVIST.id])
    return decide(who, standing, entries or {}, held or {}, people, RULES, NOW)


def code(command: Destroy, **kwargs: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        decided(command, **kwargs)
    return refusal.value.code


@pytest.mark.clause("DES-05")
def test_two_distinct_approvers_are_enough() -> None:
    found = decided(approved(request(), "per:a2", "per:a1"))
    assert [(who.id, who.x) for who in found.approvers] == [(n, PEOPLE.keys[n].signing.x) for n in ("per:a1", "per:a2")]


@pytest.mark.parametrize("approvers", [(), ("per:a1",), ("per:a1", "per:a1")])
def test_fewer_are_not(approvers: tuple[str, ...]) -> None:
    assert code(approved(request(), *approvers)) == "DG-DES-001"


def test_the_requester_does_not_count() -> None:
    assert code(approved(request(), "per:a1", ARCHIVIST.id)) == "DG-DES-003"


def test_who_is_no_approver_does_not_count() -> None:
    assert code(approved(request(), "per:a1", "per:clerk")) == "DG-DES-002"


@pytest.mark.parametrize(
    "change",
    [
        {"records": ("rec-0001", "rec-0002")},
        {"reason": "another"},
        {"ground": "business_request"},
        {"id": str(uuid.UUID(int=5))},
    ],
)
def test_an_approval_of_another_request_does_not_count(change: dict[str, Any]) -> None:
    command = approved(request(), "per:a1", "per:a2")
    assert code(command.model_copy(update=change)) == "DG-DES-004"


def test_an_approval_for_another_requester_does_not_count() -> None:
    command = request()
    tokens = tuple(sign_approval(command, "sys:other", PEOPLE.keys[a], now=NOW) for a in ("per:a1", "per:a2"))
    assert code(command.model_copy(update={"approvals": tokens})) == "DG-DES-004"


def test_forged_and_borrowed_signatures_do_not_count() -> None:
    command = request()
    good = sign_approval(command, ARCHIVIST.id, PEOPLE.keys["per:a1"], now=NOW)
    head, body, _ = good.split(".")
    stranger = PrincipalKeys.generate("per:a2")
    borrowed = Approval(action="approve-destroy", digest=digest_of(command, ARCHIVIST.id), approver="per:a2", at=NOW)
    as_other = jws.serialize_compact(
        {"alg": "Ed25519", "kid": PEOPLE.keys["per:a1"].signing.kid, "typ": TYP_APPROVAL},
        borrowed.model_dump_json(), OKPKey.import_key(PEOPLE.keys["per:a1"].signing.private), algorithms=["Ed25519"],
    )  # fmt: skip
    wrong_type = jws.serialize_compact(
        {"alg": "Ed25519", "kid": PEOPLE.keys["per:a1"].signing.kid, "typ": "dangan+jws"},
        borrowed.model_dump_json(), OKPKey.import_key(PEOPLE.keys["per:a1"].signing.private), algorithms=["Ed25519"],
    )  # fmt: skip
    forged = [
        f"{head}.{body}.{'A' * 86}", f"{head}..", "x", "", "a.b.c", as_other, wrong_type,
        sign_approval(command, ARCHIVIST.id, stranger, now=NOW), f"{'A' * 1000}.{body}.x",
    ]  # fmt: skip
    for token in forged:
        assert code(command.model_copy(update={"approvals": (good, token)})) == "DG-DES-002", token


def test_expired_revoked_stale_and_future_approvals_do_not_count() -> None:
    command = approved(request(), "per:a1", "per:a2")
    for change in ({"not_after": NOW}, {"revoked_at": NOW - 1}, {"not_before": NOW + 1}):
        people = People()
        people.keys, people.principals = PEOPLE.keys, dict(PEOPLE.principals)
        who = people.principals["per:a2"]
        people.principals["per:a2"] = replace(who, signing_keys=(replace(who.signing_keys[0], **change),))
        assert code(command, people=people) == "DG-DES-002", change
    assert code(approved(request(), "per:a1", "per:a2", at=NOW - 31 * 86400)) == "DG-DES-002"
    assert code(approved(request(), "per:a1", "per:a2", at=NOW + 301)) == "DG-DES-002"


def test_a_legal_hold_wins() -> None:
    command = approved(request("rec-0001", "rec-0002"), "per:a1", "per:a2")
    assert code(command, held={"rec-0002": "rec-0002"}) == "DG-DES-005"


def test_unknown_and_destroyed_records_are_told_apart() -> None:
    assert code(approved(request("rec-0001", "rec-none"), "per:a1", "per:a2")) == "DG-DES-006"
    other = {"rec-0001": Entry("rec-0001", Order("another", "r", "expired", (), 0))}
    assert code(approved(request(), "per:a1", "per:a2"), entries=other) == "DG-DES-007"


def order_of(command: Destroy) -> Order:
    """What the ledger keeps of an accepted command."""
    approvers = tuple(Approver(name, PEOPLE.keys[name].signing.x) for name in ("per:a1", "per:a2"))
    return Order(
        command.id, ARCHIVIST.id, command.ground, command.approvals, NOW, command.reason, command.records, approvers
    )


class World:
    """What a Destroyer works on; notes what is forgotten."""

    def __init__(self, entries: dict[str, Entry] | None = None, standing: dict[str, Occupied] | None = None) -> None:
        self.entries, self.standing = entries or {}, standing or {}
        self.forgotten: list[str] = []
        self.lookups = 0
        self.held_since = False
        self.belongs: set[str] = set()
        self.held: set[str] = set()
        self.upper: dict[str, str] = {}

    async def get(self, records: Any) -> dict[str, Entry]:
        return {record: self.entries[record] for record in records if record in self.entries}

    async def kept(self, records: Any, *, now: float) -> dict[str, Kept]:
        return {}

    async def remember(self, records: Any, *, at: int) -> None:
        assert not set(records) & set(self.forgotten), "papers are asked for before the records are gone"

    async def occupied(self, records: Any) -> dict[str, Occupied]:
        self.lookups += 1
        return {record: self.standing[record] for record in records if record in self.standing}

    async def on(self, records: Any, *, now: float) -> set[str]:
        return self.held & set(records)

    async def above(self, records: Any) -> dict[str, str]:
        return self.upper

    async def unnamed(self, records: Any, *, queued: bool = True) -> set[str]:
        return self.belongs - set(records)

    async def forget(self, records: Any, order: Order, *, at: int) -> None:
        if self.held_since:
            raise Refusal("DG-DES-005", detail=records[0])
        self.forgotten += records


async def applied(command: Destroy, world: World, people: Any = PEOPLE, rules: Rules = RULES) -> Any:
    destroyer = Destroyer(world, world, world, world, people, rules, world, world)  # type: ignore[arg-type]
    (outcome,) = await destroyer.apply([received(command, people.principals[ARCHIVIST.id])], NOW)
    return outcome


async def test_what_was_begun_is_finished_even_if_an_approver_was_revoked_meanwhile() -> None:
    command = approved(request("rec-0001", "rec-0002"), "per:a1", "per:a2")
    people = People()
    people.principals = {ARCHIVIST.id: PEOPLE.principals[ARCHIVIST.id]}
    begun = {"rec-0001": Entry("rec-0001", order_of(command))}
    world = World(begun, {"rec-0002": LIVE})
    outcome = await applied(command, world, people)
    assert outcome.result.status == "accepted"
    assert world.forgotten == ["rec-0001", "rec-0002"]
    assert {event.approvers for event in outcome.facts} == {("per:a1", "per:a2")}


class Freezes:
    """What incidents have frozen."""

    def __init__(self, *freezes: Freeze) -> None:
        self.freezes = list(freezes)

    async def in_force(self) -> list[Freeze]:
        return self.freezes


@pytest.mark.clause("SEC-11")
@pytest.mark.parametrize(
    ("kind", "target", "code"),
    [
        ("record", "rec-0002", "DG-INC-002"),
        ("principal", ARCHIVIST.id, "DG-INC-001"),
        ("department", ARCHIVIST.department, "DG-INC-001"),
    ],
)
async def test_what_an_incident_has_frozen_is_not_destroyed_until_it_is_thawed(
    kind: Any, target: str, code: str
) -> None:
    freezes = Freezes(Freeze("c", "inc-1", kind, target, "per:officer", NOW))
    rules = replace(RULES, frozen=Frozen(freezes))
    world = World(standing={"rec-0001": LIVE, "rec-0002": LIVE})
    command = approved(request("rec-0001", "rec-0002"), "per:a1", "per:a2")
    outcome = await applied(command, world, rules=rules)
    assert (outcome.result.code, world.forgotten) == (code, [])
    assert [(event.allowed, event.code) for event in outcome.facts] == [(False, code)]
    freezes.freezes.clear()
    assert (await applied(command, world, rules=rules)).result.status == "accepted"
    assert world.forgotten == ["rec-0001", "rec-0002"]


async def test_a_hold_since_the_decision_refuses_the_command() -> None:
    world = World(standing={"rec-0001": LIVE, "rec-0002": LIVE})
    world.held_since = True
    outcome = await applied(approved(request("rec-0001", "rec-0002"), "per:a1", "per:a2"), world)
    assert (outcome.result.code, world.forgotten) == ("DG-DES-005", [])
    assert [(event.allowed, event.code) for event in outcome.facts] == [(False, "DG-DES-005")]


@pytest.mark.clause("ARR-13")
@pytest.mark.parametrize("held", ["rec-0001", "rec-0002", "rec-0003"])
async def test_a_hold_on_an_archive_keeps_what_belongs_to_it_and_is_named(held: str) -> None:
    world = World(standing={"rec-0001": LIVE})
    world.upper = {"rec-0001": "rec-0002", "rec-0002": "rec-0003"}
    world.held = {held, "rec-0004"}
    command = approved(request("rec-0001"), "per:a1", "per:a2")
    outcome = await applied(command, world)
    assert (outcome.result.code, world.forgotten) == ("DG-DES-005", [])
    assert held in outcome.result.message
    assert await kept_from(world, world, lambda: NOW)(["rec-0001"]) == {held}  # type: ignore[arg-type]
    world.held = {"rec-0004"}
    assert (await applied(command, world)).result.status == "accepted"


@pytest.mark.clause("ARR-13")
async def test_an_archive_is_not_destroyed_without_what_belongs_to_it() -> None:
    world = World(standing={"rec-0001": LIVE, "rec-0002": LIVE})
    world.belongs = {"rec-0002", "rec-0003"}
    outcome = await applied(approved(request("rec-0001", "rec-0002"), "per:a1", "per:a2"), world)
    assert (outcome.result.code, world.forgotten) == ("DG-MRG-005", [])
    assert "rec-0003" in outcome.result.message
    assert "rec-0002" not in outcome.result.message


async def test_a_part_that_joined_since_the_decision_refuses_the_command_by_name() -> None:
    world = World(standing={"rec-0001": LIVE})
    world.held_since = True

    async def forget(records: Any, order: Order, *, at: int) -> None:
        world.belongs = {"rec-0002"}
        raise Refusal("DG-DES-005", detail="rec-0002")

    world.forget = forget  # type: ignore[method-assign]
    outcome = await applied(approved(request("rec-0001"), "per:a1", "per:a2"), world)
    assert outcome.result.code == "DG-MRG-005"


async def test_another_command_with_the_id_of_a_begun_one_is_not_that_command() -> None:
    command = approved(request("rec-0001"), "per:a1", "per:a2")
    world = World({"rec-0001": Entry("rec-0001", order_of(command))}, {"rec-0002": LIVE})
    for change in ({"records": ("rec-0001", "rec-0002")}, {"reason": "another"}):
        outcome = await applied(command.model_copy(update=change), world)
        assert (outcome.result.code, world.forgotten) == ("DG-DES-004", [])


async def test_a_stranger_is_refused_before_anything_is_looked_up_and_with_one_event() -> None:
    command = approved(request(*(f"rec-{n:04}" for n in range(256))), "per:a1", "per:a2")
    people = People()
    people.keys, people.principals = PEOPLE.keys, dict(PEOPLE.principals)
    people.principals[ARCHIVIST.id] = replace(people.principals[ARCHIVIST.id], roles=frozenset({"collector"}))
    world = World()
    outcome = await applied(command, world, people)
    assert outcome.result.code == "DG-CMD-004"
    assert (len(outcome.facts), world.lookups, world.forgotten) == (1, 0, [])
