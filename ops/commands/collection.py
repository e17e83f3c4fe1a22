"""``dangan collection``: approve the collection of core-sensitive fields, follow a matter, list what was withdrawn.

Approvals are given by registered approvers; the lists are for the archive department. Each leaves an audit event.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console

from consumers.collection_approvals import APPROVER
from consumers.rules import Rules
from ops import collection
from ops.audited import Desk, desk, stored_digest
from ops.commands.arranging import As, Home, Policies, as_arranger
from ops.commands.keys import PassphraseFile, read_key_file
from ops.config import load_settings
from ops.listing import Form, put_out
from ops.operators import operator_of
from ops.printable import plain
from ops.rules import rules_of
from schemas.collection_approval import CollectionApproval
from schemas.errors import DanganError

Approver = Annotated[Path, typer.Option("--as", help="Your key file: that of a registered approver.")]
Json = Annotated[bool, typer.Option("--json", help="As a JSON array.")]
Csv = Annotated[Path | None, typer.Option("--csv", help="Write every line into this CSV file.")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="Lines in a table or in JSON at most.")]
Lines = Callable[[Desk, Rules], AsyncIterator[Mapping[str, str]]]


def register(app: typer.Typer) -> None:
    """Add ``dangan collection`` with its subcommands to the command line."""
    group = typer.Typer(
        help="Lawful collection: approvals of core-sensitive fields, business matters, withdrawn consents.",
        no_args_is_help=True,
    )
    for command in (approve, approvals, matter, withdrawn):
        group.command(command.__name__)(command)
    app.add_typer(group, name="collection")


def approve(
    approval: Annotated[str, typer.Argument(help="An id for it, which commands name as intake.approval or approval.")],
    purpose: Annotated[str, typer.Option(help="The purpose of the catalogue that it is for.")],
    field: Annotated[list[str], typer.Option(help="A core-sensitive field, or attachment.KIND; repeatable.")],
    key: Approver,
    form: Annotated[str | None, typer.Option(help="Only on this form and version, as retail@2.")] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="For how many days, from now on.")] = 90,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what you would sign; sign nothing.")] = False,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Approve that core-sensitive fields are collected for a purpose. Whoever collects cannot approve it himself."""
    now = int(time.time())
    try:
        document = CollectionApproval(
            id=approval, form=form, purpose=purpose, fields=frozenset(field), not_before=now,
            not_after=now + days * 86_400,
        )  # fmt: skip
    except ValidationError as error:
        raise DanganError("DG-OPS-036", field=str(error.errors()[0]["loc"][0])) from None
    console = Console(soft_wrap=True)
    for name, value in {**document.model_dump(mode="json"), "fields": sorted(field)}.items():
        console.print(plain(f"{name}: {value}"))
    console.print(plain(f"digest: {document.digest()}"))
    if dry_run:
        return
    keys, settings = read_key_file(key, passphrase_file), load_settings(home)
    rules = rules_of(settings, policies)

    async def run() -> None:
        async with desk(settings) as at:
            operator = await operator_of(at, keys, now=now, roles=(APPROVER,), people=rules.book.people)
            await collection.approve(replace(at, operator=operator), rules, document, keys, now=now)

    asyncio.run(run())
    console.print(plain(f"approved as {approval}"))


def approvals(
    key: As,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """List the approvals of core-sensitive collection."""
    form = Form(as_json, file, limit)
    _show(
        home,
        key,
        passphrase_file,
        "approvals",
        collection.APPROVALS,
        lambda at, _: collection.approvals_given(at),
        form,
    )


def matter(
    reference: Annotated[str, typer.Argument(help="The matter's reference, as commands name it in intake.matter.")],
    key: As,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """List the steps of a business matter in the order in which they happened. Late entries show."""
    _show(
        home, key, passphrase_file, f"matter {reference}", collection.STEPS,
        lambda at, rules: collection.matter(at, rules, reference), Form(as_json, file, limit), policies,
    )  # fmt: skip


def withdrawn(
    key: As,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """List the records whose consent was withdrawn and that rest on nothing else: nobody reads them any more.

    Request their destruction: dangan destroy prepare RECORD... --ground subject_request.
    """
    form = Form(as_json, file, limit)
    _show(
        home, key, passphrase_file, "waiting for destruction", collection.WITHDRAWN,
        lambda at, _: collection.withdrawn(at), form,
    )  # fmt: skip


def _show(
    home: Path | None,
    key: Path,
    passphrase_file: Path | None,
    title: str,
    columns: Sequence[str],
    lines: Lines,
    form: Form,
    policies: Path | None = None,
) -> None:
    """Put out a list, after the event that says who asked for it."""

    async def act(at: Desk, rules: Rules) -> int:
        await at.record("query", verb="list", digest=stored_digest({"list": title}))
        return await put_out(Console(), title, columns, lines(at, rules), form)

    as_arranger(home, key, passphrase_file, act, policies)
