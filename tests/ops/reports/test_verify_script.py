"""docs/verify_certificate.py: short, on its own, and it says good of nothing that was altered."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from keys.certificate import sign_certificate, verify_certificate
from keys.roots import CERTIFICATES_KEY
from ops.docs.clauses import ROOT
from ops.reports import rendered, say, told
from ops.reports.certificate import certificate_report
from schemas.certificate import DestroyedRecord
from schemas.destruction import Application
from schemas.errors import DanganError
from schemas.locales import LOCALES, Locale
from tests.ops.reports.samples import NOW
from tests.ops.reports.test_certificate_paper import Issued, issued
from tests.simulators.orders import approved, keys_of

SCRIPT = ROOT / "docs" / "verify_certificate.py"
__all__ = ["issued"]


def test_it_has_60_lines_at_most_and_needs_cryptography_alone() -> None:
    text = SCRIPT.read_text("utf-8")
    assert len(text.splitlines()) <= 60
    assert max(map(len, text.splitlines())) <= 120
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        for name in ([each.name for each in node.names] if isinstance(node, ast.Import) else [])
        + ([str(node.module)] if isinstance(node, ast.ImportFrom) else [])
    }
    assert imported - sys.stdlib_module_names == {"cryptography"}


def said(tmp_path: Path, jws: str, trust: str) -> tuple[int, str]:
    (tmp_path / "c.jws").write_text(jws + "\n")
    (tmp_path / "trust.json").write_text(trust)
    words = [sys.executable, "-I", str(SCRIPT), str(tmp_path / "c.jws"), str(tmp_path / "trust.json")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path, env={})
    return done.returncode, done.stdout + done.stderr


def test_a_genuine_certificate_is_good(issued: Issued, tmp_path: Path) -> None:
    assert said(tmp_path, issued.jws, issued.trust.dump()) == (
        0,
        f"good: 2 record(s) of 'per:archivist''s request destroyed, '{issued.certificate.serial}'\n",
    )


_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def with_payload(jws: str, change: Any) -> str:
    head, payload, signature = jws.split(".")
    stated = json.loads(base64.urlsafe_b64decode(payload + "=="))
    change(stated)
    return f"{head}.{base64.urlsafe_b64encode(json.dumps(stated).encode()).decode().rstrip('=')}.{signature}"


@pytest.mark.parametrize(
    "alter",
    [
        lambda jws: with_payload(jws, lambda it: it.update(reason="another")),
        lambda jws: with_payload(jws, lambda it: it["records"].append(dict(it["records"][0], id="rec-3"))),
        lambda jws: jws[:-1] + ("A" if jws[-1] != "A" else "B"),
        lambda jws: jws[:-1] + _DIGITS[_DIGITS.index(jws[-1]) ^ 1],  # a bit that means nothing: the same signature
        lambda jws: jws[:-2],
        lambda jws: jws.replace(".", "..", 1),
        lambda jws: jws + ".x",
        lambda _jws: "",
        lambda _jws: "\x1b[2J.a.b",
        lambda jws: (
            base64.urlsafe_b64encode(b'{"alg":"none","kid":"x","typ":"dangan-certificate+jws"}').decode()
            + jws[jws.index(".") :]
        ),
    ],
)
def test_an_altered_one_is_not(issued: Issued, tmp_path: Path, alter: Any) -> None:
    code, words = said(tmp_path, alter(issued.jws), issued.trust.dump())
    assert code == 1
    assert words.startswith("NOT good: ")
    assert words.strip().isprintable()


def test_another_trust_file_or_another_purpose_is_not_enough(issued: Issued, tmp_path: Path) -> None:
    trust = json.loads(issued.trust.dump())
    moved = {"certificates": [], "announcements": trust["certificates"], "writers": trust["certificates"]}
    for wrong in (moved, {}, [], {"certificates": [{"kid": trust["certificates"][0]["kid"], "x": "A" * 43}]}):
        code, words = said(tmp_path, issued.jws, json.dumps(wrong))
        assert (code, words[:10]) == (1, "NOT good: ")


def _early(issued: Issued) -> dict[str, Any]:
    first = issued.certificate.roots[0]
    early = first.model_copy(update={"trimmed_at": issued.certificate.records[0].forgotten_at - 301})
    return {"roots": (early, *issued.certificate.roots[1:])}


def _left(issued: Issued) -> dict[str, Any]:
    first = issued.certificate.roots[0]
    return {"roots": (first.model_copy(update={"after": first.before}), *issued.certificate.roots[1:])}


def _unordered(issued: Issued) -> dict[str, Any]:
    other = DestroyedRecord(id="rec-3", forgotten_at=issued.archive.now, roots=("dangan-core",))
    return {"records": (*issued.certificate.records, other)}


def _unswept(issued: Issued) -> dict[str, Any]:
    return {"roots": tuple(each for each in issued.certificate.roots if each.root != issued.certificate.ingest_root)}


def _same_key_twice(issued: Issued) -> dict[str, Any]:
    one = issued.certificate.approvals[0]
    return {"approvals": (one, one)}


def _of_another_request(_issued: Issued) -> dict[str, Any]:
    return {"approvals": approved("rec-9").approvals}


def _by_the_requester(issued: Issued) -> dict[str, Any]:
    own = approved(*issued.certificate.ordered, requester="per:one")  # the very request, signed by who makes it
    return {"requester": own.requester, "approvals": own.approvals}


def _stale(issued: Issued) -> dict[str, Any]:
    later = issued.certificate.decided_at + 31 * 86400
    return {"decided_at": later}


@pytest.mark.parametrize(
    "members",
    [_early, _left, _unordered, _unswept, _same_key_twice, _of_another_request, _by_the_requester, _stale],
)
async def test_what_the_archive_itself_signed_falsely_is_not_good(issued: Issued, tmp_path: Path, members: Any) -> None:
    jws = await issued.altered(**members(issued))
    code, words = said(tmp_path, jws, issued.trust.dump())
    assert (code, words[:10]) == (1, "NOT good: ")
    with pytest.raises(DanganError, match="DG-CER-003"):  # as the program says, too
        verify_certificate(jws, issued.trust)


def signed_by(action: str, person: str, digest: str) -> str:
    """What a person signs, whose keys are made up."""
    key = keys_of(person).signing
    parts = [
        {"alg": "Ed25519", "kid": key.kid, "typ": "dangan-approval+jws"},
        {"action": action, "approver": person, "at": 1000, "digest": digest},
    ]
    text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{text}." + base64.urlsafe_b64encode(key.private.sign(text.encode())).decode().rstrip("=")


async def with_application(issued: Issued, witness: str = "per:four", signs: str | None = "witness-destroy") -> str:
    """A certificate whose request names an applicant and a witness, who signs as what is said, or not at all."""
    of = issued.certificate
    asking = Application(applicant="per:three", witness=witness, scope="客户 4711", no_need=True)
    application = asking.model_dump(mode="json")
    asked = {"type": "destroy", "id": of.command, "records": of.ordered, "ground": of.ground, "reason": of.reason}
    asked |= {"requester": of.requester, "application": application}
    canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    acts = [("approve-destroy", "per:one"), ("approve-destroy", "per:two"), ("apply-destroy", "per:three")]
    acts += [(signs, witness)] if signs else []
    stated = json.loads(of.model_dump_json()) | {
        "application": application,
        "approvals": [signed_by(action, person, digest) for action, person in acts],
        "approvers": [_public(person) for person in ("per:one", "per:two")],
        "signed_by": [_public(person) for person in ("per:three", "per:four")],
    }
    head = issued.jws.split(".")[0]
    signed = f"{head}.{base64.urlsafe_b64encode(json.dumps(stated).encode()).decode().rstrip('=')}"
    signature = await issued.archive.vault.sign(CERTIFICATES_KEY, signed.encode())
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


@pytest.mark.parametrize(
    ("witness", "signs", "good"),
    [
        ("per:four", "witness-destroy", True),
        ("per:four", "approve-destroy", False),
        ("per:two", "witness-destroy", False),  # who approves does not watch
        ("per:none", None, False),  # named, and has not signed
    ],
)
async def test_applicant_and_witness_sign_as_what_they_are(
    issued: Issued, tmp_path: Path, witness: str, signs: str | None, good: bool
) -> None:
    jws = await with_application(issued, witness, signs)
    code, words = said(tmp_path, jws, issued.trust.dump())
    assert (code == 0) is good, words


def _public(person: str) -> dict[str, str]:
    raw = keys_of(person).signing.private.public_key().public_bytes_raw()
    return {"id": person, "x": base64.urlsafe_b64encode(raw).decode().rstrip("=")}


@pytest.mark.parametrize("language", LOCALES)
async def test_a_paper_tells_who_applied_who_watched_and_who_carried_it_out(issued: Issued, language: Locale) -> None:
    report = certificate_report(await with_application(issued), issued.trust, NOW, language=language)
    html = rendered(report, "html").decode()
    roles = ("certificate-applicant", "certificate-witness", "certificate-executor", "certificate-approver")
    stated = ["per:one", "per:two", "per:three", "per:four", "per:archivist", "客户 4711"]
    for each in [*stated, *(told(say(role), language) for role in roles)]:
        assert each in html, each


async def test_a_signature_for_another_purpose_is_not_a_certificate(issued: Issued, tmp_path: Path) -> None:
    jws = await sign_certificate(issued.archive.vault, issued.certificate)  # type: ignore[arg-type]
    assert said(tmp_path, jws, issued.trust.dump())[0] == 0
    head, payload, _ = jws.split(".")
    other = json.loads(base64.urlsafe_b64decode(head + "==")) | {"typ": "dangan-approval+jws"}
    part = base64.urlsafe_b64encode(json.dumps(other).encode()).decode().rstrip("=")
    signature = await issued.archive.vault.sign(CERTIFICATES_KEY, f"{part}.{payload}".encode())
    signed = f"{part}.{payload}." + base64.urlsafe_b64encode(signature).decode().rstrip("=")
    assert said(tmp_path, signed, issued.trust.dump())[0] == 1
