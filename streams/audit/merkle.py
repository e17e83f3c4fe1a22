"""The Merkle tree of RFC 9162 section 2.1.1, kept as a compact range: one hash per set bit of its size.

A leaf's hash is ``SHA-256(0x00 | value)``, a node's ``SHA-256(0x01 | left | right)``. To append and to give
the root takes only the hashes of the full subtrees, so a chain of a billion events is 30 hashes of state.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()


def leaf_hash(value: bytes) -> bytes:
    """The hash of a leaf, 32 bytes (RFC 9162 section 2.1.1)."""
    return sha256(b"\x00" + value).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node, 32 bytes (RFC 9162 section 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


class CompactRange:
    """The full subtrees of a growing tree, largest first."""

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self._peaks: list[bytes] = []
        self.size = 0

    def append(self, leaf: bytes) -> None:
        """Add a leaf by its hash (:func:`leaf_hash`)."""
        size, peaks = self.size, self._peaks
        self.size = size + 1
        while size & 1:
            leaf = sha256(b"\x01" + peaks.pop() + leaf).digest()
            size >>= 1
        peaks.append(leaf)

    def root(self) -> bytes:
        """The tree's root hash, 32 bytes."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root
