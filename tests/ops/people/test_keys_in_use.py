"""A credential's place (SEC-08), and tokens in the place of key files: what signs is an interface."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from keys.approvals import verified
from keys.ledger import Approver
from keys.okp import PublicIngestKey, ReceivingKey, SigningKey, thumbprint
from keys.principal_keys import PrincipalKeys, dump_keys
from keys.signer import Signer, approval
from ops.commands.keys import read_key_file
from ops.operators import prove
from ops.people.instance import instance_of
from ops.private_files import write_private
from schemas.approvals import ApprovalAction
from schemas.errors import DanganError
from schemas.principals import PublicKey
from schemas.wire import INSTANCE, WireLimits
from streams.envelope import bundle_headers, open_bundle, seal_bundle
from tests.consumers.samples import NOW, principal


@pytest.mark.clause("SEC-08")
def test_a_copied_key_file_is_another_place(tmp_path: Path) -> None:
    keys = PrincipalKeys.generate("staff:1")
    for desk in ("one", "two"):
        write_private(tmp_path / desk / "a.key.json", dump_keys(keys, None))
    one, two = (tmp_path / desk / "a.key.json" for desk in ("one", "two"))
    here = read_key_file(one, None).instance
    assert here is not None
    assert INSTANCE.fullmatch(here)
    assert read_key_file(one, None).instance == here
    assert read_key_file(two, None).instance not in (here, None)
    # the random number copied along, to another machine
    beside = one.with_name("a.key.json.instance")
    assert beside.stat().st_mode & 0o077 == 0
    two.with_name("a.key.json.instance").write_text(beside.read_text())
    machine = tmp_path / "machine-id"
    machine.write_text("m" * 32)
    assert instance_of(two, keys.signing.kid, machine=[machine]) != instance_of(one, keys.signing.kid, machine=[])
    assert instance_of(one, "another key") != here


def test_where_nothing_can_be_kept_nothing_is_said(tmp_path: Path) -> None:
    beside = tmp_path / "a.key.json.instance"
    beside.mkdir()
    assert instance_of(tmp_path / "a.key.json", "kid") is None


@dataclass
class Token:
    """A token as PKCS#11 shows one: it signs and never gives its key away."""

    _key: SigningKey = field(default_factory=SigningKey.generate, repr=False)
    signed: int = 0

    @property
    def kid(self) -> str:
        return thumbprint("Ed25519", self.x)

    @property
    def x(self) -> bytes:
        return self._key.x

    def sign(self, data: bytes) -> bytes:
        self.signed += 1
        return self._key.sign(data)


@pytest.mark.clause("SEC-01", "SEC-08")
def test_a_token_signs_bundles_approvals_and_who_acts() -> None:
    token = Token()
    signer: Signer = token
    mine = (PublicKey(token.kid, token.x, NOW - 10, NOW + 10),)
    who = principal("staff:1", "approver", kind="person", signing_keys=mine)
    said = approval(signer, approver=who.id, action="merge", digest="0" * 64, at=NOW)
    found = verified(
        [said],
        actions=frozenset[ApprovalAction]({"merge"}),
        digest="0" * 64,
        requester="staff:2",
        approver=lambda kid, _at: Approver(who.id, token.x) if kid == token.kid else None,
        at=NOW,
    )
    assert [one.who.id for one in found] == ["staff:1"]
    assert prove(who, signer, now=NOW, roles=("approver",)) == "staff:1"

    ingest = ReceivingKey.generate()
    name = "6b1f0f52-7f0c-4c55-9a3e-0c1b8e7d2a11"
    key = PublicIngestKey(ingest.kid, ingest.x)
    value = seal_bundle(b"{}", signing_key=signer, ingest_key=key, bundle_id=name, iat=NOW)
    place = "ab" * 16
    headers = bundle_headers("access", sender=who.id, bundle_id=name, time="2027-01-15T08:00:00Z", instance=place)
    opened = open_bundle(
        value,
        headers=headers,
        family="access",
        ingest_private=lambda _kid: ingest.private,
        sender_key=lambda kid: (who.id, mine[0]) if kid == token.kid else None,
        now=NOW,
        limits=_limits(),
    )
    assert (opened.sender, opened.instance) == ("staff:1", place)
    assert token.signed == 3


@pytest.mark.clause("SEC-01")
def test_an_unknown_signer_and_a_false_place_are_refused() -> None:
    key, ingest, name = SigningKey.generate(), ReceivingKey.generate(), "6b1f0f52-7f0c-4c55-9a3e-0c1b8e7d2a11"
    public = PublicIngestKey(ingest.kid, ingest.x)
    value = seal_bundle(b"{}", signing_key=key, ingest_key=public, bundle_id=name, iat=NOW)
    good = PublicKey(key.kid, key.x, NOW - 10, NOW + 10)
    for known, place, code in (
        (None, None, "DG-WIR-007"), (good, "not hexadecimal", "DG-WIR-015"), (good, "", "DG-WIR-015"), (good, None, None),
    ):  # fmt: skip
        headers = bundle_headers(
            "access", sender="staff:1", bundle_id=name, time="2027-01-15T08:00:00Z", instance=place
        )
        try:
            open_bundle(
                value,
                headers=headers,
                family="access",
                ingest_private=lambda _kid: ingest.private,
                sender_key=lambda _kid, known=known: ("staff:1", known) if known else None,  # type: ignore[misc]
                now=NOW,
                limits=_limits(),
            )
            told = None
        except DanganError as error:
            told = error.code
        assert told == code


def _limits() -> WireLimits:
    return WireLimits()
