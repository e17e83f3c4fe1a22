"""A ciphertext opens where it was made and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.cipher import OVERHEAD_BYTES, FieldCipher, RandomBuffer, Suite
from schemas.errors import DanganError
from schemas.levels import Level

DEK = bytes(range(32))
NONCE = bytes(range(100, 112))

deks = st.binary(min_size=32, max_size=32)
suites = st.sampled_from(Suite)
levels = st.sampled_from(Level)
records = st.text(min_size=1, max_size=64)
fields = st.text(min_size=1, max_size=48)
versions = st.integers(1, 10**6)
places = st.tuples(records, fields, versions, levels)


def refused(cipher: FieldCipher, field: str, version: int, ciphertext: bytes) -> bool:
    with pytest.raises(DanganError) as caught:
        cipher.open(field, version, ciphertext)
    return caught.value.code == "DG-KEY-004"


@given(dek=deks, place=places, suite=suites, other=suites, value=st.binary(max_size=300))
def test_what_was_sealed_opens_whatever_suite_is_sealed_with_now(
    dek: bytes, place: tuple[str, str, int, Level], suite: Suite, other: Suite, value: bytes
) -> None:
    record, field, version, level = place
    ciphertext = FieldCipher(dek, record, level, suite).seal(field, version, value)
    assert ciphertext[0] == suite
    assert len(ciphertext) == len(value) + OVERHEAD_BYTES
    assert FieldCipher(dek, record, level, other).open(field, version, ciphertext) == value


@given(here=places, there=places, suite=suites)
def test_a_ciphertext_never_opens_in_another_place(
    here: tuple[str, str, int, Level], there: tuple[str, str, int, Level], suite: Suite
) -> None:
    record, field, version, level = here
    ciphertext = FieldCipher(DEK, record, level, suite).seal(field, version, b"value")
    other_record, other_field, other_version, other_level = there
    cipher = FieldCipher(DEK, other_record, other_level, suite)
    if here == there:
        assert cipher.open(field, version, ciphertext) == b"value"
    else:
        assert refused(cipher, other_field, other_version, ciphertext)


@pytest.mark.parametrize(
    ("record", "field", "version"),
    [("rec", "a|b", 1), ("rec|", "b", 1), ("re", "c|a", 1), ("rec", "1|a", 1), ("rec", "a", 11)],
)
def test_moving_a_separator_makes_another_place(record: str, field: str, version: int) -> None:
    ciphertext = FieldCipher(DEK, "rec", Level.CORE).seal("a", 1, b"value")
    assert refused(FieldCipher(DEK, record, Level.CORE), field, version, ciphertext)


@given(suite=suites, data=st.data())
def test_an_altered_ciphertext_never_opens(suite: Suite, data: st.DataObject) -> None:
    cipher = FieldCipher(DEK, "rec", Level.BASIC, suite)
    ciphertext = bytearray(cipher.seal("name", 1, b"value"))
    ciphertext[data.draw(st.integers(0, len(ciphertext) - 1))] ^= data.draw(st.integers(1, 255))
    assert refused(cipher, "name", 1, bytes(ciphertext))


@given(suite=suites, data=st.data())
def test_a_truncated_ciphertext_never_opens(suite: Suite, data: st.DataObject) -> None:
    cipher = FieldCipher(DEK, "rec", Level.BASIC, suite)
    ciphertext = cipher.seal("name", 1, b"value")
    assert refused(cipher, "name", 1, ciphertext[: data.draw(st.integers(0, len(ciphertext) - 1))])


@given(junk=st.binary(max_size=80))
def test_junk_is_refused_with_the_code_and_nothing_else(junk: bytes) -> None:
    assert refused(FieldCipher(DEK, "rec", Level.BASIC), "name", 1, junk)


@given(dek=deks, suite=suites)
def test_another_dek_never_opens(dek: bytes, suite: Suite) -> None:
    ciphertext = FieldCipher(dek, "rec", Level.BASIC, suite).seal("name", 1, b"value")
    flipped = bytes([dek[0] ^ 1]) + dek[1:]
    assert refused(FieldCipher(flipped, "rec", Level.BASIC), "name", 1, ciphertext)


@pytest.mark.parametrize("suite", Suite)
def test_nonces_differ(suite: Suite) -> None:
    cipher = FieldCipher(DEK, "rec", Level.BASIC, suite)
    nonces = {cipher.seal("name", 1, b"value")[1:13] for _ in range(500)}
    assert len(nonces) == 500


@pytest.mark.parametrize(
    ("suite", "expected"),
    [
        (Suite.AES_256_GCM, "016465666768696a6b6c6d6e6f6afe62c69d51dfbc61372a4731442a4f7e83cef482eb9dd3"),
        (Suite.SM4_GCM, "026465666768696a6b6c6d6e6f4297f347f33e4a43dc21511a535e29e07cb711e4394603e2"),
    ],
)
def test_the_bytes_are_pinned(suite: Suite, expected: str) -> None:
    """Stored data must open for ever: a change of these bytes is a new suite, not a fix.

    Checked by hand with the AAD ``dangan-field-1|8:rec-0001|core|SUITE|3|id_number``, and for SM4 with the
    first 16 bytes of HKDF-SHA256 computed from HMAC alone.
    """
    cipher = FieldCipher(DEK, "rec-0001", Level.CORE, suite, random=lambda count: NONCE[:count])
    assert cipher.seal("id_number", 3, '"张三"'.encode()).hex() == expected


def test_an_error_names_the_field_and_no_value() -> None:
    with pytest.raises(DanganError) as caught:
        FieldCipher(DEK, "rec", Level.BASIC).open("name", 1, b"\x01" + b"secret" * 9)
    assert caught.value.field == "name"
    assert "secret" not in str(caught.value)


@given(
    values=st.dictionaries(st.text("abc_", min_size=1, max_size=8), st.binary(max_size=40), max_size=12),
    version=st.integers(1, 1000),
    suite=st.sampled_from(Suite),
)
def test_sealing_many_is_sealing_each(values: dict[str, bytes], version: int, suite: Suite) -> None:
    cipher = FieldCipher(bytes(32), "rec-1", Level.CORE, suite, random=RandomBuffer())
    sealed = cipher.seal_all(version, values)
    assert {field: cipher.open(field, version, one) for field, one in sealed.items()} == values
    nonces = [one[1:13] for one in sealed.values()]
    assert len(set(nonces)) == len(nonces)


def test_a_random_buffer_never_hands_out_a_byte_twice() -> None:
    buffer = RandomBuffer()
    taken = [buffer(count) for count in (12, 12, 4000, 100, 4096, 12)]
    assert [len(one) for one in taken] == [12, 12, 4000, 100, 4096, 12]
    assert len(set(taken)) == len(taken)
