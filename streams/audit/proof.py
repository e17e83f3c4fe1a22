"""A proof that a regulator checks alone: one event under a signed checkpoint, or one checkpoint under a later one.

An inclusion proof is text. From its fourth line on it is a C2SP ``tlog-proof``, which other tools read as well; its
leaf is the second line's bytes with a zero byte before them (RFC 9162 section 2.1.1):

    dangan/audit-proof@v1
    <the event as it stands on the topic>
    <the writer's certificate, a compact JWS>
    c2sp.org/tlog-proof@v1
    index <the event's number in its chain>
    <base64 of 32 bytes, from the sibling up>
    ...

    <checkpoint>

A consistency proof says that the later checkpoint's tree begins with the older one's: nothing before the older
one was changed, dropped or reordered since:

    dangan/audit-growth@v1
    <the writer's certificate>
    <base64 of 32 bytes>
    ...

    <older checkpoint>

    <later checkpoint>
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.errors import DanganError
from schemas.trust import Trust
from streams.audit.chain import read_link
from streams.audit.checkpoint import Checkpoint, is_signed_by, parse_checkpoint
from streams.audit.merkle import HASH_BYTES, leaf_hash
from streams.audit.merkle_proofs import is_consistent, is_included
from streams.writer import certified_writer

INCLUSION: Final = "dangan/audit-proof@v1"
GROWTH: Final = "dangan/audit-growth@v1"
TLOG_PROOF: Final = "c2sp.org/tlog-proof@v1"
#: No proof of ours is longer, bytes: an event, a certificate, two notes and 64 hashes at most.
MAX_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That the event stands under the number ``index`` in the tree of the checkpoint.

    Attributes:
        event: the value on the topic.
        cert: the writer's certificate.
        index: the event's number in its chain, from 0.
        path: 32 bytes each, from the leaf's sibling up.
        checkpoint: the signed note over at least ``index + 1`` events.
    """

    event: bytes
    cert: str
    index: int
    path: tuple[bytes, ...]
    checkpoint: Checkpoint

    def text(self) -> bytes:
        """The proof file."""
        lines = (INCLUSION, self.event.decode(), self.cert, TLOG_PROOF, f"index {self.index}", *_encoded(self.path))
        return "\n".join((*lines, "", self.checkpoint.text)).encode()


@dataclass(frozen=True, slots=True)
class GrowthProof:
    """That the tree of the ``later`` checkpoint begins with that of the ``older``; ``path``: 32 bytes each."""

    cert: str
    path: tuple[bytes, ...]
    older: Checkpoint
    later: Checkpoint

    def text(self) -> bytes:
        """The proof file."""
        return "\n".join((GROWTH, self.cert, *_encoded(self.path), "", self.older.text, self.later.text)).encode()


Proof = InclusionProof | GrowthProof


def parse_proof(data: bytes) -> Proof:
    """Read a proof file. Proves nothing without :func:`check_proof`.

    Raises:
        DanganError: DG-AUD-008 when it is none, or not spelled as it was written.
    """
    proof = None
    if len(data) <= MAX_BYTES:
        try:
            text = data.decode()
            proof = _inclusion(text) if text.startswith(INCLUSION + "\n") else _growth(text)
        except (ValueError, binascii.Error):
            proof = None
    if proof is None or proof.text() != data:  # one spelling only, so that no byte can change unnoticed
        raise DanganError("DG-AUD-008", detail="the file is not a proof")
    return proof


def _inclusion(text: str) -> InclusionProof | None:
    head, _, note = text.partition("\n\n")
    _, event, cert, kind, index, *path = head.split("\n")
    checkpoint = parse_checkpoint(note)
    if checkpoint is None or kind != TLOG_PROOF or not index.startswith("index "):
        return None
    return InclusionProof(event.encode(), cert, int(index[6:]), _decoded(path), checkpoint)


def _growth(text: str) -> GrowthProof | None:
    head, older_body, older_signature, later = text.split("\n\n", 3)
    kind, cert, *path = head.split("\n")
    one, other = parse_checkpoint(f"{older_body}\n\n{older_signature}\n"), parse_checkpoint(later)
    if one is None or other is None or kind != GROWTH:
        return None
    return GrowthProof(cert, _decoded(path), one, other)


def check_proof(proof: Proof, trust: Trust) -> None:
    """Check a proof with nothing but the archive's public keys.

    Args:
        proof: what :func:`parse_proof` read.
        trust: holds the public keys that certify writers.

    Raises:
        DanganError: DG-AUD-008 naming what does not hold.
    """
    if isinstance(proof, InclusionProof):
        _check_inclusion(proof, trust)
    else:
        _check_growth(proof, trust)


def _check_inclusion(proof: InclusionProof, trust: Trust) -> None:
    link = read_link(proof.event)
    note = proof.checkpoint
    if link is None or link.writer != note.writer or link.seq != proof.index:
        raise DanganError("DG-AUD-008", detail="the event does not state this place")
    _check_signed(proof.cert, (note,), trust, link.at / 1000)
    if not is_included(proof.index, note.size, leaf_hash(proof.event), proof.path, note.root):
        raise DanganError("DG-AUD-008", detail="the event is not under the checkpoint")


def _check_growth(proof: GrowthProof, trust: Trust) -> None:
    older, later = proof.older, proof.later
    if older.writer != later.writer:
        raise DanganError("DG-AUD-008", detail="the checkpoints are of two writers")
    _check_signed(proof.cert, (older, later), trust, None)
    if not is_consistent(older.size, later.size, older.root, later.root, proof.path):
        raise DanganError("DG-AUD-008", detail="the later checkpoint does not go on from the older one")


def _check_signed(cert: str, notes: Sequence[Checkpoint], trust: Trust, at: float | None) -> None:
    """Check certificate and signatures.

    Args:
        cert: the writer's certificate.
        notes: checkpoints that all must be the writer's.
        trust: whose word counts.
        at: when the certificate must have been valid, UNIX seconds; None for any time, since a note has none.
    """
    try:
        writer = certified_writer(cert, trust=trust, at=at)
    except DanganError as error:
        raise DanganError("DG-AUD-008", detail="nobody vouches for the writer") from error
    if any(note.writer != writer.id or not is_signed_by(note, writer.x) for note in notes):
        raise DanganError("DG-AUD-008", detail="the checkpoint is not signed by the writer")


def _encoded(path: Sequence[bytes]) -> list[str]:
    return [b64encode(node).decode() for node in path]


def _decoded(lines: Sequence[str]) -> tuple[bytes, ...]:
    path = tuple(b64decode(line, validate=True) for line in lines)
    if any(len(node) != HASH_BYTES for node in path):
        raise ValueError("not a hash")
    return path
