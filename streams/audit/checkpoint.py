"""Signed checkpoints in the format of C2SP ``tlog-checkpoint``, over the events of one writer.

    dangan/audit/<writer>
    <number of events>
    <base64 of the Merkle root>
    head <hex of the last event's leaf hash>

    — dangan/audit/<writer> <base64 of key id (4 bytes) | Ed25519 signature (64 bytes)>

The first three lines are what any C2SP tool reads; the extension line lets a verifier tell which of two
neighbouring events was altered. The key id is as in C2SP ``signed-note``, signature type 1.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from streams.audit.merkle import HASH_BYTES
from streams.writer import WriterIdentity

ORIGIN: Final = "dangan/audit/"
#: How a checkpoint's value begins on the topic and in an export.
VALUE_PREFIX: Final = b'{"checkpoint":'
_ED25519: Final = b"\x01"
_LINES = 4


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says; ``text`` is the whole signed note."""

    writer: str
    size: int
    root: bytes
    head: bytes
    text: str


def sign_checkpoint(writer: WriterIdentity, size: int, root: bytes, head: bytes) -> Checkpoint:
    """Sign that the writer's chain has ``size`` events with that Merkle root, the last of them ``head``."""
    origin = ORIGIN + writer.id
    body = f"{origin}\n{size}\n{b64encode(root).decode()}\nhead {head.hex()}\n"
    blob = key_id(origin, writer.x) + writer.sign(body.encode())
    text = f"{body}\n— {origin} {b64encode(blob).decode()}\n"
    return Checkpoint(writer.id, size, root, head, text)


def parse_checkpoint(text: str) -> Checkpoint | None:
    """What a note says, or None if it is none of ours. Proves nothing without :func:`is_signed_by`."""
    body, gap, _ = text.rpartition("\n\n")
    lines = body.split("\n")
    if not gap or len(lines) != _LINES or not lines[0].startswith(ORIGIN) or not lines[3].startswith("head "):
        return None
    try:
        root, head = b64decode(lines[2], validate=True), bytes.fromhex(lines[3][5:])
        size = int(lines[1])
    except (ValueError, binascii.Error):
        return None
    canonical = f"{lines[0]}\n{size}\n{b64encode(root).decode()}\nhead {head.hex()}"
    if size < 0 or len(root) != HASH_BYTES or len(head) != HASH_BYTES or canonical != body:
        return None
    return Checkpoint(lines[0].removeprefix(ORIGIN), size, root, head, text)


def is_signed_by(checkpoint: Checkpoint, x: bytes) -> bool:
    """Whether the note's one signature is the key's (C2SP signed-note, Ed25519).

    Args:
        checkpoint: a parsed note.
        x: the raw Ed25519 public key, 32 bytes.
    """
    body, _, signature = checkpoint.text.rpartition("\n\n")
    origin = ORIGIN + checkpoint.writer
    prefix = f"— {origin} "
    if not signature.startswith(prefix) or not signature.endswith("\n"):
        return False
    try:
        blob = b64decode(signature[len(prefix) : -1], validate=True)
        Ed25519PublicKey.from_public_bytes(x).verify(blob[4:], f"{body}\n".encode())
    except (ValueError, binascii.Error, InvalidSignature):
        return False
    # base64 leaves spare bits: only the one spelling counts, so that no byte can change unnoticed
    return blob[:4] == key_id(origin, x) and prefix + b64encode(blob).decode() + "\n" == signature


def key_id(name: str, x: bytes) -> bytes:
    """The first four bytes of SHA-256 over key name, newline, signature type 1 and public key."""
    return sha256(name.encode() + b"\n" + _ED25519 + x).digest()[:4]


def to_value(checkpoint: Checkpoint) -> bytes:
    """The checkpoint as it stands on the topic: a JSON object on one line."""
    return orjson.dumps({"checkpoint": checkpoint.text})


def from_value(value: bytes) -> Checkpoint | None:
    """The checkpoint that a topic value holds, or None."""
    try:
        held = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    text = held.get("checkpoint") if isinstance(held, dict) and len(held) == 1 else None
    checkpoint = parse_checkpoint(text) if isinstance(text, str) else None
    # again one spelling only
    return checkpoint if checkpoint is not None and to_value(checkpoint) == value else None
