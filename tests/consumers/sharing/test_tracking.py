"""From delivery to confirmed deletion: what is recorded, what counts once, what ends it (SHR-07, 10, 11)."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import replace
from typing import Any

import pytest

from keys.watermark import mark_of
from ops.sharing.receipts import contents
from ops.sharing.register import line_of, standing
from schemas.errors import Refusal
from schemas.sharing import Deliver, RecallShare
from tests.consumers.samples import NOW
from tests.simulators.sharing import PARTNER, Office


def package_of(outcome: Any) -> str:
    """The package that a delivery answered."""
    assert outcome.result.values is not None, outcome.result
    return str(outcome.result.values["package"])


@pytest.mark.clause("SHR-07")
async def test_a_package_opens_for_its_recipient_alone_and_holds_the_least() -> None:
    office = Office()
    share = await office.approved()
    outcome = await office.deliver(share)
    package = package_of(outcome).encode()
    content = contents(package, office.staff.keys[PARTNER], office.trust)
    assert [row["record"] for row in content["rows"]] == ["rec-0001", "rec-0002"]
    assert all(row["values"].keys() == {"name", "city"} for row in content["rows"])
    assert {each.lease.fields for each in office.stores.asked} == {("name", "city")}  # nothing else was opened
    assert content["duties"] == ["delete at the end"]
    assert mark_of(content["watermark"]).request == content["package"]
    for other in ("org:other", "per:archivist", "per:applicant"):
        with pytest.raises(Refusal) as refusal:
            contents(package, office.staff.keys[other], office.trust)
        assert refusal.value.code == "DG-SHR-070"
    for spoiled in (package[:-3], b"", b"a.b.c.d.e", package.replace(b".", b"..", 1)):
        with pytest.raises(Refusal):
            contents(spoiled, office.staff.keys[PARTNER], office.trust)
    with pytest.raises(Refusal):
        contents(package, office.staff.keys[PARTNER], Office().trust)  # another archive's


@pytest.mark.clause("SHR-11")
async def test_a_delivery_leaves_events_that_say_what_went_to_whom_under_what() -> None:
    office = Office()
    share = await office.approved()
    outcome = await office.deliver(share)
    own, *reads = outcome.facts
    assert (own.action, own.verb, own.grant, own.reader) == ("share", "deliver", f"share:{share}", PARTNER)
    assert own.approvers == ("per:archivist", "per:manager", "per:director")
    assert own.digest == hashlib.sha256(package_of(outcome).encode()).hexdigest()
    assert [(fact.action, fact.record, fact.fields, fact.reader) for fact in reads] == [
        ("access", record, ("name", "city"), PARTNER) for record in ("rec-0001", "rec-0002")
    ]
    line = line_of(office.stores.shares[share], now=office.time)
    assert (line["to"], line["agreement"], line["records"]) == (PARTNER, "nda-1", "rec-0001, rec-0002")
    assert (line["state"], line["approved by"]) == ("delivered", "per:archivist, per:manager, per:director")
    assert line["until"].startswith("2027-01-25")


@pytest.mark.clause("SHR-10", "SHR-11")
async def test_a_share_is_tracked_to_the_confirmed_deletion() -> None:
    office = Office()
    share = await office.approved()
    package = package_of(await office.deliver(share))
    received, deleted = (office.statement(share, package, says) for says in ("received", "deleted"))
    assert await office.acknowledge(share, received) is None
    assert await office.acknowledge(share, received) is None  # sent again, it counts once
    assert [said.says for said in office.stores.shares[share].said] == ["received"]
    assert office.stores.shares[share].due(office.time) is None
    assert await office.recall(share) is None
    assert office.stores.shares[share].due(office.time + 5) == office.time
    assert standing(office.stores.shares[share], now=office.time) == "to be confirmed deleted"
    assert (await office.deliver(share)).result.code == "DG-SHR-051"  # the recipient's access has ended
    assert await office.recall(share) == "DG-SHR-051"
    assert await office.confirm(share, received) == "DG-SHR-062"
    assert await office.confirm(share, deleted) is None
    kept = office.stores.shares[share]
    assert (kept.state, kept.due(office.time + 10**9)) == ("closed", None)
    assert await office.confirm(share, deleted) is None


@pytest.mark.clause("SHR-10")
async def test_the_end_date_ends_a_share_as_a_recall_does() -> None:
    office = Office()
    share = await office.approved()
    package = package_of(await office.deliver(share))
    until = office.stores.shares[share].until
    office.time = until
    assert (await office.deliver(share)).result.code == "DG-SHR-051"
    assert office.stores.shares[share].due(until) == until
    assert await office.confirm(share, office.statement(share, package, "deleted")) is None
    assert office.stores.shares[share].due(until) is None


async def test_a_recall_before_any_delivery_closes_and_only_certain_people_recall() -> None:
    office = Office()
    share, _ = await office.apply()
    assert await office.recall(share, "per:reader") == "DG-CMD-004"
    assert await office.recall(share, "per:archivist") is None
    assert office.stores.shares[share].state == "closed"
    assert await office.endorse(share, "per:archivist") == "DG-SHR-051"


@pytest.mark.clause("SHR-10")
async def test_only_the_recipients_own_statement_about_this_package_counts() -> None:
    office = Office()
    share, other = await office.approved(), await office.approved()
    package, another = package_of(await office.deliver(share)), package_of(await office.deliver(other))
    wrong = {
        "DG-SHR-060": [
            office.statement(share, package, by="org:other"),
            office.statement(share, package, by="per:archivist"),
            office.statement(share, package)[:-6] + "AAAAAA",
            "x", "a.b.c",
            office.token(share, "per:director"),
        ],
        "DG-SHR-061": [office.statement(share, another), office.statement(other, package), office.statement(share, "x")],
        "DG-SHR-062": [office.statement(share, package, "deleted")],
    }  # fmt: skip
    for code, tokens in wrong.items():
        for token in tokens:
            assert await office.acknowledge(share, token) == code, token
    assert office.stores.shares[share].said == ()
    office.staff.change(PARTNER, signing_keys=())  # its key was replaced since: its word about what it had still counts
    assert await office.acknowledge(share, office.statement(share, package)) is None


async def test_a_redelivered_delivery_makes_the_package_again_and_either_is_receipted() -> None:
    office = Office()
    share = await office.approved()
    command = Deliver.model_validate({"id": str(uuid.uuid4()), "type": "deliver", "share": share})
    first, second = [package_of(await office.send(command, "per:archivist")) for _ in range(2)]
    assert first != second
    assert [each.command for each in office.stores.shares[share].deliveries] == [command.id] * 2
    assert await office.acknowledge(share, office.statement(share, first)) is None
    assert await office.acknowledge(share, office.statement(share, second)) is None


async def test_a_redelivered_application_or_recall_is_the_same_and_another_under_its_id_is_not() -> None:
    office = Office()
    command = office.application()
    first = await office.send(command, "per:applicant")
    assert await office.send(command, "per:applicant") == first
    changed = command.model_copy(update={"fields": ("city",)})
    assert (await office.send(changed, "per:applicant")).result.code == "DG-CMD-001"
    assert (await office.send(command, "per:manager")).result.code == "DG-CMD-001"
    members = {"id": str(uuid.uuid4()), "type": "recall_share", "share": command.id, "reason": "over"}
    recall = RecallShare.model_validate(members)
    told = await office.send(recall, "per:applicant")
    assert await office.send(recall, "per:applicant") == told
    assert told.facts[0].verb == "recall"


async def test_a_recall_that_comes_in_between_stops_a_delivery() -> None:
    office = Office()
    share = await office.approved()
    swap = office.stores.swap

    async def recalled_first(seen: Any, changed: Any, /) -> bool:
        office.stores.swap = swap  # type: ignore[method-assign]
        assert await office.recall(share) is None
        return await swap(seen, changed)

    office.stores.swap = recalled_first  # type: ignore[method-assign]
    outcome = await office.deliver(share)
    assert (outcome.result.code, outcome.result.values) == ("DG-SHR-051", None)
    assert office.stores.shares[share].deliveries == ()


@pytest.mark.parametrize("spoil", ["gone", "objected", "stage", "high"])
async def test_a_record_that_may_not_be_read_is_not_shared(spoil: str) -> None:
    office = Office()
    share = await office.approved()
    known = office.stores.records["rec-0002"]
    if spoil == "gone":
        office.stores.consents.add(("", "account_service", PARTNER))
        del office.stores.records["rec-0002"]
    else:
        changes: dict[str, Any] = {
            "objected": {"objected": True}, "stage": {"stage": "received"},
            "high": {"intake": {"assessment": {"risk_grade": "high"}}},
        }[spoil]  # fmt: skip
        office.stores.records["rec-0002"] = replace(known, **changes)
    outcome = await office.deliver(share)
    assert outcome.result.code == ("DG-SHR-020" if spoil == "gone" else "DG-SHR-052")
    assert outcome.result.values is None


async def test_a_package_has_a_largest_size() -> None:
    office = Office()
    office.keep("rec-0001", name="x" * 300_000)
    share = await office.approved()
    assert (await office.deliver(share)).result.code == "DG-SHR-053"


@pytest.mark.clause("SHR-06")
async def test_pseudonyms_of_one_share_fit_together_and_those_of_two_do_not() -> None:
    office = Office()
    contents_of = []
    for number in range(3):
        if number != 1:
            share = await office.approved(form="pseudonymised", fields=["name", "gender", "city"])
        package = package_of(await office.deliver(share)).encode()
        contents_of.append(contents(package, office.staff.keys[PARTNER], office.trust)["rows"])
    first, again, other = contents_of
    assert first == again
    text = json.dumps(first, ensure_ascii=False)
    assert not [word for word in ("rec-0001", "无名", "other") if word in text]
    assert [row["values"]["city"] for row in first] == ["Suzhou", "Suzhou"]

    def names(rows: Any) -> set[str]:
        return {row["record"] for row in rows} | {row["values"]["name"] for row in rows}

    assert len(names(first)) == 4
    assert not names(first) & names(other)


async def test_what_was_asked_is_in_the_event_of_a_refusal_and_nothing_personal() -> None:
    office = Office()
    outcome = await office.send(office.application(channel="messenger"), "per:applicant")
    (fact,) = outcome.facts
    assert (fact.allowed, fact.code, fact.verb, fact.at_ms) == (False, "DG-SHR-024", "apply", NOW * 1000)
