"""Merges: signed, from the versions that were seen, never a chain, and every other way refused with its code."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.identity import identity_of
from consumers.merge_rules import MAX_PARTS, deed_digest
from ops.rules import load_rules
from schemas.commands import Merge, Unmerge
from schemas.errors import Refusal
from schemas.identity import identity_keys
from schemas.rulebook import Identity
from tests.simulators.merging import ARCHIVIST, CRM, Archive, link

pytestmark = pytest.mark.clause("ARR-13")

ID, OTHER_ID = "11010519491231002X", "110105194912310038"
FIRST = {"name": "张三", "id_number": ID, "city": "Suzhou"}
SECOND = {"name": "张三丰", "id_number": ID, "phone": "13800138000"}


class Crash(BaseException):
    """The worker was killed."""


async def two() -> Archive:
    """An archive and its duplicate."""
    archive = Archive()
    await archive.collect("rec-a", "sub-1", FIRST)
    assert await archive.collect("rec-b", "sub-2", SECOND) == "rec-a"
    return archive


async def code_of(archive: Archive, command: Any, **options: Any) -> str | None:
    before = copy.deepcopy(archive.rows.documents)
    outcome = await archive.link(command, **options)
    assert outcome.result.status == "refused"
    assert [(event.allowed, event.code) for event in outcome.facts] == [(False, outcome.result.code)]
    assert archive.rows.documents == before
    return outcome.result.code


async def test_a_second_record_of_an_identity_is_kept_whole_as_its_duplicate() -> None:
    archive = await two()
    (duplicate,) = (await archive.records.get(["rec-b"])).values()
    assert (duplicate.stage, duplicate.duplicate_of, duplicate.identity) == ("duplicate", "rec-a", ())
    assert await archive.own("rec-b") == {"name": "张三丰", "id_number": ID, "phone": "+8613800138000"}


async def test_two_records_of_one_subject_and_purpose_are_one_customers() -> None:
    archive = await two()
    assert await archive.collect("rec-c", "sub-1", {"name": "张三"}) == "rec-a"
    assert await archive.collect("rec-d", "sub-1", {"name": "张三"}, purpose="marketing") is None
    assert await archive.collect("rec-e", "sub-3", {"name": "张三"}) is None


async def test_a_third_record_duplicates_the_archive_and_not_its_part() -> None:
    archive = await two()
    await archive.collect("rec-c", "sub-9", {"id_number": OTHER_ID})
    assert (await archive.link(link("merge", "rec-a", "rec-c", (1, 1)))).result.status == "accepted"
    assert await archive.collect("rec-d", "sub-8", {"id_number": OTHER_ID}) == "rec-a"


@given(st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"]), st.sampled_from([b"1", b"2"]), st.booleans())
def test_identity_keys_differ_by_purpose_field_and_token(purpose: str, field: str, token: bytes, unique: bool) -> None:
    rule = Identity(fields=("x", "y"), unique=unique)
    mine = identity_keys("a", "sub-1", {"x": b"1"}, rule)
    keys = identity_keys(purpose, "sub-2", {field: token}, rule)
    same = (purpose, field, token) == ("a", "x", b"1")
    assert (mine[:1] == keys[:1]) == (same or not unique)
    assert len(keys) == (2 if unique else 0)
    assert not unique or mine[1] != keys[1]


def test_the_best_identifier_stands_for_the_record() -> None:
    rule = Identity(fields=("x", "y"))
    assert identity_keys("a", "s", {"y": b"2", "x": b"1"}, rule) == identity_keys("a", "s", {"x": b"1"}, rule)


async def test_a_merge_links_both_sides_and_moves_nothing() -> None:
    archive = await two()
    before = copy.deepcopy(archive.rows.documents)
    outcome = await archive.link(link("merge", "rec-a", "rec-b", (1, 1)))
    assert (outcome.result.status, outcome.result.version) == ("accepted", 2)
    assert [(f.action, f.record, f.version, f.approvers) for f in outcome.facts] == [
        ("merge", "rec-a", 2, ("per:custodian", "per:director")),
        ("merge", "rec-b", 2, ("per:custodian", "per:director")),
    ]
    for name, old in before.items():
        new = archive.rows.documents[name]
        assert {part: new[part] for part in ("fields", "keys", "tokens")} == {
            part: old[part] for part in ("fields", "keys", "tokens")
        }
        assert [(entry["link"]["kind"], entry["fields"]) for entry in new["history"]] == [("merge", {})]
        assert "同一客户".encode() not in bytes(new["history"][0]["reason"])
    read = await archive.read("rec-a", ["name", "phone", "city", "email"])
    assert read == {"name": "张三", "phone": "+8613800138000", "city": "Suzhou"}


async def test_an_undoing_puts_back_exactly_the_stage_before() -> None:
    archive = await two()
    await archive.collect("rec-c", "sub-3", {"id_number": OTHER_ID})
    for name, stage in (("rec-b", "duplicate"), ("rec-c", "archived")):
        before = copy.deepcopy(archive.rows.documents[name])
        version = archive.rows.documents["rec-a"]["version"]
        await archive.link(link("merge", "rec-a", name, (version, 1)))
        outcome = await archive.link(link("unmerge", "rec-a", name, (version + 1, 2)))
        assert outcome.result.status == "accepted"
        after = archive.rows.documents[name]
        changed = ("version", "history", "history_bytes")
        assert {k: v for k, v in after.items() if k not in changed} == {
            k: v for k, v in before.items() if k not in changed
        }
        assert (await archive.records.get([name]))[name].stage == stage
        assert [entry["link"]["kind"] for entry in after["history"]] == ["merge", "unmerge"]
    assert set(await archive.read("rec-a", ["phone", "city"])) == {"city"}


@pytest.mark.parametrize("kind", ["merge", "unmerge"])
async def test_a_redelivered_command_answers_the_same_and_changes_nothing(kind: str) -> None:
    archive = await two()
    command = link("merge", "rec-a", "rec-b", (1, 1))
    first = await archive.link(command)
    if kind == "unmerge":
        command = link("unmerge", "rec-a", "rec-b", (2, 2))
        first = await archive.link(command)
    before = copy.deepcopy(archive.rows.documents)
    assert await archive.link(command) == first
    assert archive.rows.documents == before
    await archive.update("rec-a", first.result.version or 0, {"city": "Wuxi"})
    assert await archive.link(command) == first


@pytest.mark.parametrize("kind", ["merge", "unmerge"])
async def test_a_used_command_id_does_nothing_else_and_needs_no_fewer_signatures(kind: str) -> None:
    archive = await two()
    await archive.collect("rec-c", "sub-3", {"id_number": OTHER_ID})
    used = link("merge", "rec-c", "rec-b", (1, 1))
    assert (await archive.link(used)).result.status == "accepted"
    undo = link("unmerge", "rec-c", "rec-b", (2, 2))
    assert (await archive.link(undo)).result.status == "accepted"
    assert (await archive.link(link("merge", "rec-a", "rec-b", (1, 3)))).result.status == "accepted"
    others: list[dict[str, Any]] = [
        {"record": "rec-a"},  # as if it took the archive's side back
        {"record": "rec-a", "from_version": 99},
        {"record": "rec-c", "duplicate": "rec-a"},
        {"record": "rec-b", "duplicate": "rec-c"},
        {"duplicate_version": 9},
    ]
    model: Any = Merge if kind == "merge" else Unmerge
    for id_of in (used, undo):
        for change in others:
            members = {**id_of.model_dump(), "type": kind, "approvals": (), **change}
            assert await code_of(archive, model.model_validate(members)) == "DG-CMD-001"
        signed = link(kind, "rec-a", "rec-b", (2, 4), id=id_of.id)
        assert await code_of(archive, signed) == "DG-CMD-001"


async def test_another_kind_of_command_with_a_merges_id_is_not_that_merge() -> None:
    archive = await two()
    command = link("merge", "rec-a", "rec-b", (1, 1))
    first = await archive.link(command)
    undoing = Unmerge.model_validate({**command.model_dump(), "type": "unmerge", "approvals": ()})
    assert await code_of(archive, undoing) == "DG-CMD-001"
    assert await archive.link(command) == first


async def test_two_signed_commands_with_one_id_leave_no_half_of_a_link_behind() -> None:
    archive = await two()
    await archive.collect("rec-c", "sub-3", {"id_number": OTHER_ID})
    mine = link("merge", "rec-a", "rec-b", (1, 1))
    theirs = link("merge", "rec-a", "rec-c", (1, 1), id=mine.id)
    merges: Any = archive.merges
    join = merges.join

    async def meeting(*args: Any) -> bool:
        merges.join = join
        joined = await join(*args)
        assert (await archive.link(mine)).result.status == "accepted"
        return bool(joined)

    before = copy.deepcopy(archive.rows.documents["rec-c"])
    merges.join = meeting
    assert (await archive.link(theirs)).result.code == "DG-MRG-006"
    assert archive.rows.documents["rec-c"] == before | {"history": [], "history_bytes": 0}


@pytest.mark.parametrize("own", [True, False])
async def test_only_what_this_command_did_is_taken_back(own: bool) -> None:
    archive = await two()
    command = link("merge", "rec-a", "rec-b", (1, 1))
    await archive.link(command)
    (part,) = (await archive.records.get(["rec-b"])).values()
    digest = deed_digest(command, ARCHIVIST.id if own else CRM.id)
    assert await archive.merges.withdraw(part, "rec-a", digest) == own


async def test_a_personal_reference_is_refused_before_anything_else_answers() -> None:
    archive = await two()
    command = link("merge", "rec-a", "rec-b", (1, 1))
    await archive.link(command)
    for member in ("record", "duplicate"):
        assert await code_of(archive, command.model_copy(update={member: ID})) == "DG-COL-007"


def test_the_digest_that_is_kept_tells_nothing_of_the_reason() -> None:
    command = link("merge", "rec-a", "rec-b", (1, 1))
    other = command.model_copy(update={"reason": "another", "approvals": ()})
    assert deed_digest(command, "s") == deed_digest(other, "s") != deed_digest(command, "t")


@pytest.mark.parametrize("writes", [0, 1])
@pytest.mark.parametrize("kind", ["merge", "unmerge"])
async def test_a_crash_between_the_two_sides_is_mended_by_the_redelivery(kind: str, writes: int) -> None:
    archive = await two()
    command = link("merge", "rec-a", "rec-b", (1, 1))
    if kind == "unmerge":
        await archive.link(command)
        command = link("unmerge", "rec-a", "rec-b", (2, 2))
    left = writes

    def crash() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Crash

    archive.rows.before_write = crash
    with pytest.raises(Crash):
        await archive.link(command)
    archive.rows.before_write = lambda: None
    whole = kind == "unmerge" and writes == 0  # half a link is no link, on its way in or out
    assert ("phone" in await archive.read("rec-a", ["phone", "city"])) == whole
    outcome = await archive.link(command)
    assert outcome.result.status == "accepted"
    assert ("phone" in await archive.read("rec-a", ["phone"])) == (kind == "merge")
    for name in ("rec-a", "rec-b"):
        assert len(archive.rows.documents[name]["history"]) == (1 if kind == "merge" else 2)


async def test_an_archive_that_changes_in_between_takes_nothing_and_leaves_no_trace() -> None:
    archive = await two()
    before = copy.deepcopy(archive.rows.documents["rec-b"])
    merges: Any = archive.merges
    take = merges.take

    async def late(record: Any, part: str, entry: Any) -> Any:
        merges.take = take
        assert (await archive.update("rec-a", 1, {"city": "Wuxi"})).result.status == "accepted"
        return await take(record, part, entry)

    merges.take = late
    outcome = await archive.link(link("merge", "rec-a", "rec-b", (1, 1)))
    assert outcome.result.code == "DG-MRG-006"
    assert archive.rows.documents["rec-b"] == before | {"history": [], "history_bytes": 0}
    assert archive.rows.documents["rec-a"].get("parts") is None


async def test_a_destruction_that_begins_in_between_is_seen_by_one_of_the_two() -> None:
    archive = await two()
    merges: Any = archive.merges
    join = merges.join

    async def late(*args: Any) -> Any:
        archive.gone.add("rec-a")
        return await join(*args)

    merges.join = late
    outcome = await archive.link(link("merge", "rec-a", "rec-b", (1, 1)))
    assert outcome.result.code == "DG-MRG-010"
    assert archive.rows.documents["rec-b"]["stage"] == "duplicate"


@pytest.mark.parametrize("newer", ["rec-a", "rec-b"])
async def test_half_a_merge_that_a_restored_backup_holds_can_be_undone_or_made_again(newer: str) -> None:
    archive = await two()
    before = copy.deepcopy(archive.rows.documents)
    assert (await archive.link(link("merge", "rec-a", "rec-b", (1, 1)))).result.status == "accepted"
    (older,) = {"rec-a", "rec-b"} - {newer}
    archive.rows.documents[older] = before[older]
    versions = {name: doc["version"] for name, doc in archive.rows.documents.items()}
    if newer == "rec-b":  # joined to an archive that does not know of it
        undo = link("unmerge", "rec-a", "rec-b", (versions["rec-a"], versions["rec-b"]))
        assert (await archive.link(undo)).result.status == "accepted"
        assert (await archive.records.get(["rec-b"]))["rec-b"].stage == "duplicate"
        versions = {name: version + 1 for name, version in versions.items()}
    assert set(await archive.read("rec-a", ["phone", "city"])) == {"city"}
    again = link("merge", "rec-a", "rec-b", (versions["rec-a"], versions["rec-b"]))
    assert (await archive.link(again)).result.status == "accepted"
    assert set(await archive.read("rec-a", ["phone", "city"])) == {"phone", "city"}


async def test_an_undoing_that_meets_a_merge_under_way_leaves_no_half_of_it() -> None:
    archive = await two()
    merges: Any = archive.merges
    join = merges.join

    async def meeting(*args: Any) -> bool:
        merges.join = join
        assert await join(*args)
        undo = link("unmerge", "rec-a", "rec-b", (1, 2))
        assert (await archive.link(undo)).result.status == "accepted"
        return True

    merges.join = meeting
    command = link("merge", "rec-a", "rec-b", (1, 1))
    assert (await archive.link(command)).result.code == "DG-MRG-006"
    assert (await archive.link(command)).result.code == "DG-MRG-006"
    part = (await archive.records.get(["rec-b"], history=True))["rec-b"]
    assert (part.stage, part.part_of, part.version, len(part.history)) == ("duplicate", None, 3, 2)
    assert (await archive.link(link("merge", "rec-a", "rec-b", (2, 3)))).result.status == "accepted"


async def test_refused_merges_change_nothing() -> None:
    archive = await two()
    await archive.collect("rec-m", "sub-1", {"name": "张三"}, purpose="marketing")
    await archive.collect("rec-c", "sub-3", {"id_number": OTHER_ID})
    await archive.collect("rec-d", "sub-4", {"id_number": OTHER_ID})
    await archive.link(link("merge", "rec-c", "rec-d", (1, 1)))
    refused = {
        "DG-MRG-002": link("merge", "rec-a", "rec-none", (1, 1)),
        "DG-MRG-004": link("merge", "rec-a", "rec-d", (1, 2)),
        "DG-MRG-006": link("merge", "rec-a", "rec-b", (2, 1)),
        "DG-MRG-008": link("merge", "rec-a", "rec-m", (1, 1)),
        "DG-MRG-009": link("merge", "rec-a", "rec-c", (1, 2)),
        "DG-MRG-011": link("unmerge", "rec-a", "rec-d", (1, 2)),
        "DG-APR-001": link("merge", "rec-a", "rec-b", (1, 1), "per:custodian"),
        "DG-APR-004": link("merge", "rec-a", "rec-b", (1, 1)).model_copy(update={"duplicate": "rec-c"}),
        "DG-COL-007": link("merge", "rec-a", "13800138000", (1, 1)),
    }
    assert {code: await code_of(archive, command) for code, command in refused.items()} == {c: c for c in refused}
    for kept in ("rec-a", "rec-b", "rec-d"):  # itself, a duplicate, a part
        version = archive.rows.documents[kept]["version"]
        assert await code_of(archive, link("merge", kept, "rec-a", (version, 1))) == "DG-MRG-007"
    assert await code_of(archive, link("merge", "rec-a", "rec-b", (1, 2))) == "DG-MRG-006"
    assert await code_of(archive, link("merge", "rec-a", "rec-b", (1, 1)), sender=CRM) == "DG-CMD-004"


async def test_what_is_held_or_being_destroyed_is_neither_merged_nor_taken_apart() -> None:
    for name in ("rec-a", "rec-b"):
        archive = await two()
        for known in (archive.held, archive.gone):
            known.add(name)
            assert await code_of(archive, link("merge", "rec-a", "rec-b", (1, 1))) == "DG-MRG-010"
            known.clear()
        await archive.link(link("merge", "rec-a", "rec-b", (1, 1)))
        archive.held.add(name)
        assert await code_of(archive, link("unmerge", "rec-a", "rec-b", (2, 2))) == "DG-MRG-010"


async def test_a_hold_on_an_archive_keeps_its_parts_and_what_waits_beside_them() -> None:
    archive = await two()
    await archive.collect("rec-c", "sub-3", {"id_number": OTHER_ID})
    assert await archive.collect("rec-d", "sub-4", {"id_number": OTHER_ID}) == "rec-c"
    archive.held.add("rec-c")
    # A duplicate of a held archive joins no other: there it would be out of the hold's reach.
    assert await code_of(archive, link("merge", "rec-a", "rec-d", (1, 1))) == "DG-MRG-010"
    archive.held.clear()
    assert (await archive.link(link("merge", "rec-a", "rec-c", (1, 1)))).result.status == "accepted"
    archive.held.add("rec-a")
    for name in ("rec-b", "rec-c", "rec-d"):  # waits, is part of it, waits beside its part
        named = [name, *(["rec-d"] if name == "rec-c" else [])]
        with pytest.raises(Refusal, match=r"DG-DES-005.*rec-a"):
            await archive.destroy(named)
        assert archive.rows.documents[name]["state"] == "live"
    archive.held.clear()
    await archive.destroy(["rec-d"])
    archive.held.add("rec-b")  # beside the others, and above none
    await archive.destroy(["rec-c"])


async def test_an_intake_that_is_not_finished_joins_nothing_and_takes_nothing() -> None:
    archive = await two()
    archive.rows.documents["rec-b"]["stage"] = "reviewed"
    assert await code_of(archive, link("merge", "rec-a", "rec-b", (1, 1))) == "DG-MRG-012"
    archive.rows.documents["rec-b"]["stage"] = "duplicate"
    archive.rows.documents["rec-a"]["stage"] = "received"
    assert await code_of(archive, link("merge", "rec-a", "rec-b", (1, 1))) == "DG-MRG-007"


async def test_what_rests_on_a_withdrawn_consent_is_not_merged() -> None:
    for name in ("rec-a", "rec-b"):
        archive = await two()
        archive.rows.documents[name]["consent_state"] = "withdrawn"
        assert await code_of(archive, link("merge", "rec-a", "rec-b", (1, 1))) == "DG-CON-001"


async def test_a_part_that_was_destroyed_is_no_part_any_more() -> None:
    archive = await two()
    await archive.collect("rec-c", "sub-3", {"id_number": OTHER_ID})
    await archive.link(link("merge", "rec-a", "rec-b", (1, 1)))
    await archive.destroy(["rec-b"])
    assert set(await archive.read("rec-a", ["phone", "city"])) == {"city"}
    assert await code_of(archive, link("unmerge", "rec-a", "rec-b", (2, 2))) == "DG-MRG-010"
    assert (await archive.link(link("merge", "rec-c", "rec-a", (1, 2)))).result.status == "accepted"


async def test_an_archive_has_no_more_parts_than_a_request_can_name() -> None:
    archive = await two()
    archive.rows.documents["rec-a"]["parts"] = [f"rec-{number:04}" for number in range(MAX_PARTS)]
    assert await code_of(archive, link("merge", "rec-a", "rec-b", (1, 1))) == "DG-MRG-013"


async def test_two_merges_into_each_other_make_no_cycle() -> None:
    archive = Archive()
    await archive.collect("rec-a", "sub-1", FIRST)
    await archive.collect("rec-c", "sub-3", {"id_number": OTHER_ID})
    merges: Any = archive.merges
    join = merges.join

    async def crossing(*args: Any) -> bool:
        merges.join = join
        assert await join(*args)
        other = await archive.link(link("merge", "rec-c", "rec-a", (1, 1)))
        assert other.result.status == "refused"
        return True

    merges.join = crossing
    # rec-a joins rec-c's archive while rec-c is about to join rec-a's: only one may come out of it.
    outcome = await archive.link(link("merge", "rec-a", "rec-c", (1, 1)))
    assert outcome.result.status == "accepted"
    assert archive.rows.documents["rec-a"].get("part_of") is None


async def test_a_part_is_neither_updated_nor_read_on_its_own() -> None:
    archive = await two()
    await archive.link(link("merge", "rec-a", "rec-b", (1, 1)))
    outcome = await archive.update("rec-b", 2, {"phone": "13800138001"})
    assert (outcome.result.code, "rec-a" in (outcome.result.message or "")) == ("DG-MRG-004", True)


async def test_a_field_removed_from_the_archive_is_not_read_of_its_parts() -> None:
    archive = await two()
    await archive.link(link("merge", "rec-a", "rec-b", (1, 1)))
    await archive.update("rec-a", 2, {"phone": None})
    assert await archive.read("rec-a", ["phone"]) == {}
    await archive.link(link("unmerge", "rec-a", "rec-b", (3, 2)))
    await archive.link(link("merge", "rec-a", "rec-b", (4, 3)))  # decided anew, in sight of what it has
    assert await archive.read("rec-a", ["phone"]) == {"phone": "+8613800138000"}


async def test_a_corrected_identifier_moves_the_identity() -> None:
    archive = await two()
    await archive.collect("rec-c", "sub-3", {"id_number": OTHER_ID})
    outcome = await archive.update("rec-c", 1, {"id_number": ID})
    assert (outcome.result.code, "rec-a" in (outcome.result.message or "")) == ("DG-MRG-003", True)
    assert (await archive.update("rec-a", 1, {"id_number": None})).result.status == "accepted"
    assert (await archive.update("rec-c", 1, {"id_number": ID})).result.status == "accepted"
    assert await archive.collect("rec-d", "sub-5", {"id_number": ID}) == "rec-c"
    assert await archive.collect("rec-e", "sub-6", {"id_number": OTHER_ID}) is None


async def test_a_duplicate_whose_identifier_was_wrong_becomes_an_archive_of_its_own() -> None:
    archive = await two()
    assert (await archive.update("rec-b", 1, {"phone": "13800138001"})).result.status == "accepted"
    assert (await archive.records.get(["rec-b"]))["rec-b"].stage == "duplicate"
    assert (await archive.update("rec-b", 2, {"id_number": OTHER_ID})).result.status == "accepted"
    assert (await archive.records.get(["rec-b"]))["rec-b"].stage == "archived"
    assert await archive.collect("rec-c", "sub-7", {"id_number": OTHER_ID}) == "rec-b"


@pytest.mark.parametrize("changes", [{"id_number": ID}, {"phone": "13800138001"}])
async def test_a_duplicate_of_an_archive_whose_identifier_was_wrong_becomes_an_archive_of_its_own(
    changes: dict[str, Any],
) -> None:
    archive = await two()
    assert (await archive.update("rec-b", 1, changes)).result.status == "accepted"
    assert (await archive.records.get(["rec-b"]))["rec-b"].stage == "duplicate"  # rec-a has the number still
    assert (await archive.update("rec-a", 1, {"id_number": OTHER_ID})).result.status == "accepted"
    assert (await archive.update("rec-b", 2, changes)).result.status == "accepted"
    assert (await archive.records.get(["rec-b"]))["rec-b"].stage == "archived"
    assert await archive.collect("rec-c", "sub-2", {"name": "张三丰", "id_number": ID}) == "rec-b"


async def test_after_a_destruction_the_customer_may_be_collected_again() -> None:
    archive = await two()
    await archive.destroy(["rec-a", "rec-b"])
    assert await archive.collect("rec-c", "sub-1", FIRST) is None


async def test_a_customer_has_many_vouchers_and_one_archive() -> None:
    archive = Archive()
    await archive.collect("rec-a", "sub-1", FIRST)
    (plain,) = (await archive.records.get(["rec-a"])).values()
    rules = load_rules()
    form = next(name for name, form in rules.forms.forms.items() if form.item not in rules.book.identity.items)
    said: list[tuple[dict[str, str] | None, bool]] = [
        (None, True), ({"item": "customer"}, True), ({"item": "voucher"}, False), ({"form": form}, False)
    ]  # fmt: skip
    for intake, one in said:
        assert bool(identity_of(replace(plain, intake=intake), plain.tokens, rules)) == one, intake
