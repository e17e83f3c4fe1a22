"""A process that numbers its share of made-up records, to be killed: ``python -m tests.harness.numbering ...``."""

from __future__ import annotations

import asyncio
import ctypes
import sys

from schemas.archive_code import CodeTemplate, Wanted
from store.codes import Codes
from store.database import connect

TEMPLATE = CodeTemplate("{type}{year}{serial:03}-{part:02}")
SERIES = {"type": "P", "year": "2023"}
#: Every seventh record is of a customer who has others.
_SHARED = 7


def wanted(number: int) -> Wanted:
    """The record of that number, and its customer."""
    customer = number % 1000 if number % _SHARED == 0 else number
    return Wanted(f"rec-{number:06d}", f"sub-{customer:06d}")


async def main(uri: str, database: str, share: int, shares: int, count: int) -> None:
    """Number every record whose number leaves ``share`` as the rest of ``shares``, and then a bit of the next share."""
    async with connect(uri, database) as opened:
        codes = Codes(opened, TEMPLATE)
        mine = [wanted(number) for number in range(share, count, shares)]
        others = [wanted(number) for number in range((share + 1) % shares, count, shares)][: len(mine) // 10]
        await codes.give(SERIES, mine + others)


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG: it ends with the test run
    asyncio.run(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])))
