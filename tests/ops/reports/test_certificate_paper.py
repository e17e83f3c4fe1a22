"""Destruction certificates on paper: all that the signed one states, the signed one inside, none without proof."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import typer
from pypdf import PdfReader
from typer.testing import CliRunner, Result

from keys.certificate import RESIDUALS, sign_certificate, verify_certificate
from keys.okp import thumbprint
from keys.roots import CERTIFICATES_KEY
from ops.commands import certificate as commands
from ops.reports import as_json, rendered, told
from ops.reports.certificate import _GROUNDS, _RESIDUALS, certificate_report
from ops.reports.words import say
from schemas.certificate import Certificate, Horizon
from schemas.commands import Destroy
from schemas.errors import DanganError
from schemas.locales import LOCALES
from schemas.trust import Trust, TrustedKey
from tests.ops.reports.samples import HOSTILE, NOW
from tests.simulators.archive import Archive
from tests.simulators.orders import approved


class Issued:
    """A certificate, who trusts it, and the archive that signs others."""

    def __init__(self, archive: Archive, trust: Trust) -> None:
        self.archive, self.trust = archive, trust
        (self.jws,) = archive.certificates.certificates.values()
        self.certificate = verify_certificate(self.jws, trust)

    async def altered(self, **members: Any) -> str:
        """Another statement, rightly signed by the archive."""
        return await sign_certificate(self.archive.vault, self.certificate.model_copy(update=members))  # type: ignore[arg-type]


@pytest.fixture
async def issued() -> Issued:
    archive = Archive()
    await archive.new_ingest_key()
    await archive.collected("rec-1", "rec-2", "rec-3")
    await archive.forget("rec-1", "rec-2", order=approved("rec-1", "rec-2"))
    await archive.new_ingest_key()
    await archive.sweep()
    x = await archive.vault.public_key(CERTIFICATES_KEY)
    return Issued(archive, Trust(certificates=(TrustedKey(kid=thumbprint("Ed25519", x), x=x),)))


def squeezed(text: str) -> str:
    return "".join(text.split())


def pdf_text(reader: PdfReader) -> str:
    return squeezed("".join(page.extract_text() for page in reader.pages))


@pytest.mark.parametrize("language", LOCALES)
async def test_it_tells_all_that_the_certificate_states(issued: Issued, language: Any) -> None:
    places = (
        Horizon(place="vault-east", holds="raft snapshots", until=1_900_000_000),
        Horizon(place="tape", holds="x", until=None),
    )
    jws = await issued.altered(horizon=places)
    report = certificate_report(jws, issued.trust, NOW, "示例银行", language)
    certificate = verify_certificate(jws, issued.trust)
    forms = pdf_text(PdfReader(BytesIO(rendered(report, "pdf")))), squeezed(rendered(report, "html").decode())
    stated = [
        certificate.serial, certificate.command, certificate.requester, certificate.reason, "per:one", "per:two",
        *(thumbprint("Ed25519", verified) for verified in _keys(certificate)),
        *(record.id for record in certificate.records),
        *(root.root for root in certificate.roots),
        *(copy.sha256 for root in certificate.roots for copy in root.copies),
        *(digest for keys in certificate.refused_keys for digest in keys.sha256),
        *certificate.ingest_keys_destroyed,
        certificate.roots[0].lowering_refused,
        "vault-east", "2030-03-18", "tape", told(say("certificate-until-unknown"), language),
        told(say("certificate-ground-subject-request"), language),
        *(told(say(_RESIDUALS[residual]), language) for residual in RESIDUALS),
        "示例银行", hashlib.sha256(jws.encode()).hexdigest(), issued.trust.certificates[0].kid,
    ]  # fmt: skip
    for form in forms:
        assert not [each for each in stated if squeezed(_escaped(each, form)) not in form]


def _keys(certificate: Certificate) -> list[bytes]:
    return [base64.urlsafe_b64decode(who.x + "=") for who in certificate.approvers]


def _escaped(text: str, form: str) -> str:
    return text.replace("'", "&#39;") if form.startswith("<!DOCTYPE") else text


async def test_the_signed_certificate_can_be_taken_out_of_the_paper_and_verifies(issued: Issued) -> None:
    report = certificate_report(issued.jws, issued.trust, NOW)
    reader = PdfReader(BytesIO(rendered(report, "pdf")))
    (attached,) = reader.attachments[f"{issued.certificate.serial}.jws"]
    assert verify_certificate(attached.decode(), issued.trust) == issued.certificate
    assert issued.jws in pdf_text(reader)  # and typed off, or copied from the last pages
    assert issued.jws in rendered(report, "html").decode()


async def test_no_paper_without_proof(issued: Issued) -> None:
    head, payload, signature = issued.jws.split(".")
    foreign = Trust(certificates=(TrustedKey(kid="x", x=bytes(32)),))
    with pytest.raises(DanganError, match="DG-CER-002"):
        certificate_report(issued.jws, foreign, NOW)
    with pytest.raises(DanganError, match="DG-CER-00"):
        certificate_report(f"{head}.{payload[:-4]}AAAA.{signature}", issued.trust, NOW)
    with pytest.raises(DanganError, match="DG-CER-003"):
        certificate_report(await issued.altered(approvals=()), issued.trust, NOW)


def test_every_ground_and_every_residual_is_told_in_each_language() -> None:
    assert set(Destroy.model_fields["ground"].annotation.__args__) == _GROUNDS  # type: ignore[union-attr]
    for language in LOCALES:
        for index in range(1, len(RESIDUALS) + 1):
            assert told(say(f"certificate-residual-{index}"), language)


@pytest.mark.parametrize("words", [text for text in HOSTILE if len(text) < 400])
async def test_what_others_wrote_into_a_certificate_stays_text(issued: Issued, words: str) -> None:
    horizon = (Horizon(place=words, holds=words, until=None),)
    report = certificate_report(await issued.altered(horizon=horizon, residuals=(words,)), issued.trust, NOW, words)
    html = rendered(report, "html").decode()
    assert not any(
        tag in html for tag in ("<script", "<img", "<h1>free", "<font", "\x1b", "\N{RIGHT-TO-LEFT OVERRIDE}")
    )
    assert rendered(report, "pdf").startswith(b"%PDF-")


async def test_two_papers_of_one_certificate_have_one_digest_in_both_languages(issued: Issued) -> None:
    report = certificate_report(issued.jws, issued.trust, NOW)
    assert as_json(report) == as_json(replace(report, language="zh-CN"))


def run(*words: str) -> Result:
    app = typer.Typer()
    commands.register(app)
    return CliRunner().invoke(app, list(words), catch_exceptions=True)


@pytest.fixture
def files(issued: Issued, tmp_path: Path) -> tuple[Path, Path]:
    certificate, trust = tmp_path / "one.jws", tmp_path / "trust.json"
    certificate.write_text(issued.jws + "\n")
    trust.write_text(issued.trust.dump())
    return certificate, trust


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Counts the sockets that are made; none can be connected."""
    made: list[int] = []

    class Cut(socket.socket):
        def connect(self, *_: Any) -> None:
            made.append(1)
            raise OSError("offline")

    monkeypatch.setattr(socket, "socket", Cut)
    return lambda: len(made)


def test_a_file_is_written_as_papers_offline(
    files: tuple[Path, Path], tmp_path: Path, offline: Callable[[], int]
) -> None:
    pdf, html = tmp_path / "paper.pdf", tmp_path / "paper.html"
    said = run(
        "certificate", "show", str(files[0]), "--trust", str(files[1]), "--pdf", str(pdf), "--html", str(html),
        "--language", "zh-CN", "--organisation", "示例银行",
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    assert "档案销毁证明" in pdf_text(PdfReader(pdf))
    assert '<html lang="zh-CN">' in html.read_text("utf-8")
    assert {pdf.stat().st_mode & 0o777, html.stat().st_mode & 0o777} == {0o600}
    assert run("certificate", "verify", str(files[0]), "--trust", str(files[1])).exit_code == 0
    assert offline() == 0


def test_without_a_paper_the_certificate_itself_is_printed(files: tuple[Path, Path]) -> None:
    assert run("certificate", "show", str(files[0])).output == files[0].read_text()


def test_a_paper_needs_a_trust_file_a_good_certificate_and_a_fitting_name(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    def refused(*words: str) -> str:
        result = run("certificate", "show", *words, "--home", str(tmp_path / "none"))
        assert isinstance(result.exception, DanganError), result.output
        return result.exception.code

    paper = ("--pdf", str(tmp_path / "p.pdf"))
    trusted = ("--trust", str(files[1]))
    assert refused(str(files[0]), "--trust", str(tmp_path / "gone.json"), *paper) == "DG-RPT-005"
    assert refused(str(files[0]), *trusted, "--pdf", str(tmp_path / "p.txt")) == "DG-RPT-004"
    files[0].write_text(files[0].read_text().replace(".", ".A", 1))
    assert refused(str(files[0]), *trusted, *paper).startswith("DG-CER-00")
    files[0].write_bytes(b"\xff")
    assert refused(str(files[0]), *trusted, *paper) == "DG-CER-001"
    assert not (tmp_path / "p.pdf").exists()


def test_a_record_with_several_certificates_is_not_guessed(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def two(*_: Any) -> list[str]:
        return ["a", "b"]

    monkeypatch.setattr(commands, "_find", two)
    monkeypatch.setattr(commands, "load_settings", lambda _home: None)
    assert run("certificate", "show", "rec-1").output == "a\nb\n"
    result = run("certificate", "show", "rec-1", "--trust", str(files[1]), "--pdf", str(tmp_path / "p.pdf"))
    assert isinstance(result.exception, DanganError)
    assert result.exception.code == "DG-RPT-006"
