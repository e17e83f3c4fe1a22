"""Keys that nobody owns in a restored database: records come from the backup, key pages are the newest there are.

A page may hold a slot that no restored record names: of a record that was collected after the backup, or the key of a
further level that a record got after it. A destruction takes out the slots that its record names; so such a slot would
outlive its record, and open what a newer backup holds of it. The restore takes them all out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from keys.forget import next_generations
from keys.pages import KINDS, Page, root_of_kind
from keys.ports import PageStore
from keys.vault import Transit
from schemas.errors import DanganError

_AT_ONCE: Final = 200


async def end_unnamed(transit: Transit, pages: PageStore, opened: Mapping[str, int], named: Mapping[str, int]) -> int:
    """Take every slot that no record names out of the pages.

    Args:
        transit: may encrypt and decrypt under the level roots, and encrypt under the sealed one.
        pages: the restored ones, which nobody uses yet.
        opened: page id -> slots (bit n for slot n), of the pages that Vault opens. The others open nothing any more.
        named: page id -> slots that restored records name.

    Returns:
        How many slots were taken out.
    """
    ended = 0
    for kind in KINDS:
        async for batch in _with_unnamed(pages, kind, opened, named):
            new = await _without_unnamed(transit, root_of_kind(kind), batch, named)
            await pages.replace_many([(page, page.version - 1) for page in new])
            before = {page.id: len(page.slots) for page in batch}
            ended += sum(before[page.id] - len(page.slots) for page in new)
    return ended


async def _with_unnamed(
    pages: PageStore, kind: str, opened: Mapping[str, int], named: Mapping[str, int]
) -> AsyncIterator[list[Page]]:
    batch: list[Page] = []
    async for page in pages.scan(kind):
        if opened.get(page.id, 0) & ~named.get(page.id, 0):
            batch.append(page)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


async def _without_unnamed(transit: Transit, root: str, batch: Sequence[Page], named: Mapping[str, int]) -> list[Page]:
    drops = {page.id: {slot for slot in page.slots if not named.get(page.id, 0) >> slot & 1} for page in batch}
    try:
        return await next_generations(transit, root, batch, drops)
    except DanganError as error:
        if error.code != "DG-KEY-003":
            raise
    if len(batch) == 1:  # damaged: nothing in it opens, and the rest is restored all the same
        return []
    return [page for each in batch for page in await _without_unnamed(transit, root, [each], named)]
