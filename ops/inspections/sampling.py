"""A random sample that nobody can choose and everybody can check (随机抽取10%, clause AUD-07). Pure.

Before the archives are listed, a seed is drawn and its commitment published as an audit event. Afterwards the seed is
revealed, and the sample is the archives with the smallest HMAC-SHA-256 (RFC 2104) of their ids under it: whoever has
seed and list gets the same sample, and who committed first could not choose a seed that leaves something out.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from heapq import nsmallest
from typing import Final

SEED_BYTES: Final = 32
_LABEL: Final = b"dangan-sample-1\n%b\n%b"


def commitment(sample: str, seed: bytes) -> str:
    """What is published of a seed before the sample is drawn: SHA-256 over the sample's id and the seed, in hex."""
    return hashlib.sha256(_LABEL % (sample.encode(), seed)).hexdigest()


def rank(seed: bytes, record: str) -> bytes:
    """Where a record stands in the order of a seed."""
    return hmac.digest(seed, record.encode(), "sha256")


def size_of(population: int, percent: int) -> int:
    """How many archives a sample has: so many in a hundred, never less."""
    return -(-population * percent // 100)


def draw(seed: bytes, records: Iterable[str], size: int) -> tuple[str, ...]:
    """The sample, in its order; memory grows with the sample, not with the archive."""
    return tuple(nsmallest(size, records, key=lambda record: (rank(seed, record), record)))


def population_digest(records: Iterable[str]) -> str:
    """SHA-256 over the ids, one a line: what the list that was drawn from is held to."""
    digest = hashlib.sha256()
    for record in records:
        digest.update(record.encode() + b"\n")
    return digest.hexdigest()


def problems(
    sample: str,
    seed: bytes,
    population: Sequence[str],
    *,
    committed: str,
    sha256: str,
    percent: int,
    drawn: Sequence[str],
) -> list[str]:
    """What is wrong with a drawing; nothing, if it is right.

    Args:
        sample: its id.
        seed: as it was revealed.
        population: the ids that it was drawn from, ascending.
        committed: what was published before.
        sha256: the digest of the population.
        percent: how many in a hundred.
        drawn: the sample.
    """
    found = []
    if not hmac.compare_digest(commitment(sample, seed), committed):
        found.append("the seed is not the one that was committed to")
    if list(population) != sorted(set(population)):
        found.append("the list is not in order, or names something twice")
    if population_digest(population) != sha256:
        found.append("the list is not the one that it was drawn from")
    if tuple(drawn) != draw(seed, population, size_of(len(population), percent)):
        found.append("these are not the records that the seed draws")
    return found
