"""The evidence set for auditors (审计证据, clause AUD-11): files to read, a manifest of their digests, a signature.

Nothing in it is a value of a record or key material: registers, runs, destructions with their certificates, loans,
checkpoints of the audit stream, rules and policies as they are. Whoever makes it signs the manifest with the own key;
its digest is in the audit stream too. ``dangan inspect check-evidence`` needs the folder and a public key alone.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from keys.signer import Signer, signed_text
from ops.audited import Desk
from ops.destructions.jobs import jobs, register_line
from ops.inspections.schedule import due
from ops.private_files import private_folder, write_private
from ops.use.register import loans
from schemas.custody import MEDIA, TERMINALS
from schemas.errors import DanganError
from schemas.inspections import EVALUATIONS, EXAMINATIONS, RECTIFICATIONS, REVIEWS, SAMPLES, TERMS
from schemas.needs import CONFIRMATIONS, ERASURES, NEEDS
from schemas.registers import Lifecycle
from schemas.rulebook import RuleBook
from schemas.working_days import day_of
from store.backups import Backups
from store.checkpoints import Checkpoints
from store.inspections import Inspections, run_document
from store.people import PeopleDocuments
from store.principals import Principals
from store.registers import Register, entry_document
from store.sweeps import Certificates

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.jws"
TYP: Final = "dangan-evidence+jws"
#: Every register that operators keep.
REGISTERS: Final[tuple[Lifecycle, ...]] = (
    MEDIA, TERMINALS, NEEDS, ERASURES, CONFIRMATIONS, RECTIFICATIONS, SAMPLES, EXAMINATIONS, REVIEWS, EVALUATIONS,
    TERMS,
)  # fmt: skip
_READ_ONLY: Final = 0o400


async def collect(
    desk: Desk, book: RuleBook, signer: Signer, out: Path, policies: Path, *, since: int, until: int, now: int
) -> dict[str, str]:
    """Write the evidence set of a time into a folder that is not there yet or empty.

    Args:
        desk: of who makes it.
        book: the rule book.
        signer: signs the manifest.
        out: the folder.
        policies: the organisation's folder of policies.
        since, until: runs made in that time, and loans that began in it (UNIX seconds); registers come whole.
        now: UNIX seconds.

    Returns:
        File -> SHA-256, as the manifest says.

    Raises:
        DanganError: DG-INS-040 for a folder with something in it; DG-RPT-001 when a file cannot be written.
    """
    files = {path async for path in _written(desk, book, _empty(out), policies, since=since, until=until, now=now)}
    digests = {str(path.relative_to(out)): _digest(path.read_bytes()) for path in sorted(files)}
    manifest = orjson.dumps(
        {
            "format": "dangan/evidence@v1",
            "from": day_of(since).isoformat(),
            "until": day_of(until).isoformat(),
            "made_at": now,
            "made_by": desk.operator,
            "files": digests,
        },
        option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS,
    )
    await desk.record("register", record=f"evidence-{now}", book="evidence.make", digest=_digest(manifest))
    _put(out / MANIFEST, manifest)
    _put(out / SIGNATURE, signed_text(signer, typ=TYP, payload=manifest).encode() + b"\n")
    return digests


def check(folder: Path, public_key: bytes) -> list[str]:
    """What is wrong with an evidence set: the signature, missing, altered or additional files. Offline.

    Args:
        folder: the evidence set.
        public_key: of who made it, 32 bytes (Ed25519).

    Raises:
        DanganError: DG-INS-041 when there is no manifest that can be read.
    """
    try:
        manifest = (folder / MANIFEST).read_bytes()
        head, payload, signature = (folder / SIGNATURE).read_bytes().strip().split(b".")
        files: dict[str, str] = orjson.loads(manifest)["files"]
        raw = base64.urlsafe_b64decode(signature + b"=" * (-len(signature) % 4))
        signed = base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DanganError("DG-INS-041", field=str(folder), detail=type(error).__name__) from None
    wrong = [] if signed == manifest else ["the manifest is not the one that was signed"]
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(raw, head + b"." + payload)
    except (InvalidSignature, ValueError):
        wrong.append("the signature does not verify")
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {MANIFEST, SIGNATURE}
    wrong += [f"missing: {name}" for name in sorted(files.keys() - there)]
    wrong += [f"not in the manifest: {name}" for name in sorted(there - files.keys())]
    both = sorted(there & files.keys())
    wrong += [f"altered: {name}" for name in both if _digest((folder / name).read_bytes()) != files[name]]
    return wrong


async def _written(
    desk: Desk, book: RuleBook, out: Path, policies: Path, *, since: int, until: int, now: int
) -> AsyncIterator[Path]:
    database = desk.database
    for register in REGISTERS:
        async with aclosing(Register(database, register.name).all()) as entries:
            lines = [entry_document(entry) async for entry in entries]
        yield _lines(out / "registers" / f"{register.name}.jsonl", lines)
    runs = [run_document(run) for run in await Inspections(database).all(since=since) if run.at <= until]
    yield _lines(out / "inspections.jsonl", runs)
    borrowed = [loan.as_dict() for loan in await loans(desk, book, now=now) if since <= loan.out <= until]
    yield _lines(out / "borrowing.jsonl", borrowed)
    destroyed = await jobs(database, paper_required=book.destroy.paper_required)
    yield _lines(out / "destructions.jsonl", [register_line(job) for job in destroyed])
    for serial in sorted({serial for job in destroyed for serial in job.certificates}):
        if jws := await Certificates(database).get(serial):
            yield _put(out / "certificates" / f"{_digest(serial.encode())[:16]}.jws", jws.encode() + b"\n")
    backups = Backups(database)
    yield _lines(out / "backups.jsonl", [asdict(each) for each in await backups.all()])
    yield _lines(out / "drills.jsonl", [asdict(each) for each in await backups.drills()])
    yield _lines(out / "people.jsonl", [_person(each) for each in await Principals(database).all()])
    yield _lines(out / "permission-documents.jsonl", [doc async for doc in PeopleDocuments(database).every()])
    kept = sorted([each async for each in Checkpoints(database).all()])
    yield _lines(out / "audit-checkpoints.jsonl", [each._asdict() for each in kept])
    duties = [{**asdict(duty), "state": duty.state(day_of(now))} for duty in await due(database, book, now=now)]
    yield _lines(out / "duties.jsonl", duties)
    yield _put(out / "rule-book.json", orjson.dumps(book.model_dump(mode="json"), option=_PRETTY))
    for path in _policy_files(policies):
        yield _put(out / "policies" / path.relative_to(policies), path.read_bytes())


_PRETTY: Final = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS


def _person(principal: Any) -> Mapping[str, Any]:
    return {
        "id": principal.id,
        "kind": principal.kind,
        "roles": sorted(principal.roles),
        "department": principal.department,
        "clearance": principal.clearance.value,
        "active": principal.active,
        "lapses_at": principal.lapses_at,
        "agreement_until": principal.agreement_until,
    }


def _policy_files(policies: Path) -> Sequence[Path]:
    return sorted(path for ending in ("toml", "cedar", "cedarschema", "yaml") for path in policies.rglob(f"*.{ending}"))


def _empty(out: Path) -> Path:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DanganError("DG-INS-040", field=str(out))
    return private_folder(out)


def _lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> Path:
    return _put(path, b"".join(orjson.dumps(line, option=_SORTED, default=_plain) for line in lines))


_SORTED: Final = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(type(value).__name__)


def _put(path: Path, content: bytes) -> Path:
    try:
        write_private(path, content, mode=_READ_ONLY)
    except OSError as error:
        raise DanganError("DG-RPT-001", field=str(path), detail=type(error).__name__) from None
    return path


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
