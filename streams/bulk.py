"""A bulk read from the reader's side: the next page is asked for while the one before is on its way.

Pages come in order. Each is decided by itself: a grant that is recalled ends the reading with the next page that the
archive begins, whatever was asked for already.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from schemas.replies import Result

#: Pages under way at one time: one is read by the archive while another is sealed, sent and opened.
AT_ONCE: Final = 2

Ask = Callable[[Mapping[str, Any]], Awaitable[Result]]


async def pages(ask: Ask, command: Mapping[str, Any], *, at_once: int = AT_ONCE) -> AsyncGenerator[Result, None]:
    """All pages in order; the first refusal is the last result. Close it if you end earlier.

    Args:
        ask: sends the members of a ``browse`` command and awaits its result.
        command: the members, without ``until``; ``after`` says where to begin.
        at_once: how many pages are under way at most.
    """
    under_way: deque[tuple[str | None, asyncio.Future[Result]]] = deque()

    def begin(after: str | None, until: str | None) -> asyncio.Future[Result]:
        more = {"after": after, "until": until}
        return asyncio.ensure_future(ask({**command, **{name: value for name, value in more.items() if value}}))

    under_way.append((None, begin(command.get("after"), None)))
    front: str | None = None  # the last place that was asked for: tokens have no order, but one place is one text
    try:
        while under_way:
            until, asked = under_way.popleft()
            result = await asked
            if result.status == "refused":
                yield result
                return
            values: Any = result.values
            ahead = _ahead(values["next"], front, last=until in {None, front})
            if until is None:
                if values["after"] is None:
                    yield result
                    return
                front = values["after"]
            elif values["after"] is not None:  # it did not hold all: the rest of it comes before the others
                under_way.appendleft((until, begin(values["after"], until)))
            for end in ahead[: max(at_once - len(under_way), 0)]:
                under_way.append((end, begin(front, end)))
                front = end
            if not under_way:
                under_way.append((None, begin(front, None)))
            yield result
    finally:
        for _, asked in under_way:
            asked.cancel()


def _ahead(ends: Sequence[str], front: str | None, *, last: bool) -> Sequence[str]:
    """Those ends behind the front: all in the answer of the last page asked for; none if that cannot be told."""
    if last:
        return ends
    return ends[ends.index(front) + 1 :] if front in ends else ()
