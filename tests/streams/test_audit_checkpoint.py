"""Checkpoints have the lines that C2SP wants, and no byte of them can change unnoticed."""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.audit.checkpoint import (
    from_value,
    is_signed_by,
    parse_checkpoint,
    sign_checkpoint,
    to_value,
)
from tests.streams.audit_records import Archive

WRITER = Archive().writer()
CHECKPOINT = sign_checkpoint(WRITER, 12, b"r" * 32, b"h" * 32)


def test_a_checkpoint_reads_as_it_was_written_and_verifies() -> None:
    read = from_value(to_value(CHECKPOINT))
    assert read == CHECKPOINT
    assert is_signed_by(read, WRITER.x)


def test_the_note_has_the_lines_of_c2sp() -> None:
    lines = CHECKPOINT.text.split("\n")
    origin = f"dangan/audit/{WRITER.id}"
    assert lines[0] == origin
    assert lines[1] == "12"
    assert b64decode(lines[2]) == b"r" * 32
    assert lines[4] == ""
    dash, name, signature = lines[5].split(" ")
    assert (dash, name) == ("\N{EM DASH}", origin)
    assert b64decode(signature)[:4] == sha256(origin.encode() + b"\n\x01" + WRITER.x).digest()[:4]
    assert len(b64decode(signature)) == 68
    assert lines[6:] == [""]


@given(st.data())
@settings(max_examples=100)
def test_no_changed_byte_passes(data: st.DataObject) -> None:
    value = bytearray(to_value(CHECKPOINT))
    at = data.draw(st.integers(0, len(value) - 1))
    value[at] ^= data.draw(st.integers(1, 255))
    read = from_value(bytes(value))
    assert read is None or not is_signed_by(read, WRITER.x)


@given(st.text(max_size=200))
def test_no_text_makes_the_parser_fail(text: str) -> None:
    assert parse_checkpoint(text) is None
    assert from_value(text.encode("utf-8", "surrogatepass")) is None


def test_another_writer_s_key_does_not_verify() -> None:
    assert not is_signed_by(CHECKPOINT, Archive().writer().x)
