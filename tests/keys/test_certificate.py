"""Certificates: what they state, and that no altered, foreign or contradictory one verifies."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.certificate import certified_approvers, sign_certificate, verify_certificate
from keys.ledger import Entry, OldKey, Order, State, Traces
from keys.okp import thumbprint
from keys.roots import CERTIFICATES_KEY, INGEST_ROOT, WRITERS_KEY, root_of
from keys.vault import KeyRefused
from schemas.certificate import Certificate, contradictions
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.trust import Trust, TrustedKey, load_trust
from tests.simulators.archive import Archive
from tests.simulators.orders import approved

ORDER = approved("rec-1", "rec-2")


async def trust_of(archive: Archive, key: str = CERTIFICATES_KEY) -> Trust:
    x = await archive.vault.public_key(key)
    return Trust(certificates=(TrustedKey(kid=thumbprint("Ed25519", x), x=x),))


@pytest.fixture
async def archive() -> Archive:
    made = Archive()
    await made.new_ingest_key()
    await made.collected("rec-1", "rec-2", "rec-3")
    await made.forget("rec-1", "rec-2", order=ORDER)
    await made.new_ingest_key()
    await made.sweep()
    return made


async def test_it_states_who_what_why_and_what_vault_answered(archive: Archive) -> None:
    (jws,) = archive.certificates.certificates.values()
    certificate = verify_certificate(jws, await trust_of(archive))
    assert [record.id for record in certificate.records] == ["rec-1", "rec-2"]
    assert (certificate.requester, certificate.ground) == ("per:archivist", "subject_request")
    assert certificate.approvals == ORDER.approvals
    assert [who.id for who in certified_approvers(certificate)] == ["per:one", "per:two"]
    assert {each.root for each in certificate.roots} == {root_of(level) for level in Level} | {INGEST_ROOT}
    for each in certificate.roots:
        assert (each.before, each.after, each.min_available) == (1, 2, 2)
        assert "min available version" in each.lowering_refused
        assert {copy.place for copy in each.copies} == {"east", "west"}
    # two records, a page each at three levels: six old page keys, every one refused
    assert sum(len(keys.sha256) for keys in certificate.refused_keys) == 6
    assert {keys.answer for keys in certificate.refused_keys} == {
        "ciphertext or signature version is disallowed by policy (too old)"
    }
    assert len(certificate.ingest_keys_destroyed) == 1
    # page keys are held 60 s after the forgetting, ingest keys as long after their sweep, an unwrap in flight 30 s more
    swept_at = max(each.trimmed_at for each in certificate.roots)
    assert certificate.caches_empty_at == swept_at + 90
    assert len(certificate.residuals) >= 5


async def forgotten_and_not_certified() -> Archive:
    """An archive whose record waits for the last sweep only: the ingest root's."""
    made = Archive()
    await made.new_ingest_key()
    await made.collected("rec-1")
    await made.forget("rec-1")
    await made.new_ingest_key()
    await made.sweep(made.roots(ingest=False))
    assert made.certificates.certificates == {}
    return made


def with_old_key(archive: Archive, wrapped_key: str) -> None:
    entry = archive.ledger.entries["rec-1"]
    old = replace(entry.traces.old_keys[0], wrapped_key=wrapped_key)
    traces = replace(entry.traces, old_keys=(*entry.traces.old_keys, old))
    archive.ledger.entries["rec-1"] = replace(entry, traces=traces)


@pytest.mark.parametrize(
    ("wrapped_key", "code"),
    [("vault:v2:AAAA", "DG-SWP-006"), ("vault:v9:AAAA", "DG-SWP-006"), ("garbage", "DG-SWP-012")],
)
async def test_a_refusal_of_what_was_not_destroyed_proves_nothing(wrapped_key: str, code: str) -> None:
    archive = await forgotten_and_not_certified()
    with_old_key(archive, wrapped_key)  # refused by Vault as well, for being no ciphertext
    with pytest.raises(DanganError, match=code):
        await archive.sweep()
    assert archive.certificates.certificates == {}


@pytest.mark.parametrize("reason", ["cipher: message authentication failed", "permission denied", "", "too old"])
async def test_a_refusal_for_another_reason_proves_nothing(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = await forgotten_and_not_certified()
    await archive.sweep(archive.roots([], ingest=True))
    (entry,) = archive.ledger.entries.values()
    archive.ledger.entries["rec-1"] = replace(entry, state=State.FORGOTTEN, certificate=None)
    archive.certificates.certificates.clear()

    async def refuse(_root: str, texts: Sequence[str]) -> list[KeyRefused]:
        return [KeyRefused(reason) for _ in texts]

    monkeypatch.setattr(archive.vault, "rewrap", refuse)
    with pytest.raises(DanganError, match="DG-SWP-013"):
        await archive.issuer.issue()
    assert archive.certificates.certificates == {}


async def with_forged_entry(archive: Archive, order: Order) -> None:
    """What somebody who can write to the database writes: rec-9 lives, and the ledger says that it is forgotten."""
    await archive.collected("rec-9")
    traces = Traces(frozenset({root_of(Level.CORE)}))
    archive.ledger.entries["rec-9"] = Entry("rec-9", order, State.FORGOTTEN, traces, forgotten_at=archive.now)


async def test_a_forged_entry_gives_no_certificate_and_keeps_no_other_back() -> None:
    archive = await forgotten_and_not_certified()
    await with_forged_entry(archive, Order("6f0d5d44-0000-4000-8000-000000000003", "per:archivist", "expired", (), 7))
    entry = archive.ledger.entries["rec-9"]
    archive.ledger.entries["rec-9"] = replace(entry, traces=Traces())
    with pytest.raises(DanganError, match="DG-SWP-012"):
        await archive.sweep()
    assert archive.ledger.entries["rec-9"].state is State.FORGOTTEN
    assert archive.ledger.entries["rec-1"].state is State.CERTIFIED
    assert len(archive.certificates.certificates) == 1


def borrowed() -> Order:
    return approved("rec-1")  # rightly approved, for another record


def unsigned() -> Order:
    return replace(approved("rec-9"), approvals=())


def by_one() -> Order:
    return approved("rec-9", by=["per:one"])


def by_the_requester() -> Order:
    return approved("rec-9", requester="per:one")


def widened() -> Order:
    return replace(approved("rec-1"), records=("rec-1", "rec-9"))


def stale() -> Order:
    return replace(approved("rec-9"), at=1000 + 31 * 86400)


@pytest.mark.parametrize("forge", [borrowed, unsigned, by_one, by_the_requester, widened, stale])
async def test_an_order_that_nobody_approved_gives_no_certificate_even_where_a_tombstone_stands(forge: Any) -> None:
    archive = Archive()
    await archive.new_ingest_key()
    await with_forged_entry(archive, forge())
    archive.records.records["rec-9"] = None
    with pytest.raises(DanganError, match="DG-SWP-012"):
        await archive.sweep()
    assert archive.certificates.certificates == {}


async def test_a_live_record_a_live_slot_or_no_roots_give_no_certificate_on_an_approved_order() -> None:
    archive = Archive()
    await archive.new_ingest_key()
    await with_forged_entry(archive, approved("rec-9"))
    with pytest.raises(DanganError, match="no tombstone"):
        await archive.sweep()
    refs = archive.records.live()["rec-9"]
    archive.records.records["rec-9"] = None
    ref, entry = refs[Level.CORE], archive.ledger.entries["rec-9"]
    old = OldKey(root_of(Level.CORE), ref.page, ref.slot, 1, "vault:v1:AAAA")
    archive.ledger.entries["rec-9"] = replace(entry, traces=replace(entry.traces, old_keys=(old,)))
    with pytest.raises(DanganError, match="a live page holds its slot"):
        await archive.issuer.issue()
    archive.ledger.entries["rec-9"] = replace(entry, traces=Traces())
    with pytest.raises(DanganError, match="no roots"):
        await archive.issuer.issue()
    assert archive.certificates.certificates == {}


async def test_the_time_of_forgetting_is_taken_after_it() -> None:
    archive = Archive()
    await archive.new_ingest_key()
    await archive.collected("rec-1")
    began = archive.now

    async def slow(_op: str, _key: str) -> None:
        archive.now += 100

    archive.vault.before_call = slow
    await archive.forget("rec-1")
    assert archive.ledger.entries["rec-1"].forgotten_at == archive.now > began


async def test_one_order_gives_one_certificate_and_issuing_again_gives_none(archive: Archive) -> None:
    assert len(archive.certificates.certificates) == 1
    assert await archive.issuer.issue() == {}


async def test_it_does_not_verify_with_a_key_for_another_purpose(archive: Archive) -> None:
    (jws,) = archive.certificates.certificates.values()
    x = await archive.vault.public_key(CERTIFICATES_KEY)
    key = TrustedKey(kid=thumbprint("Ed25519", x), x=x)
    with pytest.raises(DanganError, match="DG-CER-002"):
        verify_certificate(jws, Trust(writers=(key,), announcements=(key,)))
    with pytest.raises(DanganError, match="DG-CER-002"):
        verify_certificate(jws, await trust_of(archive, WRITERS_KEY))


async def test_a_signed_certificate_that_contradicts_itself_does_not_verify(archive: Archive) -> None:
    (jws,) = archive.certificates.certificates.values()
    trust = await trust_of(archive)
    good = verify_certificate(jws, trust)
    lies: list[dict[str, object]] = [
        {"roots": good.roots[1:]},
        {"roots": tuple(each.model_copy(update={"min_available": 1}) for each in good.roots)},
        {"roots": tuple(each.model_copy(update={"after": each.before}) for each in good.roots)},
        {"roots": tuple(each.model_copy(update={"lowering_refused": ""}) for each in good.roots)},
        {"roots": tuple(each.model_copy(update={"trimmed_at": 5}) for each in good.roots)},
        {"roots": (*good.roots, good.roots[0])},
        {"issued_at": 5},
        {"decided_at": good.issued_at + 1000},
        {"approvals": ()},
        {"approvals": ("sig.one.a", "sig.two.b")},
        {"approvals": good.approvals[:1]},
        {"approvals": good.approvals[:1] * 2},
        {"approvers": good.approvers[:1]},
        {"approvers": tuple(who.model_copy(update={"id": "per:other"}) for who in good.approvers)},
        {"reason": "another"},
        {"requester": "per:one"},
        {"ordered": (*good.ordered, "rec-3")},
        {"ordered": good.ordered[:1]},
        {"records": (good.records[0].model_copy(update={"id": "rec-3"}),)},
        {"refused_keys": tuple(each.model_copy(update={"answer": ""}) for each in good.refused_keys)},
    ]
    for lie in lies:
        with pytest.raises(DanganError, match="DG-CER-003"):
            verify_certificate(await sign_certificate(archive.vault, good.model_copy(update=lie)), trust)


async def test_the_signature_covers_every_byte(archive: Archive) -> None:
    (jws,) = archive.certificates.certificates.values()
    trust = await trust_of(archive)

    @settings(max_examples=200, deadline=None, database=None)
    @given(st.integers(0, len(jws) - 1), st.sampled_from("ABCXYZabcxyz0189-_.=+ "))
    def altered(at: int, character: str) -> None:
        if jws[at] != character:
            changed = jws[:at] + character + jws[at + 1 :]
            if changed.strip() != jws:
                with pytest.raises(DanganError, match="DG-CER"):
                    verify_certificate(changed, trust)

    altered()


async def test_no_other_algorithm_or_header_is_accepted(archive: Archive) -> None:
    (jws,) = archive.certificates.certificates.values()
    trust = await trust_of(archive)
    _, payload, _ = jws.split(".")
    kid = trust.certificates[0].kid
    for wrong in (
        {"alg": "none", "kid": kid, "typ": "dangan-certificate+jws"},
        {"alg": "HS256", "kid": kid, "typ": "dangan-certificate+jws"},
        {"alg": "Ed25519", "kid": kid, "typ": "dangan+jws"},
        {"alg": "Ed25519", "kid": kid, "typ": "dangan-certificate+jws", "crit": []},
        ["alg"],
    ):
        part = base64.urlsafe_b64encode(json.dumps(wrong).encode()).rstrip(b"=").decode()
        signature = await archive.vault.sign(CERTIFICATES_KEY, f"{part}.{payload}".encode())
        forged = f"{part}.{payload}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
        with pytest.raises(DanganError, match=r"DG-CER-00[12]"):
            verify_certificate(forged, trust)


@given(st.text(alphabet=st.characters(), max_size=200))
def test_whatever_text_it_is_only_a_coded_error_comes_out(text: str) -> None:
    with pytest.raises(DanganError, match="DG-CER"):
        verify_certificate(text, Trust())


async def test_its_json_goes_there_and_back(archive: Archive) -> None:
    (jws,) = archive.certificates.certificates.values()
    certificate = verify_certificate(jws, await trust_of(archive))
    assert Certificate.model_validate_json(certificate.model_dump_json()) == certificate
    assert contradictions(certificate) == []


def test_a_trust_file_goes_there_and_back_and_a_bad_one_is_refused_by_place() -> None:
    trust = Trust().adding("writers", TrustedKey(kid="one", x=bytes(range(32))))
    assert load_trust(trust.dump()) == trust
    assert trust.adding("writers", trust.writers[0]) == trust
    assert trust.key("writers", "one") == bytes(range(32))
    assert trust.key("certificates", "one") is None
    for bad in (
        "",
        "[]",
        '{"writers": [{"kid": "a", "x": "AAAA"}]}',
        '{"strangers": []}',
        '{"writers": [{"kid": "a", "x": "ä"}]}',
    ):
        with pytest.raises(DanganError, match="DG-CER-005"):
            load_trust(bad)
