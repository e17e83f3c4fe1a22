"""Table ``[storage]``: where customer information may stand, and what is checked there."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.rule_tables.table import Table


class Storage(Table):
    """STO-12 to STO-17, DES-08, DES-12."""

    #: a paper's custody is inspected again after so many months (STO-16).
    inspection_months: Annotated[int, Field(ge=1, le=60)] = 3
    #: account openings take a two-witness video in both places (STO-15).
    video_required: bool = True
    video_targets: tuple[Literal["store_disc", "headquarters_server"], ...] = ("store_disc", "headquarters_server")
    #: both copies encrypted, and the transfer too.
    video_encrypted: bool = True
    #: the kinds of item that open an account, besides intakes that say so.
    opening_items: tuple[str, ...] = ("account_opening",)
