"""Opinions and approvals: who must have signed before anything leaves (SHR-02, SHR-03)."""

from __future__ import annotations

import uuid
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from keys.okp import SigningKey
from schemas.levels import Level
from schemas.sharing import EndorseShare
from tests.simulators.sharing import Office, rules_with


@pytest.mark.clause("SHR-03")
async def test_nothing_leaves_before_client_manager_and_director_have_both_approved() -> None:
    office = Office()
    share, _ = await office.apply()
    for who in ("per:archivist", "per:manager", "per:director"):
        assert (await office.deliver(share)).result.code == "DG-SHR-051"
        assert await office.endorse(share, who) is None
    assert (await office.deliver(share)).result.status == "accepted"
    assert [step.post for step in office.stores.shares[share].steps] == ["archivist", "client_manager", "director"]


@pytest.mark.clause("SHR-03")
async def test_one_person_does_not_fill_two_posts() -> None:
    office = Office()
    share, _ = await office.apply()
    assert await office.endorse(share, "per:archivist") is None
    assert await office.endorse(share, "per:both") is None
    office.time += 1
    assert await office.endorse(share, "per:both") == "DG-SHR-037"
    assert await office.endorse(share, "per:director") is None


@pytest.mark.clause("SHR-03")
@pytest.mark.parametrize("order", list(permutations(("per:archivist", "per:manager", "per:director")))[1:])
async def test_posts_sign_in_their_order(order: tuple[str, ...]) -> None:
    office = Office()
    share, _ = await office.apply()
    assert "DG-SHR-039" in [await office.endorse(share, who) for who in order]
    assert office.stores.shares[share].state != "approved"


@pytest.mark.clause("SHR-03")
async def test_the_setting_says_who_approves() -> None:
    office = Office(rules_with(approval={"external": ["director"]}))
    share, _ = await office.apply()
    assert await office.endorse(share, "per:director") is None
    assert (await office.deliver(share)).result.status == "accepted"


@pytest.mark.clause("SHR-02")
async def test_a_department_that_was_asked_is_heard_before_anything_is_approved() -> None:
    office = Office()
    share, _ = await office.apply(ask=["legal", "analysis"])
    assert await office.endorse(share, "per:archivist") == "DG-SHR-030"
    assert await office.endorse(share, "per:legal", "opine", "no objection") is None
    assert await office.endorse(share, "per:archivist") == "DG-SHR-030"
    assert await office.endorse(share, "per:reader", "opine", "needed for reports") is None
    for who in ("per:archivist", "per:manager", "per:director"):
        assert await office.endorse(share, who) is None
    steps = office.stores.shares[share].steps
    assert [(step.action, step.post, step.reason) for step in steps[:2]] == [
        ("opine", "legal", "no objection"), ("opine", "analysis", "needed for reports"),
    ]  # fmt: skip
    kept = office.stores.shares[share]  # and again at the delivery, whatever the store says of approvals
    office.stores.shares[share] = replace(kept, steps=kept.steps[1:])
    assert (await office.deliver(share)).result.code == "DG-SHR-055"
    office.stores.shares[share] = await office.attested.share(office.stores.shares[share])  # by a worker's stolen token
    assert (await office.deliver(share)).result.code == "DG-SHR-030"
    office.stores.shares[share] = kept
    assert (await office.deliver(share)).result.status == "accepted"


@pytest.mark.clause("SHR-02")
async def test_inside_the_archive_department_reviews() -> None:
    office = Office()
    share, code = await office.apply(kind="internal", recipient="sys:analysis", agreement=None)
    assert code is None
    assert (await office.deliver(share)).result.code == "DG-SHR-051"
    assert await office.endorse(share, "per:manager") == "DG-SHR-038"
    assert await office.endorse(share, "per:archivist") is None
    assert (await office.deliver(share)).result.status == "accepted"


async def test_every_wrong_signature_has_its_code() -> None:
    office = Office()
    share, _ = await office.apply()
    other, _ = await office.apply()
    good = office.token(share, "per:archivist")
    forged = good[:-8] + ("A" * 8 if good[-8:] != "A" * 8 else "B" * 8)
    assert await office.endorse_with(share, forged) == "DG-SHR-031"
    assert await office.endorse_with(share, office.token(other, "per:archivist")) == "DG-SHR-035"
    assert await office.endorse_with(share, office.token(share, "per:applicant")) == "DG-SHR-034"
    assert await office.endorse_with(share, good, good) == "DG-SHR-040"
    assert await office.endorse_with(share, office.token(share, "per:legal", "opine")) == "DG-SHR-038"
    assert await office.endorse_with(share, office.token(share, "per:reader")) == "DG-SHR-038"
    assert await office.endorse_with(share, office.token(share, "per:archivist", "opine"), reason=" ") == "DG-SHR-041"
    assert await office.endorse_with(share, good, reason="call 13800138000") == "DG-COL-007"
    assert await office.endorse_with(str(uuid.uuid4()), good) == "DG-SHR-050"
    office.time += 31 * 86_400
    assert await office.endorse_with(share, good) == "DG-SHR-036"
    office.time -= 31 * 86_400
    office.staff.change_key("per:archivist", revoked_at=office.time)
    assert await office.endorse_with(share, good) == "DG-SHR-033"
    office.staff.change_key("per:archivist", revoked_at=None, not_after=office.time)
    assert await office.endorse_with(share, good) == "DG-SHR-032"
    office.staff.change_key("per:archivist", not_after=office.time + 1000)
    assert await office.endorse_with(share, good) is None
    assert await office.endorse_with(share, good) == "DG-SHR-042"


async def test_a_redelivered_signature_counts_once_and_a_rejection_ends_it() -> None:
    office = Office()
    share, _ = await office.apply()
    token = office.token(share, "per:archivist")
    members = {"id": str(uuid.uuid4()), "type": "endorse_share", "share": share, "approvals": [token]}
    command = EndorseShare.model_validate(members)
    first = await office.send(command, "per:applicant")
    assert (await office.send(command, "per:applicant")) == first
    assert len(office.stores.shares[share].steps) == 1
    assert await office.endorse(share, "per:director", "reject-share", "not for this purpose") is None
    assert await office.endorse(share, "per:manager") == "DG-SHR-051"
    assert (await office.deliver(share)).result.code == "DG-SHR-051"


@pytest.mark.clause("SHR-03")
@pytest.mark.parametrize(
    ("forge", "code"),
    [
        (lambda kept: replace(kept, steps=kept.steps[:2]), "DG-SHR-039"),
        (lambda kept: replace(kept, steps=(*kept.steps[:2], kept.steps[1])), "DG-SHR-038"),
        (lambda kept: replace(kept, request={**kept.request, "fields": ["name", "phone"]}), "DG-SHR-035"),
        (lambda kept: replace(kept, request={**kept.request, "recipient": "org:other"}), "DG-SHR-035"),
        (lambda kept: replace(kept, steps=tuple(replace(one, by="per:both") for one in kept.steps)), "DG-SHR-031"),
    ],
)
async def test_a_forged_store_releases_nothing(forge: Any, code: str) -> None:
    office = Office()
    share = await office.approved()
    forged = office.stores.shares[share] = forge(office.stores.shares[share])
    outcome = await office.deliver(share)
    assert (outcome.result.code, outcome.result.values) == ("DG-SHR-055", None)
    office.stores.shares[share] = await office.attested.share(forged)  # whoever has a worker's token gets no further
    outcome = await office.deliver(share)
    assert (outcome.result.code, outcome.result.values) == (code, None)


@pytest.mark.clause("SHR-03")
async def test_a_share_goes_out_as_a_worker_left_it_or_not_at_all() -> None:
    office = Office()
    share = await office.approved()
    kept = office.stores.shares[share]
    for change in (
        {"steps": ()}, {"steps": kept.steps[:2]}, {"posts": ("archivist",)}, {"until": kept.until + 1},
        {"level": Level.BASIC}, {"department": "elsewhere"}, {"request": {**kept.request, "until": None}},
        {"signature": None}, {"at_ms": 1}, {"applicant": "per:reader"},
    ):  # fmt: skip
        office.stores.shares[share] = replace(kept, **change)
        assert (await office.deliver(share)).result.code == "DG-SHR-055", change
        assert await office.endorse_with(share, kept.steps[0].token) == "DG-SHR-055", change
    office.stores.shares[share] = kept
    office.staff.change("per:director", active=False, barred="DG-SEC-013")  # and whoever approved may do so still
    assert (await office.deliver(share)).result.code == "DG-SHR-038"
    office.staff.change("per:director", active=True, barred=None)
    assert (await office.deliver(share)).result.status == "accepted"


async def test_a_rejection_stays_whatever_the_state_says() -> None:
    office = Office()
    share, _ = await office.apply()
    assert await office.endorse(share, "per:director", "reject-share", "not for this purpose") is None
    for state in ("applied", "endorsed", "approved"):
        office.stores.shares[share] = replace(office.stores.shares[share], state=state)
        assert await office.endorse(share, "per:archivist") == "DG-SHR-051"
        assert (await office.deliver(share)).result.code == "DG-SHR-051"


@pytest.mark.clause("SHR-03")
async def test_a_system_does_not_approve_and_opinions_are_bounded() -> None:
    office = Office()
    share, _ = await office.apply(ask=["legal"])
    for _ in range(32):
        office.time += 1
        assert await office.endorse(share, "per:legal", "opine") is None
    office.time += 1
    assert await office.endorse(share, "per:legal", "opine") == "DG-SHR-043"
    office.staff.change("per:archivist", kind="system")
    assert await office.endorse(share, "per:archivist") == "DG-SHR-038"


@pytest.mark.clause("SHR-10")
async def test_what_is_outside_is_recalled_and_closed_also_when_the_key_was_rotated_since() -> None:
    office = Office()
    share = await office.approved()
    package = (await office.deliver(share)).result.values["package"]
    office.transit.key = SigningKey.generate()
    assert (await office.deliver(share)).result.code == "DG-SHR-055"
    assert await office.acknowledge(share, office.statement(share, package)) is None
    assert await office.recall(share) is None
    assert await office.confirm(share, office.statement(share, package, "deleted")) is None
    assert office.stores.shares[share].state == "closed"
