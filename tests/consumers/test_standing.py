"""What bars a registration bars everything its owner does, with the reason, and only as long as it lasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.approvals import Post, signed_by
from consumers.by_type import ByType
from consumers.directory import Directory
from consumers.received import Outcome, Received, fact
from consumers.standing import as_it_stands, bar, clashing
from keys.okp import SigningKey
from keys.roots import REGISTRATIONS_KEY
from keys.signer import approval
from keys.stored_signatures import REGISTRATION, StoredSeal, sign_stored
from schemas.approvals import digest_of
from schemas.commands import Confirm
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Principal
from schemas.replies import Result
from schemas.rule_tables.people import ADMINISTRATOR, People
from store.principals import Registration, principal_document
from tests.consumers.samples import NOW, RULES, access, collect, principal, received
from tests.simulators.attested import SigningVault

STRICT = People()
ROLES = ("reader", "collector", "reviewer", "archivist", "approver", "deliverer", "custodian", ADMINISTRATOR)


def person(*roles: str, **changes: Any) -> Principal:
    return principal("staff:1", *roles, kind="person", **{"agreement_until": NOW + 60, **changes})


@pytest.mark.clause("SEC-06")
@given(st.frozensets(st.sampled_from(ROLES), min_size=1))
def test_no_roles_that_exclude_each_other_ever_count(roles: frozenset[str]) -> None:
    excluded = ADMINISTRATOR in roles and len(roles) > 1
    excluded |= any({one, other} <= roles for one, other in STRICT.incompatible)
    assert (clashing(roles, STRICT) is not None) == excluded
    code = bar(person(*roles), STRICT, NOW)
    assert code == ("DG-SEC-011" if excluded else None)


@pytest.mark.clause("SEC-06")
@given(st.frozensets(st.sampled_from(ROLES)), st.sampled_from(list(Level)), st.sampled_from(["person", "system"]))
def test_an_administrator_never_reads_or_changes_customer_information(
    roles: frozenset[str], level: Level, kind: str
) -> None:
    boss = principal("ops:1", ADMINISTRATOR, *roles, kind=kind)
    for action in ("collect", "update", "access", "destroy", "decide", "propose", "withdraw"):
        assert not RULES.authorizer.allows(boss, action, level, "account_service")


@pytest.mark.clause("SEC-09")
@given(st.one_of(st.none(), st.integers(NOW - 10, NOW + 10)), st.integers(NOW - 10, NOW + 10), st.booleans())
def test_a_person_without_an_agreement_in_force_never_counts(until: int | None, now: int, system: bool) -> None:
    who = replace(person("reader", agreement_until=until), kind="system" if system else "person")
    in_force = system or (until is not None and now < until)
    assert bar(who, STRICT, now) == (None if in_force else "DG-SEC-008")
    relaxed = People(agreement_required=False)
    assert (bar(who, relaxed, now) is None) == (system or until is None or now < until)


@pytest.mark.clause("SEC-05")
@given(st.one_of(st.none(), st.integers(NOW - 10, NOW + 10)), st.integers(NOW - 10, NOW + 10))
def test_permissions_that_lapsed_never_count(lapses: int | None, now: int) -> None:
    who = person("reader", agreement_until=NOW + 100, lapses_at=lapses)
    assert bar(who, STRICT, now) == ("DG-SEC-009" if lapses is not None and now >= lapses else None)


@pytest.mark.clause("SEC-08")
def test_an_account_of_several_counts_for_nothing() -> None:
    assert bar(person("reader", agreement_until=NOW + 9), STRICT, NOW) is None
    assert bar(replace(person("reader"), kind="group"), STRICT, NOW) == "DG-SEC-012"  # type: ignore[arg-type]


class Counting:
    """Applies everything, and counts."""

    def __init__(self) -> None:
        self.seen = 0

    async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
        self.seen += len(batch)
        return [Outcome(Result(id=one.command.id, status="accepted"), (fact(one, "collect"),)) for one in batch]


@pytest.mark.clause("SEC-05", "SEC-09")
async def test_a_barred_senders_commands_are_refused_with_the_reason_and_audited() -> None:
    good = person("collector")
    ended = as_it_stands(replace(good, id="staff:2", agreement_until=NOW), STRICT, NOW)
    batch = [
        received(collect(), good),
        received(collect(), ended),
        received(access(), ended),
        received(collect(), good),
    ]
    applier = Counting()
    outcomes = await ByType({"collect": applier, "access": applier}).apply(batch, NOW)
    assert [one.result.code for one in outcomes] == [None, "DG-SEC-008", "DG-SEC-008", None]
    assert [one.result.id for one in outcomes] == [one.command.id for one in batch]
    assert applier.seen == 2
    refused = [one.facts[0] for one in outcomes[1:3]]
    assert [(each.action, each.allowed, each.code, each.actor) for each in refused] == [
        ("collect", False, "DG-SEC-008", "staff:2"), ("access", False, "DG-SEC-008", "staff:2"),
    ]  # fmt: skip
    assert all(each.record is None for each in refused)


class Registry:
    """Registrations in memory."""

    def __init__(self, *everyone: Registration) -> None:
        self.everyone = list(everyone)

    async def registrations(self) -> list[Registration]:
        return self.everyone

    async def all(self) -> list[Principal]:
        return [each.principal for each in self.everyone]


async def signed(vault: SigningVault, who: Principal, version: int = 1) -> Registration:
    return Registration(who, version, await sign_stored(vault, REGISTRATION, principal_document(who, version)))


@pytest.mark.clause("SEC-05", "SEC-09")
async def test_the_directory_bars_who_does_not_stand_and_lets_in_who_stands_again() -> None:
    who = person("reader", lapses_at=NOW + 1)
    now = [float(NOW)]
    directory = Directory(Registry(Registration(who, 1, None)), people=STRICT, wall=lambda: now[0])  # type: ignore[arg-type]
    await directory.refresh()
    assert directory.principal("staff:1") is who
    now[0] += 1
    await directory.refresh(anew=True)
    late = directory.principal("staff:1")
    assert late is not None
    assert (late.barred, late.active) == ("DG-SEC-009", False)
    now[0] -= 1
    await directory.refresh(anew=True)
    assert directory.principal("staff:1") == who


@pytest.mark.clause("SEC-09")
async def test_the_signature_of_a_barred_person_under_others_requests_counts_as_little() -> None:
    key = SigningKey.generate()
    keys = tuple(replace(one, kid=key.kid, x=key.x) for one in person("director").signing_keys)
    who = person("director", signing_keys=keys)
    command = Confirm(id="0b8fbd2c-7a4c-4b1e-9a55-6d0f5b8b2c11", type="confirm", records=("rec-0001",), approvals=())
    token = approval(key, approver=who.id, action="confirm-archive", digest=digest_of(command, "staff:9"), at=NOW)
    command = command.model_copy(update={"approvals": (token,)})
    for until, counts in ((NOW + 60, True), (NOW, False)):
        registry = Registry(Registration(replace(who, agreement_until=until), 1, None))
        directory = Directory(registry, people=STRICT, wall=lambda: float(NOW))  # type: ignore[arg-type]
        await directory.refresh()
        ask: Any = {"requester": "staff:9", "directory": directory, "authorizer": RULES.authorizer, "now": NOW}
        if counts:
            assert [one.id for one in signed_by(command, [Post("confirm-archive", "director")], **ask)] == [who.id]
        else:
            with pytest.raises(Refusal, match="DG-APR-005"):
                signed_by(command, [Post("confirm-archive", "director")], **ask)


@pytest.mark.clause("SEC-01", "SEC-04")
async def test_who_writes_to_the_database_alone_registers_nobody_and_widens_nothing() -> None:
    vault, other = SigningVault(), SigningVault()
    good = await signed(vault, person("reader"))
    made_up = {
        "unsigned": good._replace(signature=None),
        "garbage": good._replace(signature="AAAA"),
        "not even base64": good._replace(signature="§"),
        "by another key": await signed(other, good.principal),
        "wider": good._replace(principal=replace(good.principal, roles=frozenset({"reader", "archivist"}))),
        "higher": good._replace(principal=replace(good.principal, lapses_at=None, clearance=Level.BASIC)),
        "another's": good._replace(principal=replace(good.principal, id="staff:2")),
        "another version": good._replace(version=2),
    }
    for what, registration in made_up.items():
        directory = Directory(Registry(registration), seal=StoredSeal(vault, REGISTRATIONS_KEY))  # type: ignore[arg-type]
        await directory.refresh()
        found = directory.principal(registration.principal.id)
        assert found is not None
        assert (found.barred, found.active) == ("DG-SEC-013", False), what
    directory = Directory(Registry(good), seal=StoredSeal(vault, REGISTRATIONS_KEY))  # type: ignore[arg-type]
    await directory.refresh()
    assert directory.principal("staff:1") == good.principal


@pytest.mark.clause("SEC-01")
async def test_an_older_signed_registration_put_back_is_told_from_the_newer() -> None:
    vault = SigningVault()
    before = await signed(vault, person("reader"))
    after = await signed(vault, person("reader", active=False), 2)
    registry = Registry(before)
    directory = Directory(registry, seal=StoredSeal(vault, REGISTRATIONS_KEY))  # type: ignore[arg-type]
    for registration, code in ((before, None), (after, None), (before, "DG-SEC-013"), (after, None)):
        registry.everyone = [registration]
        await directory.refresh(anew=True)
        found = directory.principal("staff:1")
        assert found is not None
        assert found.barred == code
    assert vault.asked == 2  # once at first, once more before anybody is barred
