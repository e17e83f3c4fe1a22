"""The compact range gives the root that RFC 9162's recursive definition gives."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from streams.audit.merkle import EMPTY_ROOT, CompactRange, leaf_hash


def recursive_root(values: list[bytes]) -> bytes:
    """MTH of RFC 9162 section 2.1.1, word for word: split at the largest power of two below n."""
    if not values:
        return sha256().digest()
    if len(values) == 1:
        return sha256(b"\0" + values[0]).digest()
    split = 1
    while split * 2 < len(values):
        split *= 2
    return sha256(b"\1" + recursive_root(values[:split]) + recursive_root(values[split:])).digest()


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_root_is_that_of_the_definition_at_every_size(values: list[bytes]) -> None:
    tree = CompactRange()
    assert tree.root() == EMPTY_ROOT
    for size, value in enumerate(values, 1):
        tree.append(leaf_hash(value))
        assert tree.size == size
        assert tree.root() == recursive_root(values[:size])
