"""The lists of ``dangan archive``: found, counted, due, missing. Each leaves an event of who asked for it."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from consumers.rules import Rules
from ops import archive_lists as lists
from ops.audited import Desk, stored_digest
from ops.commands.arranging import As, Home, Policies, as_arranger
from ops.commands.keys import PassphraseFile
from ops.listing import Form, put_out
from ops.registry import refuse_personal
from schemas.archive_code import CodeTemplate
from schemas.audit import Verb
from store.archive_index import ArchiveIndex

Json = Annotated[bool, typer.Option("--json", help="As a JSON array.")]
Csv = Annotated[Path | None, typer.Option("--csv", help="Write every line into this CSV file.")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="Lines in a table or in JSON at most.")]
Everything = Annotated[bool, typer.Option("--all", help="Also those that lack nothing.")]
Lines = AsyncGenerator[Mapping[str, str]]
#: More lines than any count has.
_ALL = 100_000


def find(
    key: As,
    code: Annotated[str | None, typer.Option(help="An archive code.")] = None,
    customer: Annotated[str | None, typer.Option(help="A customer's reference.")] = None,
    category: Annotated[str | None, typer.Option(help="A category; its subcategories count too.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="individual or organisation.")] = None,
    segment: Annotated[str | None, typer.Option(help="A segment of the rule book.")] = None,
    stage: Annotated[str | None, typer.Option(help="received, returned, reviewed, handed_over, archived...")] = None,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Find catalogue entries. Secret and top secret records show their grade in the remarks."""
    given = {"code": code, "customer": customer, "type": kind, "segment": segment}
    equal = {name: value for name, value in given.items() if value is not None}

    def found(index: ArchiveIndex, rules: Rules) -> Lines:
        if code is not None:
            CodeTemplate(rules.book.arrange.code_template).place(code)
        if customer is not None:
            refuse_personal(customer=customer)
        return lists.find(index, equal, category=category, stage=stage)

    _show(
        Asked(home, key, passphrase_file, policies),
        "catalogue",
        lists.FOUND,
        found,
        Form(as_json, file, limit),
        about=customer,
    )


def count(
    by: Annotated[str, typer.Option(help="category, type, business, segment, tier, grade, standing or stage.")],
    key: As,
    as_json: Json = False,
    file: Csv = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Count records. Nothing of their content is opened for it."""
    if by not in lists.COUNTS:
        raise typer.BadParameter(f"one of {', '.join(lists.COUNTS)}", param_hint="--by")
    form = Form(as_json, file, _ALL)
    _show(
        Asked(home, key, passphrase_file), f"records by {by}", lists.COUNTED,
        lambda index, _: lists.count(index, by), form, verb="count",
    )  # fmt: skip


def tiers(
    key: As,
    tier: Annotated[str | None, typer.Option(help="Only this importance tier.")] = None,
    unassigned: Annotated[
        bool, typer.Option("--unassigned", help="Only those to be assigned, or assigned anew.")
    ] = False,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """List records by importance tier, with their last assignment and the next review."""
    _show(
        Asked(home, key, passphrase_file, policies), "importance tiers", lists.TIERS,
        lambda index, rules: lists.tiers(index, rules.book, now=int(time.time()), tier=tier, unassigned=unassigned),
        Form(as_json, file, limit),
    )  # fmt: skip


def paper(
    key: As,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """List records and papers that do not match, and papers that are not digitised."""
    _show(
        Asked(home, key, passphrase_file), "papers", lists.PAPERS,
        lambda index, _: lists.paper_gaps(index), Form(as_json, file, limit),
    )  # fmt: skip


def households(
    key: As,
    everything: Everything = False,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """List household files by building, floor and unit, one for each owner, with the papers they lack."""
    _show(
        Asked(home, key, passphrase_file, policies), "household files", lists.HOUSEHOLDS,
        lambda index, rules: lists.households(index, rules.book, all_of_them=everything), Form(as_json, file, limit),
    )  # fmt: skip


def completeness(
    key: As,
    everything: Everything = False,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """List for every customer's archive the expected parts that it lacks."""
    _show(
        Asked(home, key, passphrase_file, policies), "archives", lists.COMPLETENESS,
        lambda index, rules: lists.completeness(index, rules, all_of_them=everything), Form(as_json, file, limit),
    )  # fmt: skip


class Asked(NamedTuple):
    """Who asks, and by which policies."""

    home: Path | None
    key: Path
    passphrase_file: Path | None
    policies: Path | None = None


def _show(
    by: Asked,
    title: str,
    columns: Sequence[str],
    lines: Callable[[ArchiveIndex, Rules], Lines],
    form: Form,
    *,
    about: str | None = None,
    verb: Verb = "list",
) -> None:
    """Put out a list, after the event that says who asked for it."""

    async def act(at: Desk, rules: Rules) -> int:
        stream = lines(ArchiveIndex(at.database), rules)
        await at.record("query", verb=verb, record=about, digest=stored_digest({"list": title}))
        return await put_out(Console(), title, columns, stream, form)

    as_arranger(by.home, by.key, by.passphrase_file, act, by.policies)
