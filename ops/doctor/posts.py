"""Whether somebody can do what the rules ask of people: each post held, each chain of signatures by different persons.

A rule whose post nobody holds does not fail: what needs it waits for a signature that cannot come, and a report of an
incident does not reach who should have it. Nothing else would tell.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pymongo.errors import PyMongoError

from consumers.standing import as_it_stands
from ops.doctor.findings import Finding, ok, warning
from ops.rules import rules_of
from schemas.errors import DanganError
from schemas.principals import Principal
from schemas.rule_tables.incident import CONCERNED, SUPERIOR
from schemas.rulebook import RuleBook
from schemas.settings import Settings
from store.database import connect
from store.principals import Principals

#: Who approves a destruction where no post is named for it.
_ANY_TWO = ("approver", "approver")
_MEND = "Apply for the permission (dangan admin principal apply), or name another post in rules.toml."


def chains_of(book: RuleBook) -> Iterator[tuple[str, Sequence[str]]]:
    """Setting and posts where each signs, and each is another person."""
    approval = book.approval
    for tier, posts in approval.use.items():
        yield f"approval.use.{tier}", posts
    for name in type(approval).model_fields:
        if name not in ("use", "cross_department", "copying"):  # the last two are asked for besides, now and then
            yield f"approval.{name}", getattr(approval, name) or (_ANY_TWO if name == "destroy" else ())
    yield "people.approval", book.people.approval
    yield "incident.thaw", book.incident.thaw
    yield "use.emergency_signers", book.use.emergency_signers


def groups_of(book: RuleBook) -> Iterator[tuple[str, Sequence[str]]]:
    """Setting and posts of which one has to be held."""
    if book.people.review_months:
        yield "people.reviewers", book.people.reviewers
    yield "incident.responsible", book.incident.responsible
    yield "incident.freeze_posts", book.incident.freeze_posts
    if book.destroy.min_persons > 1:
        yield "destroy.witness_roles", book.destroy.witness_roles


def unheld(book: RuleBook, everyone: Iterable[Principal]) -> dict[str, list[str]]:
    """What nobody can do.

    Args:
        book: the rules.
        everyone: who is registered, as each stands now.

    Returns:
        Post, or a few words where it is not about one post -> the settings that ask for it.
    """
    holders: Mapping[str, set[str]] = defaultdict(set)
    for principal in everyone:
        for role in principal.roles if principal.active else ():
            holders[role].add(principal.id)
    missing: dict[str, list[str]] = defaultdict(list)
    for setting, posts in chains_of(book):
        empty = [post for post in dict.fromkeys(posts) if not holders[post]]
        for post in empty:
            missing[post].append(setting)
        if not empty and _persons(posts, holders) < len(posts):
            missing[f"{len(posts)} different persons for {', '.join(posts)}"].append(setting)
    for setting, posts in groups_of(book):
        if posts and not any(holders[post] for post in posts):
            missing[" or ".join(posts)].append(setting)
    for post in book.incident.addressees:
        if post not in (SUPERIOR, CONCERNED) and not holders[post]:
            missing[post].append("incident.addressees")
    return dict(missing)


def examine_posts(settings: Settings) -> list[Finding]:
    """Tell which posts the rules name and nobody holds at the moment; asks a MongoDB that answers."""
    try:
        book = rules_of(settings).book
        everyone = asyncio.run(_everyone(settings))
    except (DanganError, PyMongoError):
        return []  # told by the checks of the rules and of MongoDB
    if not everyone:
        return []  # a new installation
    now = time.time()
    missing = unheld(book, [as_it_stands(principal, book.people, now) for principal in everyone])
    if not missing:
        return [ok("posts", "every post that the rules name is held")]
    said = "; ".join(f"{post} ({', '.join(settings)})" for post, settings in sorted(missing.items()))
    return [warning("posts", f"nobody to act as {said}", _MEND)]


async def _everyone(settings: Settings) -> list[Principal]:
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        return await Principals(database).all()


def _persons(posts: Sequence[str], holders: Mapping[str, set[str]]) -> int:
    """How many of the posts different persons can sign for at the same time (a bipartite matching)."""
    signs: dict[str, int] = {}

    def find(turn: int, seen: set[str]) -> bool:
        for person in holders[posts[turn]] - seen:
            seen.add(person)
            if person not in signs or find(signs[person], seen):
                signs[person] = turn
                return True
        return False

    return sum(find(turn, set()) for turn in range(len(posts)))
