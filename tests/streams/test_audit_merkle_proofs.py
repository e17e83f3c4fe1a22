"""Merkle proofs: the vectors of an independent implementation, and RFC 9162's own example and definitions."""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.audit.merkle import CompactRange, leaf_hash, node_hash
from streams.audit.merkle_proofs import (
    Span,
    consistency_spans,
    inclusion_spans,
    is_consistent,
    is_included,
    roots_of,
)

#: The probes of transparency-dev/merkle (Apache-2.0), the library behind Certificate Transparency logs.
VECTORS = orjson.loads((Path(__file__).parents[1] / "vectors" / "rfc6962.json").read_bytes())

#: Leaves and roots that RFC 6962 implementations share since the first one.
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

LEAVES = [leaf_hash(b"%d" % at) for at in range(70)]
SIZES = st.integers(1, len(LEAVES))


def root_of(size: int) -> bytes:
    tree = CompactRange()
    for leaf in LEAVES[:size]:
        tree.append(leaf)
    return tree.root()


def raw(probe: dict[str, Any], name: str) -> bytes:
    return b64decode(probe[name] or "")


@pytest.mark.parametrize("probe", VECTORS["inclusion"], ids=lambda probe: probe["desc"])
def test_inclusion_is_judged_as_the_vectors_say(probe: dict[str, Any]) -> None:
    path = [b64decode(node) for node in probe["proof"] or ()]
    good = is_included(probe["leafIdx"], probe["treeSize"], raw(probe, "leafHash"), path, raw(probe, "root"))
    assert good is not probe["wantErr"]


@pytest.mark.parametrize("probe", VECTORS["consistency"], ids=lambda probe: probe["desc"])
def test_consistency_is_judged_as_the_vectors_say(probe: dict[str, Any]) -> None:
    path = [b64decode(node) for node in probe["proof"] or ()]
    roots = raw(probe, "root1"), raw(probe, "root2")
    hashes = all(len(root) == 32 for root in roots)  # one vector has words in place of roots, which we refuse
    assert is_consistent(probe["size1"], probe["size2"], *roots, path) is (hashes and not probe["wantErr"])


def test_the_roots_are_those_that_every_implementation_gives() -> None:
    tree = CompactRange()
    for text, root in zip(INPUTS, ROOTS, strict=True):
        tree.append(leaf_hash(bytes.fromhex(text)))
        assert tree.root().hex() == root


def test_the_example_of_rfc_9162_section_2_1_5() -> None:
    a, b, c, d, e, f, j = LEAVES[:7]
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, full = node_hash(g, h), root_of(7)
    el = node_hash(i, j)

    def path(index: int) -> list[bytes]:
        return roots_of(inclusion_spans(index, 7), LEAVES[:7])

    assert path(0) == [b, h, el]
    assert path(3) == [c, g, el]
    assert path(4) == [f, j, k]
    assert path(6) == [i, k]

    def grown(old: int) -> list[bytes]:
        return roots_of(consistency_spans(old, 7), LEAVES[:7])

    assert grown(3) == [c, d, g, el]
    assert grown(4) == [el]
    assert grown(6) == [i, j, k]
    assert full == node_hash(k, el)


@given(SIZES, st.data())
def test_every_leaf_is_proved_by_its_path_and_no_other_is(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = roots_of(inclusion_spans(index, size), LEAVES[:size])
    root = root_of(size)
    assert is_included(index, size, LEAVES[index], path, root)
    assert len(path) <= size.bit_length()
    other = data.draw(st.integers(0, size - 1).filter(lambda at: at != index)) if size > 1 else size
    assert not is_included(other, size, LEAVES[index], path, root)
    assert not is_included(index, size, sha256(b"other").digest(), path, root)
    assert not is_included(index, size, LEAVES[index], [*path, root], root)
    if path:
        assert not is_included(index, size, LEAVES[index], path[:-1], root)


@given(SIZES, st.data())
def test_growth_is_proved_and_a_rewritten_past_is_not(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    path = roots_of(consistency_spans(old, new), LEAVES[:new])
    assert is_consistent(old, new, root_of(old), root_of(new), path)
    rewritten = sha256(root_of(old)).digest()
    assert not is_consistent(old, new, rewritten, root_of(new), path)
    assert not is_consistent(old, new, root_of(old), rewritten, path)
    assert not is_consistent(old, new, root_of(old), root_of(new), [*path, rewritten])


@given(SIZES, st.data())
def test_the_spans_are_read_in_one_pass(size: int, data: st.DataObject) -> None:
    for spans in (
        inclusion_spans(data.draw(st.integers(0, size - 1)), size),
        consistency_spans(data.draw(st.integers(1, size)), size),
    ):
        ordered = sorted(spans)
        assert all(one.end <= other.first for one, other in pairwise(ordered))


def test_what_cannot_be_proved_is_refused() -> None:
    for index, size in ((-1, 3), (3, 3), (0, 0)):
        with pytest.raises(ValueError, match="no such leaf"):
            inclusion_spans(index, size)
    for old, new in ((0, 3), (4, 3)):
        with pytest.raises(ValueError, match="no such trees"):
            consistency_spans(old, new)
    with pytest.raises(ValueError, match="missing"):
        roots_of([Span(0, 4)], LEAVES[:3])
