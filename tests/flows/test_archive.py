"""``dangan archive`` on a working archive: codes and entries, lists without content, papers, households, reviews."""

from __future__ import annotations

import asyncio
import csv
import json
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from typer.testing import CliRunner

from keys.principal_keys import PrincipalKeys, dump_keys
from ops.commands import archive as command
from ops.embedded.stack import Stack
from ops.private_files import write_private
from schemas.errors import DanganError
from schemas.topics import AUDIT
from store.database import connect
from store.records import Records
from streams.audit.reader import open_topic
from streams.kafka import kafka_of
from tests.harness.office import PURPOSE, Office, grant_id

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("worker")]
CANARY = "canary-壹贰叁"
PERSON = {"type": "individual", "business_type": "finance", "segment": "ordinary"}
FIRM = {"type": "organisation", "business_type": "retail", "segment": "government", "special": "public_body"}
TAG = uuid.uuid4().hex[:6]


def rec(number: int) -> str:
    return f"rec-{TAG}-{number:02d}"


def sub(number: int) -> str:
    return f"sub-{TAG}-{number:02d}"


@dataclass
class Desk:
    """The archive department at its terminal."""

    stack: Stack
    office: Office
    folder: Path
    since: int = field(default_factory=lambda: int(time.time() * 1000) - 1000)

    def key(self, keys: PrincipalKeys) -> str:
        file = self.folder / f"{keys.principal.replace(':', '-')}.key"
        if not file.exists():
            write_private(file, dump_keys(keys, None))
        return str(file)

    def run(self, *words: str, by: PrincipalKeys | None = None) -> str:
        app = typer.Typer()
        command.register(app)
        who = self.key(by or self.office.archivist)
        result = CliRunner().invoke(
            app, ["archive", *words, "--as", who, "--home", str(self.stack.home)], env={"COLUMNS": "300"}
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *words: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(self.run(*words, "--json"))
        return found

    def counts(self, by: str) -> dict[str, int]:
        return {line["value"]: int(line["records"]) for line in self.json("count", "--by", by)}

    def sent(self, *commands: tuple[str, dict[str, Any]], by: PrincipalKeys | None = None) -> list[Any]:
        async def send() -> list[Any]:
            async with self.office.publisher(by) as publisher:
                receipts = [await publisher.publish(family, parts, None) for family, parts in commands]  # type: ignore[arg-type]
                return [await receipt for receipt in receipts]

        return asyncio.run(send())

    def stored(self, collection: str) -> list[dict[str, Any]]:
        async def read() -> list[dict[str, Any]]:
            settings = self.stack.settings
            async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
                return [doc async for doc in database[collection].find({})]

        return asyncio.run(read())

    def events(self, action: str) -> list[dict[str, Any]]:
        async def read() -> list[dict[str, Any]]:
            found = []
            async with open_topic(kafka_of(self.stack.settings), AUDIT, since_ms=self.since) as topic:
                async for entries in topic.to_the_end():
                    events = [orjson.loads(each.value) for each in entries]
                    found += [
                        each for each in events if each.get("unmapped", {}).get("dangan", {}).get("action") == action
                    ]
            return sorted(found, key=lambda event: event["time"])  # they stand in several partitions

        return asyncio.run(read())


def collect(number: int, of: int, fields: dict[str, Any], **intake: Any) -> tuple[str, dict[str, Any]]:
    parts: dict[str, Any] = {"record": rec(number), "subject": sub(of), "purpose": PURPOSE}
    said = {"happened_at": "2023-05-04T10:00:00+08:00", **intake} if intake else {}
    return "collect", {**parts, "legal_basis": "contract", "fields": fields, **({"intake": said} if said else {})}


@pytest.fixture(scope="module")
def desk(stack: Stack, office: Office, worker: Any, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    opened = Desk(stack, office, tmp_path_factory.mktemp("keys"))
    home = {"building": "b1", "floor": 3, "unit": "u301"}
    done = opened.sent(
        collect(1, 1, {"city": CANARY, "name": CANARY}, customer=PERSON, paper=f"paper-{TAG}-1"),
        collect(2, 1, {"transaction_count": 7}, customer=PERSON, paper="none", item="purchase_contract"),
        collect(3, 2, {"interests": CANARY}, customer=FIRM, grade="secret", paper=f"paper-{TAG}-3"),
        collect(4, 3, {"name": CANARY}, customer=PERSON, grade="top_secret", household=home, item="identity_card"),
        collect(5, 4, {"name": CANARY}, customer=PERSON, household=home, item="move_in"),
        collect(6, 5, {"city": CANARY}),
    )
    assert [each.status for each in done] == ["accepted"] * 6, done
    return opened


@pytest.fixture(scope="module")
def numbered(desk: Desk) -> None:
    """Whatever was collected is in the index."""
    desk.run("number")


@pytest.mark.clause("ARR-10")
@pytest.mark.clause("ARR-11")
def test_every_record_gets_one_code_and_an_entry(desk: Desk) -> None:
    assert "6 records would be entered, 5 of them would be with a code" in desk.run("number", "--dry-run")
    assert desk.stored("codes") == desk.stored("archive_index") == []
    told = desk.run("number")
    assert "6 records entered, 5 of them with a code" in told
    assert f"no code for {rec(6)}: type" in told
    found = {line["record"]: line for line in desk.json("find")}
    codes = {record: line["code"] for record, line in found.items()}
    assert codes[rec(3)] == "C2023001-01"
    assert codes[rec(6)] == ""
    assert {codes[rec(1)][:8], codes[rec(4)][:8], codes[rec(5)][:8]} == {"P2023001", "P2023002", "P2023003"}
    assert {codes[rec(1)][8:], codes[rec(2)][8:]} == {"-01", "-02"}
    assert codes[rec(1)][:8] == codes[rec(2)][:8]
    desk.run("number")
    assert {line["record"]: line for line in desk.json("find")} == found
    assert len(desk.stored("codes")) == 5


@pytest.mark.clause("ARR-11")
@pytest.mark.usefixtures("numbered")
def test_entries_are_found_and_counted_by_what_the_index_says(desk: Desk, tmp_path: Path) -> None:
    def found(*words: str) -> list[str]:
        return [line["record"] for line in desk.json("find", *words)]

    assert found("--code", "C2023001-01") == [rec(3)]
    assert found("--customer", sub(1)) == [rec(1), rec(2)]
    assert found("--category", "basic") == [rec(1), rec(4), rec(5), rec(6)]
    assert found("--category", "basic.identity") == [rec(1), rec(4), rec(5)]
    assert found("--type", "organisation") == found("--segment", "government") == [rec(3)]
    assert found("--stage", "archived", "--customer", sub(2)) == [rec(3)]
    assert found("--stage", "received") == []
    assert found("--limit", "2") == [rec(1), rec(2)]
    with pytest.raises(DanganError, match="DG-ARR-003"):
        desk.run("find", "--code", "C2023001-1")
    with pytest.raises(DanganError, match="DG-OPS-036"):
        desk.run("find", "--customer", "13800138000")
    assert desk.counts("type") == {"-": 1, "individual": 4, "organisation": 1}
    assert desk.counts("stage") == {"archived": 6}
    assert desk.counts("category")["transaction.trade"] == 1
    desk.run("find", "--limit", "1", "--csv", str(tmp_path / "all.csv"))
    with (tmp_path / "all.csv").open(encoding="utf-8", newline="") as file:
        assert [line["record"] for line in csv.DictReader(file)] == [rec(number) for number in range(1, 7)]
    assert (tmp_path / "all.csv").stat().st_mode & 0o077 == 0


@pytest.mark.clause("ARR-11")
@pytest.mark.usefixtures("numbered")
def test_the_index_holds_no_content(desk: Desk) -> None:
    assert CANARY not in repr(desk.stored("archive_index")) + repr(desk.stored("codes")) + desk.run("find")
    (one,) = [doc for doc in desk.stored("archive_index") if doc["_id"] == rec(1)]
    assert one.keys().isdisjoint({"fields", "keys", "tokens", "history"})


@pytest.mark.clause("ARR-16")
@pytest.mark.usefixtures("numbered")
def test_a_graded_records_remarks_show_its_grade(desk: Desk) -> None:
    remarks = {line["record"]: line["remarks"] for line in desk.json("find")}
    assert remarks[rec(3)] == "机密 secret"
    assert remarks[rec(4)] == "绝密 top secret"
    assert remarks[rec(1)] == ""
    assert "机密" in desk.run("find", "--code", "C2023001-01")
    assert desk.counts("grade") == {"none": 4, "secret": 1, "top_secret": 1}


@pytest.mark.clause("ARR-11")
@pytest.mark.usefixtures("numbered")
def test_only_the_archive_department_looks_and_each_look_leaves_an_event(desk: Desk) -> None:
    for by in (desk.office.crm, desk.office.approvers[0], PrincipalKeys.generate("person:nobody")):
        with pytest.raises(DanganError, match="DG-OPS-060"):
            desk.run("find", by=by)
    desk.run("find", "--customer", sub(2))
    desk.run("count", "--by", "grade")
    events = desk.events("query")
    assert {event["actor"]["user"]["uid"] for event in events} == {desk.office.archivist.principal}
    said = [event["unmapped"]["dangan"] for event in events[-2:]]
    assert [(each["verb"], each.get("record")) for each in said] == [("list", sub(2)), ("count", None)]


@pytest.mark.clause("ARR-07")
@pytest.mark.usefixtures("numbered")
def test_a_lapsed_customers_archive_stays_open(desk: Desk) -> None:
    before = [doc for doc in desk.stored("records") if doc["_id"] == rec(1)]
    for standing in ("prospective", "present", "past"):
        desk.run("standing", rec(1), standing)
    assert desk.counts("standing") == {"-": 5, "past": 1}
    assert [doc for doc in desk.stored("records") if doc["_id"] == rec(1)] == before
    crm = desk.office.crm.principal
    parts = {"record": rec(1), "grant": grant_id(crm), "purpose": PURPOSE, "fields": ["city"]}
    (answer,) = desk.sent(("access", parts))
    assert answer.values == {"city": CANARY}
    with pytest.raises(DanganError, match="DG-ARR-002"):
        desk.run("standing", rec(1), "closed")
    with pytest.raises(DanganError, match="DG-ARR-008"):
        desk.run("standing", "rec-nobody", "past")


@pytest.mark.clause("ARR-08")
@pytest.mark.usefixtures("numbered")
def test_importance_tiers_are_assigned_anew_at_each_full_revision(desk: Desk) -> None:
    assert {line["state"] for line in desk.json("tiers")} == {"to be assigned"}
    desk.run("assign", rec(1), "--tier", "important", "--reason", "trade_volume")
    desk.run("assign", rec(3), "--tier", "general", "--reason", "file-77")
    (line,) = desk.json("tiers", "--tier", "important")
    assert (line["record"], line["reason"], line["state"]) == (rec(1), "trade_volume", "")
    assert line["assigned"] < line["next review"]
    assert len(desk.json("tiers", "--unassigned")) == 4
    assert desk.counts("tier") == {"-": 4, "general": 1, "important": 1}
    time.sleep(1.1)  # a revision begins after what was assigned before it; both are noted in seconds
    desk.run("revision")
    assert len(desk.json("tiers", "--unassigned")) == 6
    assert desk.json("tiers", "--tier", "general")[0]["state"] == "to be assigned anew"
    desk.run("assign", rec(3), "--tier", "special", "--reason", "market_standing")
    assert rec(3) not in {line["record"] for line in desk.json("tiers", "--unassigned")}
    with pytest.raises(DanganError, match="DG-ARR-002"):
        desk.run("assign", rec(1), "--tier", "main", "--reason", "trade_volume")
    with pytest.raises(DanganError, match="DG-OPS-036"):
        desk.run("assign", rec(1), "--tier", "general", "--reason", "13800138000")
    said = [event["unmapped"]["dangan"] for event in desk.events("admin")]
    assigned = [each for each in said if each["verb"] == "assign" and each["record"] == rec(3)]
    assert len(assigned) == 2
    assert all(len(each["digest"]) == 64 for each in assigned)


@pytest.mark.clause("ARR-12")
@pytest.mark.usefixtures("numbered")
def test_papers_and_records_that_do_not_match_are_listed(desk: Desk) -> None:
    one, three, stray = f"paper-{TAG}-1", f"paper-{TAG}-3", f"paper-{TAG}-9"
    desk.run("receive", one, "--record", rec(2))
    desk.run("receive", stray)
    gaps = {(line["paper"], line["record"], line["gap"]) for line in desk.json("paper")}
    assert {(one, rec(1), "the paper is another record's"), (three, rec(3), "the paper was never received")} <= gaps
    assert {(stray, "", "no record names the paper"), (stray, "", "the paper is not digitised")} <= gaps
    assert ("", rec(4), "the record names no paper, nor none") in gaps
    assert not {gap for gap in gaps if gap[1] == rec(2) and gap[0] != one}
    desk.run("receive", one, "--record", rec(1))
    desk.run("receive", one, "--scan", "scan-1")
    desk.run("receive", three, "--record", rec(3), "--scan", "scan-3")
    left = {line["paper"] for line in desk.json("paper")}
    assert {one, three}.isdisjoint(left)
    with pytest.raises(DanganError, match="DG-OPS-036"):
        desk.run("receive", "none")


@pytest.mark.clause("ARR-15")
@pytest.mark.usefixtures("numbered")
def test_each_owner_of_a_household_has_a_file_of_his_own_with_the_papers_it_lacks(desk: Desk) -> None:
    lines = {line["owner"]: line for line in desk.json("households")}
    assert lines.keys() == {sub(3), sub(4)}
    assert {line["household"] for line in lines.values()} == {"b1/3/u301"}
    assert "identity_card" not in lines[sub(3)]["missing papers"]
    assert "move_in" in lines[sub(3)]["missing papers"]
    assert "move_in" not in lines[sub(4)]["missing papers"]
    assert len(lines[sub(4)]["missing papers"].split()) == 7


@pytest.mark.clause("ARR-17")
@pytest.mark.usefixtures("numbered")
def test_the_parts_that_an_archive_lacks_are_listed(desk: Desk) -> None:
    lines = {line["customer"]: line for line in desk.json("completeness")}
    assert lines[sub(1)]["present"] == "base transactions contracts"
    assert lines[sub(1)]["missing"] == "credit communication satisfaction assessment authorisation"
    assert lines[sub(2)]["present"] == ""


@pytest.mark.clause("ARR-07")
@pytest.mark.clause("ARR-11")
@pytest.mark.usefixtures("numbered")
def test_an_entry_follows_its_record_and_only_destruction_removes_it(desk: Desk) -> None:
    change = {
        "record": rec(2),
        "from_version": 1,
        "reason": "visit",
        "evidence": "doc-1",
        "fields": {"risk_grade": "low"},
    }
    (updated,) = desk.sent(("update", change))
    assert updated.status == "accepted", updated
    desk.run("number")
    (entry,) = [line for line in desk.json("find", "--customer", sub(1)) if line["record"] == rec(2)]
    assert "other.assessment" in entry["categories"]
    codes = {doc["_id"]: doc.get("record") for doc in desk.stored("codes")}
    gone = desk.office.destroy_parts([rec(5)], "asked for")
    command_id = gone.pop("command_id")

    async def destroy() -> Any:
        async with desk.office.publisher(desk.office.archivist) as publisher:
            return await (await publisher.destroy(**gone, command_id=command_id))

    assert asyncio.run(destroy()).status == "accepted"
    assert {doc["_id"] for doc in desk.stored("archive_index")} == {rec(n) for n in (1, 2, 3, 4, 6)}
    assert [line["record"] for line in desk.json("find")] == [rec(n) for n in (1, 2, 3, 4, 6)]
    assert "of destroyed records removed" not in desk.run("number")
    assert {doc["_id"] for doc in desk.stored("archive_index")} == {rec(n) for n in (1, 2, 3, 4, 6)}
    assert {doc["_id"]: doc.get("record") for doc in desk.stored("codes")} == codes


@pytest.mark.clause("ARR-07")
def test_nothing_but_erasure_removes_a_record() -> None:
    """The store's only writes that end a record are in erase_many, which destruction alone calls."""
    ending = {"delete_one", "delete_many", "drop", "find_one_and_delete", "replace_one"}
    source = Path(str(Records.insert.__code__.co_filename)).read_text("utf-8")
    assert not {name for name in ending if f"self._records.{name}(" in source}
    assert source.count("ReplaceOne(") == 1
    for file in (Path(__file__).parents[2] / "store").glob("*.py"):
        text = file.read_text("utf-8")
        assert not {name for name in ending if f'["records"].{name}(' in text or f"self._records.{name}(" in text}
