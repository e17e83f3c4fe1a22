"""What the desk for use needs of the stores (store/applications.py, principals.py, use_returns.py, records.py)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from schemas.principals import Grant
from store.applications import Application
from store.record import Record
from store.use_returns import Returned


class ApplicationStore(Protocol):
    """Where applications are kept (store/applications.py)."""

    async def add(self, application: Application, /) -> bool:
        """Keep one; False when there is one of that id."""

    async def get(self, application: str, /) -> Application | None:
        """One application, or None."""

    async def swap(self, seen: Application, changed: Application, /) -> bool:
        """Replace one that has not changed since it was seen."""

    async def open_of(self, applicant: str, /, *, now: int, limit: int) -> int:
        """How many of somebody's wait to be decided."""

    async def is_overdue(self, applicant: str, /, *, before: int) -> bool:
        """Whether somebody has not given back a use that ended before then."""


class GrantStore(Protocol):
    """Where grants are kept (store/principals.py)."""

    async def get(self, ids: Collection[str], /) -> dict[str, Grant]:
        """Those that exist."""

    async def put(self, grant: Grant, /) -> bool:
        """Make one; False when one of that id was ever made."""

    async def give_back(self, grant: str, /, *, at: int) -> bool:
        """End one that its holder gives back."""

    async def recall(self, grant: str, /, *, at: int) -> bool:
        """Recall one."""


class ReturnStore(Protocol):
    """Where is kept what was said at returns (store/use_returns.py)."""

    async def get(self, grants: Collection[str], /) -> dict[str, Returned]:
        """What was said of those grants."""

    async def put(self, returned: Returned, /, *, instead_of: Returned | None) -> bool:
        """Keep it; False when something else is there."""


class RecordStore(Protocol):
    """Where records are (store/records.py)."""

    async def get(self, ids: Collection[str], /) -> dict[str, Record]:
        """The live records among those."""
