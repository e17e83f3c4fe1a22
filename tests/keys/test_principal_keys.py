"""Key files: what goes in comes out, sealed or not, and nothing else is believed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keys.principal_keys import PrincipalKeys, dump_keys, is_sealed, load_keys
from schemas.errors import DanganError
from schemas.wire import PRINCIPAL

KEYS = PrincipalKeys.generate("sys:crm")
PLAIN = dump_keys(KEYS, None)
PASSPHRASE = "口令 correct horse".encode()
SEALED = dump_keys(KEYS, PASSPHRASE)


def test_an_unsealed_file_there_and_back() -> None:
    assert load_keys(PLAIN, None).public() == KEYS.public()
    assert load_keys(PLAIN, b"not needed").signing.kid == KEYS.signing.kid
    assert not is_sealed(PLAIN)


def test_a_sealed_file_opens_with_its_passphrase_only() -> None:
    assert is_sealed(SEALED)
    again = load_keys(SEALED, PASSPHRASE)
    assert again.signing.private.private_bytes_raw() == KEYS.signing.private.private_bytes_raw()
    assert again.receiving.private.private_bytes_raw() == KEYS.receiving.private.private_bytes_raw()
    for wrong in (None, b"", PASSPHRASE[:-1]):
        with pytest.raises(DanganError, match="DG-WIR-022"):
            load_keys(SEALED, wrong)


def test_a_sealed_file_and_the_public_part_hold_no_private_key() -> None:
    private = json.loads(PLAIN)["private"]
    shown = SEALED + json.dumps(KEYS.public()) + repr(KEYS)
    assert not any(secret in shown for secret in private.values())


def test_a_key_file_cannot_be_passed_for_another_principals() -> None:
    for text, passphrase in ((PLAIN, None), (SEALED, PASSPHRASE)):
        other = PrincipalKeys.generate("sys:erp")
        renamed = {**json.loads(text), **{name: other.public()[name] for name in ("signing", "receiving")}}
        with pytest.raises(DanganError, match="DG-WIR-022"):
            load_keys(json.dumps(renamed), passphrase)
    with pytest.raises(DanganError, match="DG-WIR-022"):
        load_keys(SEALED.replace("sys:crm", "sys:erp"), PASSPHRASE)


def test_a_file_cannot_ask_for_all_memory() -> None:
    greedy: dict[str, Any] = json.loads(SEALED)
    greedy["sealed"]["n"] = 1 << 30
    with pytest.raises(DanganError, match="DG-WIR-022"):
        load_keys(json.dumps(greedy), PASSPHRASE)


JSON = st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=2))


@given(st.text(max_size=200) | st.just("[" * 5000))
def test_any_text_is_a_key_file_or_refused(text: str) -> None:
    with pytest.raises(DanganError, match="DG-WIR-022"):
        load_keys(text, b"x")
    assert not is_sealed(text) or "sealed" in text


@example("principal", "ab")
@example("principal", "000")
@given(st.sampled_from(["dangan_keys", "principal", "signing", "receiving", "private"]), JSON)
def test_any_changed_member_is_refused(name: str, content: Any) -> None:
    changed = {**json.loads(PLAIN), name: content}
    if changed == json.loads(PLAIN):
        return
    # Who has a file without a passphrase has the keys, and may say that they are anybody's: the archive knows better.
    if name == "principal" and isinstance(content, str) and PRINCIPAL.fullmatch(content):
        return
    with pytest.raises(DanganError, match="DG-WIR-022"):
        load_keys(json.dumps(changed), None)


@pytest.mark.parametrize("principal", ["", "ab", "张三", "a b c", "x" * 65])
def test_a_principal_id_is_an_opaque_reference(principal: str) -> None:
    with pytest.raises(DanganError, match="DG-WIR-022"):
        PrincipalKeys.generate(principal)
