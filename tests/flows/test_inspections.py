"""``dangan inspect`` and ``dangan rectify`` on a working archive: what is wrong is found, listed, owned and closed."""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from keys.principal_keys import PrincipalKeys, dump_keys
from ops.audited import desk
from ops.commands import archive, inspect, rectify
from ops.embedded.stack import Stack
from ops.private_files import write_private
from ops.registry import register
from schemas.errors import DanganError
from schemas.levels import Level
from store.database import Database, connect
from store.inspections import Inspections
from tests.harness.office import PURPOSE, Office, grant_id, public

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("worker")]
TAG = uuid.uuid4().hex[:6]
RECORDS = [f"rec-{TAG}-{number:02d}" for number in range(24)]
FIELDS = {"name": "测试客户", "city": "苏州", "phone": "13800138000"}
ROLES = {"auditor": "auditor", "compliance": "compliance", "owner": "steward", "marketing": "sales_director"}
ROLES |= {"director": "director", "risk": "risk"}


@pytest.fixture(scope="module")
def people(office: Office) -> dict[str, PrincipalKeys]:
    made = {name: PrincipalKeys.generate(f"person:{name}-{TAG}") for name in ROLES}

    async def enrol() -> None:
        async with desk(office.settings) as at:
            for name, keys in made.items():
                await register(
                    at, public(keys), roles=(ROLES[name],), department="audit", clearance=Level.BASIC,
                    person=True, now=int(time.time()),
                )  # fmt: skip

    asyncio.run(enrol())
    return {**made, "archivist": office.archivist}


@pytest.fixture
async def database(office: Office) -> AsyncIterator[Database]:
    async with connect(office.settings.mongo_uri.get_secret_value(), office.settings.mongo_database) as found:
        yield found


class Clerk:
    """Runs commands as somebody; gives the exit status and what was printed."""

    def __init__(self, stack: Stack, folder: Path, people: dict[str, PrincipalKeys]) -> None:
        self._stack, self._folder, self._people = stack, folder, people
        for name, keys in people.items():
            write_private(folder / f"{name}.key", dump_keys(keys, None))
        self._app = typer.Typer()
        for each in (archive, inspect, rectify):
            each.register(self._app)

    def key(self, who: str) -> Path:
        return self._folder / f"{who}.key"

    async def __call__(self, who: str, *words: Any, status: int = 0) -> str:
        told = ["--as", str(self.key(who)), "--home", str(self._stack.home)] if who else []
        return await asyncio.to_thread(self._run, [*map(str, words), *told], status)

    def _run(self, words: list[str], status: int) -> str:
        result = CliRunner().invoke(self._app, words, env={"COLUMNS": "300"})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, result.output
        return result.stdout


@pytest.fixture
def dangan(stack: Stack, tmp_path: Path, people: dict[str, PrincipalKeys]) -> Clerk:
    return Clerk(stack, tmp_path, people)


async def collect(office: Office) -> None:
    async with office.publisher() as crm:
        parts: dict[str, Any] = {"purpose": PURPOSE, "legal_basis": "contract", "fields": FIELDS}
        receipts = [await crm.collect(record=name, subject=f"sub-{name}", **parts) for name in RECORDS]
        assert [(await receipt).status for receipt in receipts] == ["accepted"] * len(RECORDS)
        read = await crm.access(
            record=RECORDS[0], grant=grant_id(office.crm.principal), purpose=PURPOSE, fields=["city"]
        )
        assert (await read).status == "accepted"


async def last(database: Database, kind: Any) -> Any:
    return await Inspections(database).last(kind)


def kinds(run: Any) -> dict[str, int]:
    return dict(run.total)


@pytest.mark.clause("AUD-03", "AUD-04", "AUD-05", "AUD-06", "AUD-07", "AUD-10", "AUD-11")
async def test_a_year_of_inspections(
    office: Office, database: Database, dangan: Clerk, tmp_path: Path, people: dict[str, PrincipalKeys]
) -> None:
    await collect(office)
    await asyncio.sleep(1.1)  # an inventory covers whole seconds: what comes in the one that runs is the next one's
    await dangan("archivist", "archive", "number")
    secret = tmp_path / "seed"
    await dangan("auditor", "inspect", "sample", "commit", f"sample-{TAG}", "--seed-file", secret)

    # Everything is in order: ledger and holdings agree, every record opens.
    told = await dangan("archivist", "inspect", "inventory", "--report", tmp_path / "out")
    run = await last(database, "inventory")
    assert kinds(run) == {}, run.findings
    assert (run.counts["opening"], run.counts["came-in"], run.counts["held"]) == (0, 24, 24)
    assert run.counts["key-slots"] >= run.counts["slots-named"] > 0
    assert run.counts["read-once"] == 1
    assert "Nothing was found" in told
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "inventory.en.html", "inventory.en.pdf", "inventory.json"
    }  # fmt: skip
    with pytest.raises(DanganError, match="DG-INS-002"):  # interrupted, it goes on where it stopped
        await dangan("auditor", "inspect", "integrity", "--limit", 20)
    await dangan("auditor", "inspect", "integrity")
    run = await last(database, "integrity")
    assert (kinds(run), run.counts["records"], run.counts["fields"]) == ({}, 24, 72)

    # Tampering: each is found and named.
    records, index = database["records"], database["archive_index"]
    whole = await records.find_one({"_id": RECORDS[5]})
    assert whole is not None
    await records.delete_one({"_id": RECORDS[5]})
    await records.update_one({"_id": RECORDS[6]}, {"$set": {"fields.city": "苏州"}})
    other = await records.find_one({"_id": RECORDS[7]})
    assert other is not None
    await records.update_one({"_id": RECORDS[8]}, {"$set": {"fields.city": other["fields"]["city"]}})
    await records.update_one({"_id": RECORDS[9]}, {"$set": {"tokens": []}})
    await records.insert_one({**whole, "_id": f"foreign-{TAG}"})
    await index.delete_one({"_id": RECORDS[10]})

    await dangan("archivist", "inspect", "inventory", status=1)
    run = await last(database, "inventory")
    assert {(each.kind, each.about) for each in run.findings} == {
        ("booked-not-held", RECORDS[5]),
        ("index-without-record", RECORDS[5]),
        ("held-not-booked", f"foreign-{TAG}"),
        ("record-without-index", f"foreign-{TAG}"),
        ("record-without-index", RECORDS[10]),
    }
    assert run.counts["opening"] == 24
    await dangan("auditor", "inspect", "integrity", status=1)
    run = await last(database, "integrity")
    found = {(each.kind, each.about, each.detail) for each in run.findings}
    assert {
        ("unencrypted", RECORDS[6], "city"),
        ("does-not-open", RECORDS[8], "city"),
        ("token-missing", RECORDS[9], "phone"),
        ("does-not-open", f"foreign-{TAG}", "city"),
    } <= found
    assert "苏州" not in json.dumps([each.detail for each in run.findings], ensure_ascii=False)

    await dangan("auditor", "inspect", "full-check", status=1)
    run = await last(database, "full_check")
    assert {"booked-not-held", "unencrypted", "backup-missed"} <= kinds(run).keys()
    await _rectify(dangan, run.id, people["owner"].principal)
    await _sample(dangan, database, secret, tmp_path)
    await _evidence(dangan, tmp_path, people["auditor"])
    told = await dangan("auditor", "inspect", "due", status=1)
    assert "Rectification notice" in told
    assert "full_check" in await dangan("auditor", "inspect", "list")
    assert run.digest[:20] in (await dangan("auditor", "inspect", "show", run.id, status=1)).replace("\n", "")


async def _rectify(dangan: Clerk, run: str, owner: str) -> None:
    opened = ["rectify", "open", "--inspection", run, "--owner", owner]
    with pytest.raises(DanganError, match="DG-INS-030"):
        await dangan("auditor", "rectify", "open", "--inspection", run, "--owner", "person:nobody")
    await dangan("auditor", *opened)
    await dangan("auditor", *opened)  # again: nothing happens
    lines = json.loads(await dangan("auditor", "rectify", "list", "--json"))
    assert len(lines) > 5
    assert {(each["state"], each["owner"], each["inspection"]) for each in lines} == {("open", owner, run)}
    notice = lines[0]["notice"]
    with pytest.raises(DanganError, match="DG-INS-032"):
        await dangan("auditor", "rectify", "answer", notice, "--result", "restored")
    await dangan("owner", "rectify", "answer", notice, "--result", "restored", "--evidence", "case-7")
    with pytest.raises(DanganError, match="DG-OPS-060"):
        await dangan("owner", "rectify", "close", notice, "--confirmed", "looked-at")
    await dangan("auditor", "rectify", "return", notice, "--reason", "not-enough")
    await dangan("owner", "rectify", "answer", notice, "--result", "restored-again")
    await dangan("auditor", "rectify", "close", notice, "--confirmed", "looked-at")
    left = json.loads(await dangan("auditor", "rectify", "list", "--json"))
    assert len(left) == len(lines) - 1
    assert notice not in {each["notice"] for each in left}
    shown = await dangan("owner", "rectify", "show", notice)
    assert [verb in shown for verb in ("open", "answer", "return", "close")] == [True] * 4


async def _sample(dangan: Clerk, database: Database, seed: Path, folder: Path) -> None:
    sample, drawing = f"sample-{TAG}", folder / "sample.json"
    with pytest.raises(DanganError, match="DG-INS-010"):
        await dangan("auditor", "inspect", "sample", "commit", "sample-2", "--seed-file", seed)
    other = folder / "other"
    other.write_text("00" * 32)
    draw = ["inspect", "sample", "draw", sample, "--out", drawing, "--seed-file"]
    with pytest.raises(DanganError, match="DG-INS-011"):
        await dangan("auditor", *draw, other)
    await dangan("auditor", *draw, seed)
    assert "good" in await dangan("", "inspect", "sample", "verify", drawing)
    said = json.loads(drawing.read_text())
    assert (len(said["drawn"]), said["population"]) == (3, 24)
    forged = folder / "forged.json"
    forged.write_text(json.dumps({**said, "drawn": said["drawn"][:2]}))
    (folder / "forged.json.population.txt").write_text((folder / "sample.json.population.txt").read_text())
    with pytest.raises(DanganError, match="DG-INS-043"):
        await dangan("", "inspect", "sample", "verify", forged)
    shown = json.loads(await dangan("auditor", "inspect", "sample", "show", sample, "--json"))
    assert [each["record"] for each in shown] == said["drawn"]
    with pytest.raises(DanganError, match="DG-INS-016"):
        await dangan("auditor", "inspect", "sample", "close", sample)
    first = said["drawn"][0]
    record = ["inspect", "sample", "record", sample]
    await dangan("auditor", *record, "--record", first, "--incomplete", "review", "--note", "case-9")
    with pytest.raises(DanganError, match="DG-INS-015"):
        await dangan("auditor", *record, "--record", "rec-of-nobody")
    for each in said["drawn"][1:]:
        await dangan("auditor", *record, "--record", each)
    await dangan("auditor", "inspect", "sample", "close", sample, status=1)
    run = await last(database, "sample")
    assert [(each.kind, each.about) for each in run.findings] == [("step-missing", first)]


async def _evidence(dangan: Clerk, folder: Path, auditor: PrincipalKeys) -> None:
    year = datetime.now(UTC).year
    out, span = folder / "evidence", ["--from", f"{year}-01-01", "--to", f"{year}-12-31"]
    await dangan("auditor", "inspect", "evidence", *span, "--out", out)
    keys = folder / "auditor.public.json"
    keys.write_text(public_text(auditor))
    assert "good" in await dangan("", "inspect", "check-evidence", out, "--public", keys)
    assert (out / "registers" / "rectifications.jsonl").stat().st_mode & 0o777 == 0o400
    everything = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert "测试客户".encode() not in everything
    with pytest.raises(DanganError, match="DG-INS-040"):
        await dangan("auditor", "inspect", "evidence", *span, "--out", out)
    (out / "people.jsonl").chmod(0o600)
    (out / "people.jsonl").write_text("{}\n")
    with pytest.raises(DanganError, match="DG-INS-042"):
        await dangan("", "inspect", "check-evidence", out, "--public", keys)


def public_text(keys: PrincipalKeys) -> str:
    """What ``dangan keys show`` prints of a principal."""

    def jwk(curve: str, kid: str, x: bytes) -> dict[str, str]:
        return {"kty": "OKP", "crv": curve, "kid": kid, "x": base64.urlsafe_b64encode(x).decode().rstrip("=")}

    return json.dumps(
        {
            "principal": keys.principal,
            "signing": jwk("Ed25519", keys.signing.kid, keys.signing.x),
            "receiving": jwk("X25519", keys.receiving.kid, keys.receiving.x),
        }
    )


@pytest.mark.clause("AUD-08", "AUD-09", "AUD-11", "AUD-12", "AUD-13", "AUD-14")
async def test_half_yearly_and_standing_checks(
    database: Database, dangan: Clerk, tmp_path: Path, people: dict[str, PrincipalKeys]
) -> None:
    at = datetime.now(UTC).isoformat()
    log = tmp_path / "door.csv"
    rows = [f"{at},{people['archivist'].principal},room-1,", f"{at},{people['owner'].principal},room-1,"]
    log.write_text("\n".join(["at,person,door,grant", *rows, ""]))
    await dangan("compliance", "inspect", "access-review", "--door-log", log, status=1)
    run = await last(database, "access_review")
    assert [(each.kind, each.about) for each in run.findings] == [
        ("door-without-application", people["owner"].principal)
    ]
    assert run.counts["door-entries"] == 2
    with pytest.raises(DanganError, match="DG-OPS-060"):  # not the archive department's own
        await dangan("archivist", "inspect", "access-review")

    told = await dangan("compliance", "inspect", "timeliness")
    assert "By department" in told
    await dangan("compliance", "inspect", "secrecy")
    run = await last(database, "secrecy")
    assert run.counts["uses"] >= 1  # the front desk's grant runs

    customer = f"cust-{TAG}"
    await dangan("archivist", "inspect", "terms", customer, "--terms", "credit")
    await dangan("archivist", "inspect", "evaluate", customer, f"eval-{TAG}", "--result", "grade-b")
    await dangan("compliance", "inspect", "evaluation", status=1)
    run = await last(database, "evaluation")
    assert [(each.kind, each.about) for each in run.findings] == [("terms-not-signed", customer)]
    await dangan("director", "inspect", "terms", customer, "--sign", "form-3")
    pass_on = ["inspect", "pass-on", f"eval-{TAG}", "--manager", people["marketing"].principal]
    await dangan("archivist", *pass_on)
    await dangan("marketing", "inspect", "take-note", f"eval-{TAG}")
    await dangan("compliance", "inspect", "evaluation")

    today = date.today().isoformat()  # noqa: DTZ011 - a day like any other
    said = ["--result", "findings", "--findings", 2, "--on", today]
    await dangan("auditor", "inspect", "review", "special-audit", f"audit-{TAG}", "--report", "file-1", *said)
    risk = ["inspect", "review", "risk-assessment", f"risk-{TAG}", "--report", "file-2", *said]
    await dangan("risk", *risk, "--recipients", 3, "--controls", "sufficient")
    kept = await database["register.reviews"].find_one({"_id": f"risk-{TAG}"})
    assert kept is not None
    assert (kept["facts"]["recipients"], kept["facts"]["users"] > 5, kept["facts"]["sensitive_fields"] > 5) == (
        3, True, True
    )  # fmt: skip
    await dangan("compliance", "inspect", "review", "secrecy", f"sec-{TAG}", "--report", "file-3", *said)
    with pytest.raises(DanganError, match="DG-INS-031"):
        await dangan(
            "auditor", "rectify", "open", "--notice", f"n-{TAG}", "--problem", "door", "--owner",
            people["owner"].principal, "--due", (date.fromisoformat(today) - timedelta(days=3)).isoformat(),
        )  # fmt: skip
