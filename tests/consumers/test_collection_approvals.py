"""Approvals of core-sensitive collection: only the signature of a registered approver counts, over exactly this."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from consumers.collection_approvals import KnownApprovals, verified
from keys.principal_keys import PrincipalKeys
from ops.collection import sign
from schemas.collection_approval import CollectionApproval
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Principal, PublicKey
from store.collection_approvals import SignedApproval
from tests.consumers.samples import NOW, RULES

HEAD, CLERK = PrincipalKeys.generate("person:head"), PrincipalKeys.generate("person:clerk")
DOCUMENT = CollectionApproval(
    id="core-1", purpose="account_service", fields=frozenset({"id_number"}), not_before=NOW, not_after=NOW + 1000
)
SIGNED = SignedApproval(DOCUMENT, sign(DOCUMENT, HEAD, now=NOW))

pytestmark = pytest.mark.clause("COL-13")


def person(keys: PrincipalKeys, *roles: str, **changes: Any) -> Principal:
    key = PublicKey(keys.signing.kid, keys.signing.x, NOW - 1000, NOW + 1000)
    made = Principal(
        id=keys.principal,
        kind="person",
        roles=frozenset(roles),
        department="law",
        clearance=Level.CORE,
        signing_keys=(key,),
        receiving_keys=(),
    )
    return replace(made, **changes)


class People:
    """A directory."""

    def __init__(self, *people: Principal) -> None:
        self._people = {each.id: each for each in people}

    def principal(self, principal: str) -> Principal | None:
        return self._people.get(principal)

    def signer(self, kid: str) -> tuple[str, PublicKey] | None:
        return next(((each.id, key) for each in self._people.values() if (key := each.signing_key(kid))), None)


ALL = People(person(HEAD, "approver"), person(CLERK, "reader"))


def code(signed: SignedApproval, people: People = ALL, now: float = NOW + 10) -> str | None:
    try:
        verified(signed, people, RULES.authorizer, now)
    except Refusal as refusal:
        return refusal.code
    return None


def test_the_approvers_signature_counts() -> None:
    approved = verified(SIGNED, ALL, RULES.authorizer, NOW + 10)
    assert (approved.approver, approved.document) == ("person:head", DOCUMENT)


@pytest.mark.parametrize(
    "change",
    [
        {"fields": frozenset({"id_number", "account_number"})},
        {"purpose": "anti_money_laundering"},
        {"not_after": NOW + 9999},
        {"form": "retail@1"},
        {"id": "core-2"},
    ],
)
def test_whoever_changes_a_word_in_the_database_has_no_approval(change: dict[str, Any]) -> None:
    assert code(replace(SIGNED, document=DOCUMENT.model_copy(update=change))) == "DG-APR-004"


def test_only_an_active_person_with_the_role_and_a_good_key_approves() -> None:
    assert code(replace(SIGNED, approval=sign(DOCUMENT, CLERK, now=NOW))) == "DG-APR-005"
    assert code(SIGNED, People(person(HEAD, "approver", kind="system"))) == "DG-APR-005"
    assert code(SIGNED, People(person(HEAD, "approver", active=False))) == "DG-APR-005"
    assert code(SIGNED, People()) == "DG-APR-002"
    assert code(SIGNED, now=NOW + 1001) == "DG-APR-002"  # the key has ended
    assert code(replace(SIGNED, approval=SIGNED.approval[:-4] + "AAAA")) == "DG-APR-002"


def test_nothing_is_approved_afterwards() -> None:
    assert code(replace(SIGNED, approval=sign(DOCUMENT, HEAD, now=NOW + 301))) == "DG-APR-006"


class Given:
    """Approvals in memory, with a count of the reads."""

    def __init__(self) -> None:
        self.approvals: dict[str, SignedApproval] = {}
        self.reads = 0

    async def get(self, ids: Collection[str]) -> dict[str, SignedApproval]:
        self.reads += 1
        return {name: self.approvals[name] for name in ids if name in self.approvals}


async def test_approvals_are_held_for_seconds_and_a_missing_one_for_one() -> None:
    clock, given = [100.0], Given()
    known = KnownApprovals(given, ALL, RULES.authorizer, clock=lambda: clock[0])
    assert await known.known({"core-1"}, NOW) == {}
    given.approvals["core-1"] = SIGNED
    assert await known.known({"core-1"}, NOW) == {}
    clock[0] += 1.1
    assert (await known.known({"core-1"}, NOW)).keys() == {"core-1"}
    clock[0] += 4.9
    assert (await known.known({"core-1"}, NOW)).keys() == {"core-1"}
    assert given.reads == 2
    given.approvals["core-1"] = replace(SIGNED, approval=sign(DOCUMENT, CLERK, now=NOW))
    clock[0] += 0.2
    assert await known.known({"core-1"}, NOW) == {}
    assert await known.known(set(), NOW) == {}
    assert given.reads == 3
