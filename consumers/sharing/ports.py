"""What the desk for sharing needs of the stores (store/shares.py, agreements.py, consents.py, records.py)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from keys.pages import Page
from schemas.levels import Level
from store.agreements import Agreement
from store.record import Record
from store.shares import Shared


class ShareStore(Protocol):
    """Where shares are kept (store/shares.py)."""

    async def add(self, share: Shared, /) -> bool:
        """Keep one; False when there is one of that id."""

    async def get(self, share: str, /) -> Shared | None:
        """One share, or None."""

    async def swap(self, seen: Shared, changed: Shared, /) -> bool:
        """Replace one that has not changed since it was seen."""


class AgreementStore(Protocol):
    """Where agreements are (store/agreements.py)."""

    async def get(self, reference: str, /) -> Agreement | None:
        """One agreement, or None."""


class ConsentStore(Protocol):
    """Where consents are (store/consents.py)."""

    async def agreed(self, subjects: Collection[str], /, *, purpose: str, recipient: str) -> set[str]:
        """Which customers let somebody outside have their information for a purpose."""


class RecordStore(Protocol):
    """Where records are, with the pages that hold their keys (store/reads.py)."""

    async def fetch(
        self, ids: Collection[str], levels: Collection[Level], /
    ) -> tuple[dict[str, Record], dict[str, Page]]:
        """The live records among those, and their pages."""
