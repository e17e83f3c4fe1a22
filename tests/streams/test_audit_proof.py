"""A proof holds with the trust file alone, and no other bytes of it do."""

from __future__ import annotations

import tempfile
from base64 import b64decode
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ops.audit_proofs import prove_event, prove_growth
from ops.cli import build
from schemas.errors import DanganError
from schemas.trust import Trust
from streams.audit.checkpoint import VALUE_PREFIX, sign_checkpoint, to_value
from streams.audit.merkle import CompactRange, leaf_hash
from streams.audit.merkle_proofs import is_included
from streams.audit.proof import TLOG_PROOF, GrowthProof, InclusionProof, Proof, check_proof, parse_proof
from tests.streams.audit_records import Archive, some_facts, write

ARCHIVE = Archive()
OWN = write(ARCHIVE.writer(), [some_facts(4), some_facts(1, 10), some_facts(6, 20), some_facts(9, 40)])
OTHER = write(ARCHIVE.writer("worker-2"), [some_facts(4, 60), some_facts(3, 70)])
EVENTS = [value for value in OWN.values if not value.startswith(VALUE_PREFIX)]
SIZES = sorted(OWN.checkpoints)
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#: The next letter of base64: where two bits are spare, it decodes to the same.
_NEXT = dict(pairwise(_BASE64))


def uid_of(value: bytes) -> str:
    return str(orjson.loads(value)["metadata"]["uid"])


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two writers' records, batch by batch in turns, one batch written twice."""
    path = tmp_path_factory.mktemp("proof") / "audit.ndjson"
    cut = next(at for at, value in enumerate(OWN.values) if value.startswith(VALUE_PREFIX)) + 1
    mixed = [*OWN.values[:cut], *OTHER.values[:3], *OWN.values[:cut], *OTHER.values[3:], *OWN.values[cut:]]
    path.write_bytes(b"\n".join(mixed) + b"\n")
    return path


def holds(data: bytes, trust: Trust = ARCHIVE.trust) -> bool:
    try:
        check_proof(parse_proof(data), trust)
    except DanganError as error:
        assert error.code == "DG-AUD-008"
        return False
    return True


@pytest.mark.clause("AUD-02")
@given(st.integers(0, len(EVENTS) - 1))
@settings(max_examples=21, deadline=None)
def test_every_event_is_proved_under_the_first_checkpoint_behind_it(export: Path, index: int) -> None:
    proof = prove_event([export], uid_of(EVENTS[index]))
    assert (proof.index, proof.event) == (index, EVENTS[index])
    assert proof.checkpoint == OWN.checkpoints[min(size for size in SIZES if size > index)]
    assert holds(proof.text())
    assert parse_proof(proof.text()) == proof


@given(st.integers(0, len(EVENTS) - 1), st.sampled_from(SIZES))
@settings(max_examples=40, deadline=None)
def test_an_event_is_proved_under_any_later_checkpoint_that_somebody_keeps(export: Path, index: int, size: int) -> None:
    kept = [OTHER.checkpoints[5], OWN.checkpoints[size]]
    if size <= index:
        with pytest.raises(DanganError, match="DG-AUD-009"):
            prove_event([export], uid_of(EVENTS[index]), kept)
    else:
        proof = prove_event([export], uid_of(EVENTS[index]), kept)
        assert proof.checkpoint == OWN.checkpoints[size]
        assert holds(proof.text())


@given(st.sampled_from(SIZES), st.sampled_from(SIZES))
@settings(max_examples=16, deadline=None)
def test_a_chain_that_grew_is_proved_to_begin_with_its_past(export: Path, older: int, later: int) -> None:
    notes = OWN.checkpoints[older], OWN.checkpoints[later]
    if older > later:
        with pytest.raises(DanganError, match="DG-AUD-009"):
            prove_growth([export], *notes)
    else:
        proof = prove_growth([export], *notes)
        assert holds(proof.text())
        assert parse_proof(proof.text()) == proof


@pytest.fixture(scope="module")
def proofs(export: Path) -> list[Proof]:
    """One of each kind."""
    return [
        prove_event([export], uid_of(EVENTS[7]), [OWN.checkpoints[SIZES[-1]]]),
        prove_growth([export], OWN.checkpoints[SIZES[0]], OWN.checkpoints[SIZES[2]]),
    ]


@given(st.integers(0, 1), st.data())
@settings(max_examples=200, deadline=None)
def test_no_byte_of_a_proof_can_change(proofs: list[Proof], which: int, data: st.DataObject) -> None:
    text = bytearray(proofs[which].text())
    text[data.draw(st.integers(0, len(text) - 1))] ^= data.draw(st.integers(1, 255))
    assert not holds(bytes(text))


@given(st.integers(0, 1), st.data())
@settings(max_examples=60, deadline=None)
def test_nothing_can_be_cut_out_of_a_proof_or_put_in(proofs: list[Proof], which: int, data: st.DataObject) -> None:
    text = proofs[which].text()
    first = data.draw(st.integers(0, len(text) - 1))
    last = data.draw(st.integers(first + 1, len(text)))
    assert not holds(text[:first] + text[last:])
    assert not holds(text[:first] + data.draw(st.binary(min_size=1, max_size=5)) + text[first:])


@given(st.binary(max_size=300))
def test_no_file_makes_the_check_fail_otherwise(data: bytes) -> None:
    assert not holds(data)
    assert not holds(b"dangan/audit-proof@v1\n" + data)


def test_only_the_archive_that_the_reader_trusts_can_prove(proofs: list[Proof]) -> None:
    for proof in proofs:
        assert holds(proof.text())
        assert not holds(proof.text(), Archive().trust)
        assert not holds(proof.text(), Trust())


def test_a_proof_of_one_event_is_none_of_another(export: Path) -> None:
    one, other = (prove_event([export], uid_of(EVENTS[at])) for at in (6, 7))
    assert not holds(replace(one, event=other.event).text())
    assert not holds(replace(one, index=7).text())
    assert not holds(replace(one, cert=OTHER.writer.cert).text())
    assert not holds(replace(one, checkpoint=OTHER.checkpoints[5]).text())


def test_a_proof_has_one_spelling(proofs: list[Proof]) -> None:
    text = proofs[0].text()
    node = text.split(b"\n")[5]
    assert node.endswith(b"=")
    spare = node[:-2] + bytes([_NEXT[node[-2]]]) + b"="  # another base64 of the same 32 bytes
    assert b64decode(spare) == b64decode(node)
    for other in (
        text.replace(node, spare),
        text.replace(b"index 7", b"index 07"),
        text.replace(b"index 7", b"index +7"),
        text + b"\n",
        text.replace(b"\n", b"\r\n"),
    ):
        assert other != text
        assert not holds(other)


def test_an_event_stands_where_it_says_even_if_its_writer_lies() -> None:
    writer = ARCHIVE.writer("liar")
    first, second, *_ = (value for value in write(writer, [some_facts(2)]).values if b"seq" in value)
    tree = CompactRange()
    for value in (second, first):
        tree.append(leaf_hash(value))
    note = sign_checkpoint(writer, 2, tree.root(), leaf_hash(first))
    lie = InclusionProof(second, writer.cert, 0, (leaf_hash(first),), note)
    assert is_included(0, 2, leaf_hash(second), lie.path, note.root)
    assert not holds(lie.text())


def test_a_rewritten_past_cannot_be_proved(export: Path) -> None:
    older = OWN.checkpoints[SIZES[0]]
    lie = sign_checkpoint(OWN.writer, older.size, leaf_hash(b"other"), older.head)
    proof = prove_growth([export], lie, OWN.checkpoints[SIZES[2]])
    assert not holds(proof.text())
    assert not holds(replace(proof, older=OTHER.checkpoints[5]).text())


def test_an_export_that_lacks_something_proves_nothing(tmp_path: Path) -> None:
    uid = uid_of(EVENTS[7])
    whole = OWN.values

    def prove(values: list[bytes]) -> InclusionProof:
        path = tmp_path / "export"
        path.write_bytes(b"\n".join(values))
        return prove_event([path], uid, [OWN.checkpoints[SIZES[-1]]])

    assert holds(prove(whole).text())
    for missing in (0, 3, 9):
        with pytest.raises(DanganError, match="DG-AUD-009"):
            prove([value for value in whole if value != EVENTS[missing]])
    with pytest.raises(DanganError, match="DG-AUD-007"):
        prove([value for value in whole if value != EVENTS[7]])
    altered = [value.replace(b"reader-1", b"reader-2") if value == EVENTS[4] else value for value in whole]
    assert not holds(prove(altered).text())
    with pytest.raises(DanganError, match="DG-AUD-005"):
        prove_event([tmp_path / "absent"], uid)


def test_from_its_fourth_line_a_proof_is_one_of_c2sp(proofs: list[Proof]) -> None:
    proof = proofs[0]
    assert isinstance(proof, InclusionProof)
    lines = proof.text().decode().split("\n")
    assert lines[1].encode() == EVENTS[7]
    assert lines[3:5] == [TLOG_PROOF, "index 7"]
    gap = lines.index("")
    assert len(proof.path) == gap - 5
    assert "\n".join(lines[gap + 1 :]) == proof.checkpoint.text


@pytest.mark.slow
def test_the_commands_prove_and_check(export: Path, tmp_path: Path) -> None:
    trust, out, growth = tmp_path / "trust.json", tmp_path / "one.proof", tmp_path / "growth.proof"
    trust.write_text(ARCHIVE.trust.dump(), "utf-8")
    notes = []
    for size in (SIZES[0], SIZES[-1]):
        notes.append(tmp_path / f"note-{size}")
        notes[-1].write_bytes(to_value(OWN.checkpoints[size]))

    def dangan(*words: str | Path) -> tuple[int, str, BaseException | None]:
        done = CliRunner().invoke(build(), ["audit", *map(str, words), "--trust", str(trust)])
        return done.exit_code, done.output, done.exception

    uid = uid_of(EVENTS[7])
    assert dangan("prove", uid, "--in", export, "--out", out)[0] == 0
    assert isinstance(dangan("prove", uid, "--in", export, "--out", out)[2], DanganError)  # never over a file
    status, told, _ = dangan("check-proof", out)
    assert status == 0
    assert "event 7" in told
    assert dangan("prove-growth", *notes, "--in", export, "--out", growth)[0] == 0
    assert "unchanged" in dangan("check-proof", growth)[1]
    out.write_bytes(out.read_bytes().replace(b"reader-1", b"reader-2"))
    failed = dangan("check-proof", out)[2]
    assert isinstance(failed, DanganError)
    assert failed.code == "DG-AUD-008"


def test_a_proof_out_of_a_long_chain_is_small() -> None:
    # the path's length is what grows: 20 hashes for a million events (measured whole: benchmarks, row E3)
    proof = GrowthProof(OWN.writer.cert, (b"x" * 32,) * 20, OWN.checkpoints[5], OWN.checkpoints[6])
    assert len(proof.text()) < 4096
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export"
        path.write_bytes(b"\n".join(OWN.values))
        one = replace(prove_event([path], uid_of(EVENTS[7])), path=(b"x" * 32,) * 20)
    assert len(one.text()) < 4096
