"""Proofs that need nobody's word: audit chain and certificate, each verified offline, and each tampered with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from keys.certificate import verify_certificate
from ops.audit_files import feed_file, notes_of, read_kept, write_export, write_kept
from ops.demo.scene import Scene
from schemas.certificate import Certificate
from schemas.errors import DanganError
from schemas.topics import AUDIT
from schemas.trust import Trust, load_trust
from store.checkpoints import Checkpoints
from store.database import connect
from streams.audit.findings import Report
from streams.audit.reader import open_topic
from streams.audit.verify import Verifier
from streams.kafka import kafka_of


async def verify_audit(scene: Scene) -> None:
    """Export the audit stream, verify the export; then change one event in a copy, and verify that."""
    stage, settings = scene.stage, scene.settings
    stage.step("The audit stream, verified offline")
    stage.command(
        "dangan audit export --out audit.ndjson --checkpoints kept.ndjson && dangan audit verify audit.ndjson"
    )
    export, kept = settings.home / "audit.ndjson", settings.home / "kept.ndjson"
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        write_kept(notes_of([one async for one in Checkpoints(database).all()]), kept)
    async with open_topic(kafka_of(settings), AUDIT) as topic:
        with stage.bar("exported", topic.total) as advance:
            await write_export(topic.to_the_end(), export, advance)
    report = await asyncio.to_thread(_verify, scene.trust, export, kept)
    scene.claims.check(
        "No audit event was altered, dropped or reordered",
        report.events > 0 and not report.findings,
        f"{report.events:,} events in {len(report.writers)} chains, {report.checkpoints} checkpoints",
    )
    forged = settings.home / "audit.forged.ndjson"
    _forge(export, forged, scene.people.colleague.principal, scene.people.clerk.principal)
    found = (await asyncio.to_thread(_verify, scene.trust, forged, kept)).findings
    scene.claims.check(
        "One changed name in one event is found, with its place",
        bool(found) and all(finding.place is not None for finding in found),
        f"{found[0].kind} at line {found[0].place.number}" if found and found[0].place else "nothing found",
    )


def verify_certificate_offline(scene: Scene, certificates: Mapping[str, str], record: str) -> None:
    """Verify the certificate with the trust file alone; then change one character, and try again."""
    stage, trust_file = scene.stage, scene.settings.home / "trust.json"
    stage.step("The destruction certificate, verified with public keys alone")
    stage.command("dangan certificate verify certificates/*.jws --trust trust.json")
    trust = load_trust(trust_file.read_bytes())
    good = [found for jws in certificates.values() if (found := _valid(jws, trust)) is not None]
    scene.claims.check(
        "A certificate for exactly that customer's record verifies offline",
        [record_of.id for each in good for record_of in each.records] == [record],
        f"{len(good)} certificate, {sum(len(each.approvals) for each in good)} approvals in it, "
        f"{sum(len(keys.sha256) for each in good for keys in each.refused_keys)} old keys refused by Vault",
    )
    scene.claims.check(
        "With one character changed it does not",
        bool(certificates) and not any(_valid(_tampered(jws), trust) for jws in certificates.values()),
        f"{len(certificates)} tried",
    )
    for each in good:
        stage.say("It also states what it cannot prove:")
        for line in (*(f"{place.place} may still hold {place.holds}" for place in each.horizon), *each.residuals):
            stage.say(f"  - {line}")


def _verify(trust: Trust, export: Path, kept: Path) -> Report:
    verifier = Verifier(trust, read_kept(kept))
    feed_file(verifier, export, lambda _: None)
    return verifier.finish()


def _forge(export: Path, forged: Path, old: str, new: str) -> None:
    """Copy an export with one name in one event exchanged, as somebody who wants to shift blame would."""
    done = False
    with export.open("rb") as source, forged.open("wb") as target:
        for line in source:
            changed = line if done else line.replace(f'"{old}"'.encode(), f'"{new}"'.encode())
            done = done or changed != line
            target.write(changed)


def _valid(jws: str, trust: Trust) -> Certificate | None:
    try:
        return verify_certificate(jws, trust)
    except DanganError:
        return None


def _tampered(jws: str) -> str:
    header, payload, signature = jws.split(".")
    middle = len(payload) // 2
    other = "A" if payload[middle] != "A" else "B"
    return f"{header}.{payload[:middle]}{other}{payload[middle + 1 :]}.{signature}"
