"""The blind index: equal values meet, and nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.index import TOKEN_BYTES, BlindIndex, epoch_of
from keys.roots import index_key
from keys.vault import MAX_BATCH
from schemas.errors import DanganError
from tests.simulators.vault import SimulatedVault

FIELDS = ("phone", "email", "id_number")


def vault_with(*epochs: int) -> SimulatedVault:
    vault = SimulatedVault()
    for name in FIELDS:
        for epoch in epochs:
            vault.add_key(index_key(name, epoch), "hmac")
    return vault


values = st.dictionaries(st.sampled_from(FIELDS), st.lists(st.text(max_size=20), max_size=20))


@settings(max_examples=50, deadline=None)
@given(first=values, second=values)
async def test_tokens_are_equal_exactly_for_the_same_field_and_value(
    first: dict[str, list[str]], second: dict[str, list[str]]
) -> None:
    index = BlindIndex(vault_with(1))
    seen: dict[bytes, tuple[str, str]] = {}
    for batch in (first, second):
        made = await index.tokens(batch)
        assert made.keys() == batch.keys()
        for name, tokens in made.items():
            assert len(tokens) == len(batch[name])
            for value, token in zip(batch[name], tokens, strict=True):
                assert len(token) == TOKEN_BYTES
                assert seen.setdefault(token, (name, value)) == (name, value)
    assert len(seen) == len({(n, v) for batch in (first, second) for n, vs in batch.items() for v in vs})


async def test_one_vault_call_for_each_field_of_a_batch() -> None:
    vault = vault_with(1)
    await BlindIndex(vault).tokens({name: ["value"] * MAX_BATCH for name in FIELDS})
    assert vault.calls == {"hmac": len(FIELDS)}


async def test_even_one_key_under_two_names_links_no_fields() -> None:
    vault = vault_with(1)
    vault.keys[index_key("email", 1)] = vault.keys[index_key("phone", 1)]
    made = await BlindIndex(vault).tokens({"email": ["same"], "phone": ["same"]})
    assert made["email"] != made["phone"]


async def test_epochs_have_tokens_of_their_own_and_all_living_ones_are_searched() -> None:
    vault = vault_with(1, 2)
    (old,) = (await BlindIndex(vault).tokens({"phone": ["123"]}))["phone"]
    both = BlindIndex(vault, epochs=(1, 2))
    (new,) = (await both.tokens({"phone": ["123"]}))["phone"]
    assert (epoch_of(old), epoch_of(new)) == (1, 2)
    assert old[1:] != new[1:]
    assert await both.search("phone", "123") == [new, old]


async def test_a_destroyed_epoch_makes_no_tokens_any_more() -> None:
    vault = vault_with(1)
    del vault.keys[index_key("phone", 1)]
    with pytest.raises(DanganError, match="DG-KEY-002"):
        await BlindIndex(vault).tokens({"phone": ["123"]})


async def test_a_rotation_by_mistake_changes_no_token() -> None:
    vault = vault_with(1)
    before = await BlindIndex(vault).tokens({"phone": ["123"]})
    await vault.rotate(index_key("phone", 1))
    assert await BlindIndex(vault).tokens({"phone": ["123"]}) == before


@pytest.mark.parametrize("epochs", [(), (0,), (256,), (1, 300)])
def test_an_epoch_fits_in_a_byte(epochs: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="epoch"):
        BlindIndex(SimulatedVault(), epochs)
