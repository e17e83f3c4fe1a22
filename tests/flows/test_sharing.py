"""Sharing on the real services, from the application to the confirmed deletion, under the strict rules of sharing."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from keys.principal_keys import PrincipalKeys, dump_keys
from ops.audited import desk
from ops.cli import build
from ops.commands.approve import sign_approval
from ops.embedded.stack import Stack
from ops.private_files import write_private
from ops.provision import trust_file
from ops.registry import register
from schemas.approvals import ApprovalAction
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.replies import Result
from schemas.sharing import Share
from store.database import connect
from store.shares import Shared, Shares, outgoing
from tests.harness.aftermath import audit_events
from tests.harness.office import PURPOSE, Office, open_office, public
from tests.harness.workers import Worker
from tests.simulators.using import moment

pytestmark = pytest.mark.flow

STAFF = {
    "applicant": ("retail", ("client_manager",)), "archivist": ("archive", ("archivist",)),
    "manager": ("retail", ("client_manager",)), "director": ("board", ("director",)), "legal": ("legal", ()),
    "partner": ("outside", ("recipient",)), "analyst": ("analysis", ("reader",)),
}  # fmt: skip


@dataclass
class Site:
    """The office, and the people whom a share needs."""

    stack: Stack
    office: Office
    folder: Path
    staff: dict[str, PrincipalKeys]

    def run(self, *words: str, status: int = 0, home: bool = True) -> str:
        """Type a command; return what it printed."""
        where = ("--home", str(self.stack.home)) if home else ()
        result = CliRunner().invoke(build(words[0]), [*words, *where])
        if isinstance(result.exception, DanganError):
            raise result.exception
        assert result.exit_code == status, result.output
        return result.stdout

    def refused(self, code: str, *words: str, home: bool = True) -> None:
        """A command that must be refused with that code."""
        with pytest.raises(DanganError) as error:
            self.run(*words, home=home)
        assert error.value.code == code, error.value

    def by(self, who: str, option: str = "--as") -> tuple[str, str]:
        """The option that names a key file."""
        return (option, str(self.folder / f"{who}.key.json"))

    def id(self, who: str) -> str:
        """A principal's id."""
        return self.staff[who].principal

    def ask(self, kind: str, *parts: dict[str, Any], who: str | None = None) -> list[Result]:
        """Send commands one after the other and wait for each answer."""

        async def sent() -> list[Result]:
            async with self.office.publisher(self.staff[who] if who else None) as archive:
                return [await (await archive.publish(kind, each, str(uuid.uuid4()))) for each in parts]

        return asyncio.run(sent())

    def collected(self, *cities: str, agreed: bool = True) -> list[str]:
        """Records of customers who let the partner have them, or not; one for each city."""
        records = [f"rec-{uuid.uuid4().hex[:12]}" for _ in cities]
        consent = {
            "reference": "consent-1", "text_sha256": "a" * 64, "given_at": "2026-01-01T00:00:00Z", "explicit": True,
            "third_parties": [self.id("partner")] if agreed else [],
        }  # fmt: skip
        common = {"purpose": PURPOSE, "legal_basis": "contract", "consent": consent}
        parts = [
            {**common, "record": record, "subject": f"sub-{record}",
             "fields": {"name": "测试客户", "city": city, "phone": "13800138000"}}
            for record, city in zip(records, cities, strict=True)
        ]  # fmt: skip
        results = self.ask("collect", *parts)
        assert {result.status for result in results} == {"accepted"}, results
        return records

    def apply(self, *records: str, fields: tuple[str, ...] = ("name", "city"), more: tuple[str, ...] = ()) -> str:
        """Apply to share with the partner by the command line; the share's id."""
        words = [
            "share", "apply", "--kind", "external", "--recipient", self.id("partner"), "--purpose", PURPOSE,
            "--basis", "contract", "--reason", "statements by post", "--agreement", "nda-partner",
            "--until", moment(time.time() + 600), "--channel", "https",
        ]  # fmt: skip
        named = [word for record in records for word in ("--record", record)]
        named += [word for field in fields for word in ("--field", field)]
        return self.run(*words, *named, *more, *self.by("applicant")).strip()

    def endorse(self, share: str, *who: str, action: ApprovalAction = "approve-share") -> list[str | None]:
        """Sign and send on; the codes of refusals."""
        kept = self.kept(share)
        request, now = Share.model_validate(kept.request), int(time.time())
        tokens = [sign_approval(request, kept.applicant, self.staff[each], now=now, action=action) for each in who]
        parts = [{"share": share, "reason": "no objection", "approvals": [token]} for token in tokens]
        return [result.code for result in self.ask("endorse_share", *parts, who="applicant")]

    def kept(self, share: str) -> Shared:
        """The share as it is stored."""

        async def look() -> Shared:
            settings = self.stack.settings
            async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
                known = await Shares(database).get(share)
                assert known is not None
                return known

        return asyncio.run(look())

    def outgoing(self, record: str) -> list[str]:
        """The shares of which something of a record may be outside."""

        async def look() -> list[str]:
            settings = self.stack.settings
            async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
                return [share.id for share in await outgoing(database, [record])]

        return asyncio.run(look())

    def statement(self, package: Path, *more: str) -> Path:
        """What the partner signs about a package, as a file."""
        key = self.by("partner", "--key")
        trust = ("--trust", str(trust_file(self.stack.settings)))
        file = self.folder / f"{uuid.uuid4()}.jws"
        file.write_text(self.run("share", "receipt", str(package), *key, *trust, *more, home=False), "ascii")
        return file

    def opened(self, package: Path, who: str = "partner") -> dict[str, Any]:
        """What a package holds, for whom it opens."""
        trust = ("--trust", str(trust_file(self.stack.settings)))
        content: dict[str, Any] = json.loads(
            self.run("share", "open", str(package), *self.by(who, "--key"), *trust, home=False)
        )
        return content


@pytest.fixture(scope="module")
def site(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A worker with the trial's rules, which leave those of sharing as strict as they are."""
    folder = tmp_path_factory.mktemp("share")

    async def hire() -> tuple[Office, dict[str, PrincipalKeys]]:
        office = await open_office(stack.settings)
        tag = uuid.uuid4().hex[:6]
        staff = {name: PrincipalKeys.generate(f"x:{name}-{tag}") for name in STAFF}
        async with desk(stack.settings) as at:
            for name, (department, roles) in STAFF.items():
                common = {"department": department, "clearance": Level.CORE, "now": int(time.time())}
                person = name != "partner"
                await register(at, public(staff[name]), roles=roles, person=person, **common)  # type: ignore[arg-type]
        return office, staff

    office, staff = asyncio.run(hire())
    for name, keys in staff.items():
        write_private(folder / f"{name}.key.json", dump_keys(keys, None))
    with Worker(stack.home, "sharing") as worker:
        worker.wait_started()
        made = Site(stack, office, folder, staff)
        made.run(
            "share", "agreement", "add", "nda-partner", "--recipient", made.id("partner"), "--field", "name",
            "--field", "city", "--purpose", PURPOSE, "--duty", "delete at the end", "--duty", "tell nobody",
            "--document", "paper-7", "--signed-on", "2026-01-01", "--until", "2099-12-31", "--at-rest", "aes-256",
            *made.by("archivist"),
        )  # fmt: skip
        yield made


@pytest.mark.clause("SHR-01", "SHR-02", "SHR-03", "SHR-07", "SHR-10", "SHR-11")
def test_from_the_application_to_the_confirmed_deletion(site: Site, tmp_path: Path) -> None:
    (record,), out = site.collected("Suzhou"), tmp_path / "out"
    share = site.apply(record, more=("--opinion", "legal"))
    deliver = ("share", "deliver", share, "--out", str(out), *site.by("archivist"))
    site.refused("DG-SHR-030", *deliver)
    assert site.endorse(share, "archivist") == ["DG-SHR-030"]
    listed = json.loads(site.run("share", "list", "--json"))
    assert next(each["state"] for each in listed if each["share"] == share) == "waits for legal's opinion"
    assert site.endorse(share, "legal", action="opine") == [None]
    request = site.folder / "share.json"
    site.run("share", "show", share, "--out", str(request))
    requester = ("--requester", site.id("applicant"), "--action", "approve-share")
    token = site.run("approve", str(request), *requester, *site.by("archivist", "--key"), home=False)
    (site.folder / "a.jws").write_text(token, "ascii")
    site.run("share", "endorse", share, "--approval", str(site.folder / "a.jws"), *site.by("applicant"))
    assert site.endorse(share, "manager") == [None]
    site.refused("DG-SHR-051", *deliver)
    assert site.endorse(share, "director") == [None]

    out.mkdir()
    (out / "note.txt").write_text('{"dangan_keys": 1, "private": {}}', "ascii")
    site.refused("DG-SHR-025", *deliver)  # a private key lies beside it
    (out / "note.txt").unlink()
    site.run(*deliver)
    package = out / f"{share}.jwe"
    assert "测试客户".encode() not in package.read_bytes()
    content = site.opened(package)
    assert content["rows"] == [{"record": record, "values": {"name": "测试客户", "city": "Suzhou"}}]
    assert (content["agreement"], content["duties"]) == ("nda-partner", ["delete at the end", "tell nobody"])
    with pytest.raises(DanganError):
        site.opened(package, "archivist")  # who sends it cannot open it

    site.refused(
        "DG-SHR-062", "share", "acknowledge", share, "--statement", str(site.statement(package, "--deleted")),
        *site.by("archivist"),
    )  # fmt: skip
    site.run("share", "acknowledge", share, "--statement", str(site.statement(package)), *site.by("archivist"))
    assert site.outgoing(record) == [share]
    site.run("share", "recall", share, "--reason", "the contract ended", *site.by("applicant"))
    site.refused("DG-SHR-051", *deliver)
    late = json.loads(site.run("share", "overdue", "--json", status=1))
    assert [(each["share"], each["why"]) for each in late] == [(share, "the contract ended")]
    gone = site.statement(package, "--deleted")
    site.run("share", "confirm", share, "--statement", str(gone), *site.by("archivist"))
    assert json.loads(site.run("share", "overdue", "--json")) == []
    assert site.outgoing(record) == []

    (line,) = [each for each in json.loads(site.run("share", "register", "--json")) if each["share"] == share]
    told = (line["records"], line["to"], line["agreement"], line["state"])
    assert told == (record, site.id("partner"), "nda-partner", "closed")
    assert line["approved by"] == ", ".join(site.id(who) for who in ("archivist", "manager", "director"))
    assert line["until"]
    assert site.run("share", "show", share)
    events = [event for event in asyncio.run(audit_events(site.stack.settings)) if _grant(event) == f"share:{share}"]
    verbs = {event["unmapped"]["dangan"]["verb"] for event in events if "status_code" not in event}
    assert verbs == {"apply", "opine", "endorse", "deliver", "acknowledge", "recall", "delete"}
    reads = [event["unmapped"]["dangan"] for event in events if event["unmapped"]["dangan"]["action"] == "access"]
    assert {(each["record"], tuple(each["fields"]), each["reader"]) for each in reads} == {
        (record, ("name", "city"), site.id("partner"))
    }


@pytest.mark.clause("SHR-04", "SHR-05")
def test_without_consent_or_outside_the_agreement_nothing_is_applied_for(site: Site) -> None:
    (record,), (silent,) = site.collected("Suzhou"), site.collected("Suzhou", agreed=False)
    with pytest.raises(DanganError, match="DG-SHR-020"):
        site.apply(record, silent)
    with pytest.raises(DanganError, match="DG-SHR-015"):
        site.apply(record, fields=("phone",))
    share = site.apply(record)
    assert site.endorse(share, "archivist", "manager", "director") == [None] * 3
    withdrawn = {"subject": f"sub-{record}", "consent": "consent-1", "withdrawn_at": "2026-02-01T00:00:00Z"}
    assert [result.status for result in site.ask("withdraw", withdrawn)] == ["accepted"]
    (result,) = site.ask("deliver", {"share": share}, who="archivist")
    assert (result.code, result.values) == ("DG-SHR-020", None)


@pytest.mark.clause("SHR-06")
def test_pseudonyms_and_aggregates_hold_no_identifier(site: Site, tmp_path: Path) -> None:
    records, found = site.collected(*["Suzhou"] * 5, "Wuxi"), {}
    for form, fields, few in (("pseudonymised", ("name", "city"), records), ("aggregate", ("city",), records[:5])):
        share = site.apply(*few, fields=fields, more=("--form", form))
        assert site.endorse(share, "archivist", "manager", "director") == [None] * 3
        site.run("share", "deliver", share, "--out", str(tmp_path / form), *site.by("archivist"))
        found[form] = site.opened(tmp_path / form / f"{share}.jwe")
    rows = found["pseudonymised"]["rows"]
    assert {row["values"]["city"] for row in rows} == {"Suzhou", "Wuxi"}
    assert all(row["values"]["name"].startswith("p-") and row["record"].startswith("p-") for row in rows)
    text = json.dumps(found)
    assert not [record for record in records if record in text]
    assert (found["aggregate"]["groups"], found["aggregate"]["remainder"]) == ([[["Suzhou"], 5]], 0)


def _grant(event: dict[str, Any]) -> str | None:
    named: str | None = event["unmapped"]["dangan"].get("grant")
    return named
