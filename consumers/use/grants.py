"""The grant that an application leads to, and how far an application is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from schemas.principals import Grant
from schemas.use import Apply
from store.applications import OPEN, Application, State

#: How far an application is, as people say it.
Standing = Literal[
    "applied", "endorsed", "expired", "rejected", "withdrawn",
    "granted", "in use", "to give back", "overdue", "recalled", "copies outstanding", "closed",
]  # fmt: skip

_AS_STORED: Final[Mapping[State, Standing]] = {
    "applied": "applied",
    "endorsed": "endorsed",
    "granted": "granted",
    "rejected": "rejected",
    "withdrawn": "withdrawn",
    "copies_outstanding": "copies outstanding",
    "returned": "closed",
}


def grant_of(application: Application) -> Grant:
    """The grant: it follows from the application alone, so that it is the same whenever it is made."""
    request = Apply.model_validate(application.request)
    return Grant(
        id=application.grant,
        principal=application.applicant,
        records=frozenset(request.records or "*"),
        fields=frozenset(request.fields),
        clear=frozenset(request.clear),
        purpose=request.purpose or "",
        not_before=application.not_before,
        not_after=application.not_after,
        history=request.history,
        application=application.id,
        selection=frozenset(request.selection.items()),
        copying=request.copying,
        emergency=request.emergency,
        product=request.product,
    )


def standing_of(application: Application, grant: Grant | None, *, return_days: int, now: float) -> Standing:
    """How far an application is.

    Args:
        application: as it is stored.
        grant: its grant, if there is one yet.
        return_days: of the rule book; how long after its end a use must be given back.
        now: UNIX seconds.
    """
    state, ended = application.state, now >= application.not_after
    ways: tuple[tuple[bool, Standing], ...] = (
        (state in OPEN and ended, "expired"),
        (is_overdue(application, return_days=return_days, now=now), "overdue"),
        (state == "granted" and grant is not None and grant.recalled_at is not None, "recalled"),
        (state == "granted" and ended, "to give back"),
        (state == "granted" and grant is not None and now >= application.not_before, "in use"),
    )
    return next((standing for holds, standing in ways if holds), _AS_STORED[state])


def is_overdue(application: Application, *, return_days: int, now: float) -> bool:
    """Whether a use ended and was not given back in time, or not with all its copies (clause USE-11)."""
    open_still = application.state in ("granted", "copies_outstanding")
    return open_still and now >= application.not_after + 86_400 * return_days
