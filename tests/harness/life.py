"""A record's life under the rules of one text, step by step; each step that others sign is tried first without them."""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from keys.certificate import verify_certificate
from ops.commands.destruction import _sweep
from ops.destruction import ROOTS
from ops.rules import load_rules
from tests.harness.house import House

LONG_AGO: Final = 11 * 366 * 86_400
PURPOSE: Final = "account_service"


@dataclass(frozen=True)
class Text:
    """What one text demands: who signs (names of :data:`tests.harness.house.STAFF`), in this order."""

    confirm: tuple[str, ...] = ("market", "sales")
    use: tuple[str, ...] = ("manager", "head", "department")
    update: str = "director"
    external: tuple[str, ...] = ("archivist", "manager", "director")
    destroy: tuple[str, ...] = ("records", "director")
    witness: str = "witness"
    ground: str = "expired"
    begins: str = "end_of_business"
    segment: str = "ordinary"
    form: str = "retail@2"
    code: str = r"P\d{4}001-01"
    consent_to_share: bool = True
    consent_to_keep: bool = True
    at_the_end: str = "destroy"
    standing: bool = False


def moment(seconds_ago: float) -> str:
    return datetime.fromtimestamp(time.time() - seconds_ago, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def collecting(house: House, text: Text, record: str, **changes: Any) -> dict[str, Any]:
    """A lawful collection of long ago, but for what is changed in its circumstances."""
    notice = load_rules().notices["account-service-1"]
    fields = {"name": "测试客户", "phone": "13900009876", "city": "Suzhou", "address": "1 Test Road"}
    if text.form.startswith("retail"):
        fields |= {"id_number": "11010519491231002X"}
        del fields["address"]
    intake = {
        "form": text.form, "use": "open_account", "channel": "direct", "approval": f"core-{house.tag}",
        "notice": {"reference": "account-service-1", "given_at": moment(LONG_AGO + 7200)},
        "collector": house.id("seller"), "happened_at": moment(LONG_AGO), "paper": "none",
        "customer": {"type": "individual", "business_type": "retail", "segment": text.segment},
        "household": {"building": "b07", "floor": 3, "unit": "u301"} if text.form == "household@1" else None,
        "identity_check": {
            "checker": house.id("reviewer"), "at": moment(LONG_AGO), "manner": "original_and_online",
            "result": "matches", "document": "identity_card",
        },
        "custodian": house.id("keeper"), **changes,
    }  # fmt: skip
    consent = {
        "reference": f"consent-{record}", "text_sha256": notice.sha256, "given_at": moment(LONG_AGO + 3600),
        "given_by": "subject", "manner": "written", "explicit": True, "document": f"scan-{record}",
        "retention_months": notice.retention_months,
        "third_parties": [house.id("partner")] if text.consent_to_share else [],
    }  # fmt: skip
    return {
        "record": record, "subject": f"party-{record}", "purpose": PURPOSE, "legal_basis": "consent",
        "fields": fields, "consent": consent,
        "intake": {name: value for name, value in intake.items() if value is not None},
    }  # fmt: skip


def collect(house: House, text: Text, record: str) -> None:
    """Collected under the text's conditions; each refused without what the text demands."""
    core = ("--purpose", PURPOSE, "--form", text.form, *house.by("approver"))
    if text.form.startswith("retail"):
        house.run("collection", "approve", f"core-{house.tag}", "--field", "id_number", *core)
    asked = house.ask("crm", "collect", collecting(house, text, record, channel=None))
    assert asked.code == "DG-COL-014"
    assert house.ask("crm", "collect", collecting(house, text, record, notice=None)).code == "DG-COL-011"
    without = {**collecting(house, text, f"{record}-b"), "legal_basis": "contract"}
    del without["consent"]
    if "id_number" in without["fields"]:  # another customer: GB 11643's second example
        without["fields"] |= {"id_number": "440524188001010014"}
    assert house.ask("crm", "collect", without).status == ("refused" if text.consent_to_keep else "accepted")
    kept = house.ask("crm", "collect", collecting(house, text, record))
    assert kept.status == "accepted", kept


def archive(house: House, text: Text, record: str) -> None:
    """Reviewed, numbered by the text's rule, handed over by both sides, confirmed by its posts."""
    assert_unreadable(house, record)
    house.run("intake", "review", record, *house.by("reviewer"))
    house.run("archive", "number", *house.by("archivist"))
    (line,) = [each for each in house.lines("archive", "find", *house.by("archivist")) if each["record"] == record]
    assert re.fullmatch(text.code, line["code"]), line
    over, final = house.folder / "over.json", house.folder / "final.json"
    house.run("intake", "prepare", record, "--out", str(over), "--custodian", house.id("keeper"))
    sides = (
        house.signed(over, "executor", "deliverer", "hand-over"),
        house.signed(over, "executor", "archivist", "take-over"),
    )
    house.refused("DG-APR-001", "intake", "send", str(over), *sides[0], *house.by("executor"))
    house.run("intake", "send", str(over), *sides[0], *sides[1], *house.by("executor"))
    if text.confirm:
        house.run("intake", "prepare", record, "--confirm", "--out", str(final))
        posts = [house.signed(final, "executor", who) for who in text.confirm]
        send = ("intake", "send", str(final), *house.by("executor"))
        wrong = [*posts[:-1], house.signed(final, "executor", "auditor")]
        house.refused("DG-APR-005", *send, *(word for post in wrong for word in post))
        house.run(*send, *(word for post in posts for word in post))


def assert_unreadable(house: House, record: str) -> None:
    parts = {"record": record, "grant": "use:none", "purpose": PURPOSE, "fields": ["name"]}
    assert house.ask("reader", "access", parts).status == "refused"


def use(house: House, text: Text, record: str) -> None:
    """Applied for, signed by the text's posts in their order, read, given back."""
    name = str(uuid.uuid4())
    words = ("--record", record, "--field", "name", "--clear", "name", "--purpose", PURPOSE, "--reason", "a loan")
    house.run("use", "apply", *words, "--contact", "staff:17", "--id", name, *house.by("reader"))
    grant, request = f"use:{name}", house.folder / f"{name}.json"
    read = {"record": record, "grant": grant, "purpose": PURPOSE, "fields": ["name"]}
    house.run("use", "show", name, "--out", str(request))
    for signer in text.use:
        assert house.ask("reader", "access", read).code == "DG-ACC-001", signer
        token = house.signed(request, "reader", signer, "approve-use")
        house.run("use", "endorse", name, *token, *house.by("reader"))
    answer = house.ask("reader", "access", read)
    assert answer.values is not None, answer
    assert answer.values["name"] == "测试客户"
    house.run("use", "give-back", grant, "--usage", "read", *house.by("reader"))
    assert house.ask("reader", "access", read).code == "DG-ACC-002"


def stand(house: House, record: str) -> None:
    """Stewards and fee collectors read the households of their own buildings without an application, nobody else does."""
    read = {"record": record, "grant": "standing:steward", "purpose": PURPOSE, "fields": ["name"]}
    answer = house.ask("steward", "access", read)
    assert answer.status == "accepted", answer
    assert house.ask("reader", "access", read).status == "refused"
    assert house.ask("far", "access", read).status == "refused"
    fees = {**read, "grant": "standing:fee_collector"}
    assert house.ask("fees", "access", fees).status == "accepted"
    assert house.ask("fees", "access", {**fees, "fields": ["interests"]}).status == "refused"


def correct(house: House, text: Text, record: str) -> None:
    """Proposed by anybody, approved by the text's post, applied by the custodian."""
    direct = {"record": record, "from_version": 1, "reason": "r", "evidence": "e-1", "fields": {"city": "Wuxi"}}
    assert house.ask("crm", "update", direct).code == "DG-UPD-010"
    name = str(uuid.uuid4())
    parts = {"record": record, "reason": "the customer called", "evidence": "call-5", "fields": {"city": "Wuxi"}}
    assert house.ask("outsider", "propose", parts, name).status == "accepted"
    request, told = house.folder / "decide.json", ("--verdict", "approved", "--reason", "seen")
    house.run("correction", "prepare", record, name, *told, "--out", str(request), home=False)
    send = ("correction", "send", str(request), *house.by("keeper"))
    house.refused("DG-APR-005", *send, *house.signed(request, "keeper", "auditor"))
    fresh = json.loads(request.read_text("utf-8")) | {"id": str(uuid.uuid4())}  # a refused command's id is taken
    request.write_text(json.dumps(fresh), "utf-8")
    assert f"{record}: version 2" in house.run(*send, *house.signed(request, "keeper", text.update))


def share(house: House, text: Text, record: str) -> None:
    """Shared with a partner by the text's posts, acknowledged, recalled, and confirmed deleted."""
    agreement = ("--field", "name", "--purpose", PURPOSE, "--duty", "delete at the end", "--document", "paper-7")
    dated = ("--signed-on", "2026-01-01", "--until", "2099-12-31", "--at-rest", "aes-256")
    partner, nda = house.id("partner"), f"nda-{house.tag}"
    house.run("share", "agreement", "add", nda, "--recipient", partner, *agreement, *dated, *house.by("archivist"))
    words = (
        "--kind", "external", "--recipient", partner, "--purpose", PURPOSE, "--basis", "contract", "--reason", "post",
        "--agreement", nda, "--until", moment(-600), "--channel", "https", "--record", record, "--field", "name",
    )  # fmt: skip
    name = house.run("share", "apply", *words, *house.by("seller")).strip()
    request, out = house.folder / "share.json", house.folder / "out"
    house.run("share", "show", name, "--out", str(request))
    deliver = ("share", "deliver", name, "--out", str(out), *house.by("executor"))
    for who in text.external:
        house.refused("DG-SHR-051", *deliver)
        house.run("share", "endorse", name, *house.signed(request, "seller", who, "approve-share"), *house.by("seller"))
    house.run(*deliver)
    for option, command in ((), "acknowledge"), (("--deleted",), "confirm"):
        words = ("--key", house.file("partner"), "--trust", str(house.settings.home / "trust.json"))
        said = house.run("share", "receipt", str(out / f"{name}.jwe"), *words, *option, home=False)
        statement = house.folder / f"{command}.jws"
        statement.write_text(said, "ascii")
        if command == "confirm":
            house.run("share", "recall", name, "--reason", "the contract ended", *house.by("seller"))
        house.run("share", command, name, "--statement", str(statement), *house.by("executor"))


def expire(house: House, text: Text, record: str) -> None:
    """Nothing falls due before the text's fact has happened; then it does, for what the text wants."""
    due = ("retention", "due", *house.by("archivist"))
    assert house.lines(*due) == []
    ended = moment(LONG_AGO)[:10]
    fact = ("retention", "fact", f"party-{record}", text.begins, ended, "--evidence", "case-7")
    house.run(*fact, *house.by("archivist"))
    assert [line["record"] for line in house.lines(*due)] == [record]
    house.run("retention", "run", *house.by("archivist"))
    assert text.at_the_end in house.run("retention", "show", record, *house.by("archivist"))


def destroy(house: House, text: Text, record: str) -> None:
    """Applied for, approved by the text's posts, watched, carried out, certified, and confirmed by somebody else."""
    request = house.folder / "destroy.json"
    ground = ("--ground", text.ground, "--reason", "eleven years over", "--no-need", "--scope", "one account")
    people = ("--applicant", house.id("archivist"), "--witness", house.id(text.witness))
    house.run("destroy", "prepare", record, "--out", str(request), *ground, *people)
    posts = list(text.destroy)

    def signatures(of: list[str]) -> list[str]:
        """The applicant's, the approvers', the witness's, over a request with an id that was not refused yet."""
        fresh = json.loads(request.read_text("utf-8")) | {"id": str(uuid.uuid4())}
        request.write_text(json.dumps(fresh), "utf-8")
        signed = [house.signed(request, "executor", "archivist", "apply-destroy")]
        signed += [house.signed(request, "executor", who) for who in of]
        signed.append(house.signed(request, "executor", text.witness, "witness-destroy"))
        return [word for each in signed for word in each]

    send = ("destroy", "send", str(request), *house.by("executor"))
    house.refused("DG-DES-001", *send, *signatures(posts[1:]))
    house.refused("DG-DES-028", *send, *signatures(["approver", *posts[1:]]))
    house.run(*send, *signatures(posts))
    (open_job,) = house.lines("destroy", "jobs", *house.by("auditor"))
    job = open_job["job"]
    outcome = asyncio.run(_sweep(house.settings, tuple(ROOTS), True, False, lambda *_: None))
    (certificate,) = outcome.certificates.values()
    assert verify_certificate(certificate, house.trust)
    house.refused("DG-DES-043", "destroy", "confirm", job, *house.by("executor"))
    house.run("destroy", "confirm", job, *house.by("auditor"))
    (booked,) = house.lines("destroy", "register", *house.by("auditor"))
    assert (booked["job"], booked["witness"]) == (job, house.id(text.witness))
    assert house.lines("destroy", "jobs", *house.by("auditor")) == []


def live(at: House, text: Text) -> None:
    """The whole of it: from the collection to the confirmed destruction."""
    record = f"life-{at.tag}"
    collect(at, text, record)
    archive(at, text, record)
    use(at, text, record)
    if text.standing:
        stand(at, record)
    correct(at, text, record)
    share(at, text, record)
    expire(at, text, record)
    destroy(at, text, record)
    assert_unreadable(at, record)
