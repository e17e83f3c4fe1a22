"""Inclusion and consistency proofs of RFC 9162 sections 2.1.3 and 2.1.4: which subtrees they name, and checking them.

A proof is a list of subtree roots. The subtrees never overlap, so that one pass over the leaves makes them all,
with one compact range in memory at a time: a tree of any size is proved in bounded memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from streams.audit.merkle import HASH_BYTES, CompactRange, node_hash


class Span(NamedTuple):
    """The leaves ``first`` to ``end - 1``."""

    first: int
    end: int


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The subtrees whose roots prove a leaf, from the leaf's sibling up (RFC 9162 section 2.1.3.1).

    Args:
        index: the leaf's number, from 0.
        size: how many leaves the tree has; more than ``index``.
    """
    if not 0 <= index < size:
        raise ValueError("no such leaf")
    spans: list[Span] = []
    first, end = 0, size
    while end - first > 1:
        split = _split(first, end)
        if index < split:
            spans.append(Span(split, end))
            end = split
        else:
            spans.append(Span(first, split))
            first = split
    return spans[::-1]


def consistency_spans(old: int, new: int) -> list[Span]:
    """The subtrees whose roots prove that a tree grew out of an older one (RFC 9162 section 2.1.4.1).

    Args:
        old: leaves of the older tree, at least 1.
        new: leaves of the newer, at least ``old``.
    """
    if not 0 < old <= new:
        raise ValueError("no such trees")
    spans: list[Span] = []
    first, end, whole = 0, new, True
    while old != end:
        split = _split(first, end)
        if old <= split:
            spans.append(Span(split, end))
            end = split
        else:
            spans.append(Span(first, split))
            first, whole = split, False
    if not whole:
        spans.append(Span(first, end))
    return spans[::-1]


def _split(first: int, end: int) -> int:
    """Where RFC 9162 parts a subtree: after the largest power of two below its size."""
    return first + (1 << (end - first - 1).bit_length() - 1)


def roots_of(spans: Sequence[Span], leaves: Iterable[bytes]) -> list[bytes]:
    """The roots of the subtrees, each 32 bytes, in the order given.

    Args:
        spans: they must not overlap.
        leaves: all leaf hashes of the tree in order, read once and no further than is needed.

    Raises:
        ValueError: when there are fewer leaves than a span asks for.
    """
    roots: dict[Span, bytes] = {}
    numbered = enumerate(leaves)
    for span in sorted(spans):
        tree = CompactRange()
        for number, leaf in numbered:
            if number >= span.first:
                tree.append(leaf)
            if number == span.end - 1:
                break
        if tree.size != span.end - span.first:
            raise ValueError("leaves are missing")
        roots[span] = tree.root()
    return [roots[span] for span in spans]


def is_included(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path proves the leaf under the root (RFC 9162 section 2.1.3.2).

    Args:
        index: the leaf's number, from 0.
        size: how many leaves the tree has.
        leaf: the leaf's hash, 32 bytes.
        path: the proof, from the leaf's sibling up, 32 bytes each.
        root: the tree's root, 32 bytes.
    """
    if not 0 <= index < size or not _are_hashes(path, leaf, root):
        return False
    at, last, made = index, size - 1, leaf
    for node in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            made = node_hash(node, made)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            made = node_hash(made, node)
        at, last = at >> 1, last >> 1
    return last == 0 and made == root


def is_consistent(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the path proves that the newer tree begins with the older one (RFC 9162 section 2.1.4.2).

    Args:
        old: leaves of the older tree; of none, nothing can be proved.
        new: leaves of the newer tree.
        old_root: its root, 32 bytes.
        new_root: its root, 32 bytes.
        path: the proof, 32 bytes each.
    """
    if not 0 < old <= new or not _are_hashes(path, old_root, new_root):
        return False
    if old == new:
        return not path and old_root == new_root
    nodes = list(path) if old & (old - 1) else [old_root, *path]  # a full older tree is a node of the newer
    if not nodes:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    made_old = made_new = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            made_old, made_new = node_hash(node, made_old), node_hash(node, made_new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            made_new = node_hash(made_new, node)
        at, last = at >> 1, last >> 1
    return last == 0 and made_old == old_root and made_new == new_root


def _are_hashes(path: Sequence[bytes], *roots: bytes) -> bool:
    return all(len(node) == HASH_BYTES for node in (*path, *roots))
