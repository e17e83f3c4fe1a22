"""``dangan share``: the register of shares, agreements, and what a recipient does with a package."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

import orjson
import typer
from rich.console import Console

from ops.audited import Desk, desk
from ops.commands import share_requests
from ops.commands.admin_acts import table
from ops.commands.archive_views import Csv, Json, Limit
from ops.commands.arranging import as_arranger
from ops.commands.keys import PassphraseFile, read_key_file
from ops.config import load_settings
from ops.listing import Form, put_out
from ops.printable import plain
from ops.private_files import write_private
from ops.sharing import agreements, receipts
from ops.sharing import register as book
from schemas.errors import DanganError
from schemas.registers import Entry
from schemas.trust import Trust, load_trust

T = TypeVar("T")
Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]
As = Annotated[Path, typer.Option("--as", help="Your key file: of an archivist, a custodian or compliance.")]
Package = Annotated[Path, typer.Argument(help="The package, as it was received.")]
Key = Annotated[Path, typer.Option(help="The recipient's key file.")]
TrustFile = Annotated[
    Path, typer.Option("--trust", help="The archive's trust file, from the organisation that shares.")
]
Reference = Annotated[str, typer.Argument(metavar="AGREEMENT", help="The agreement's reference.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan share`` to the command line."""
    group = typer.Typer(help="Share: apply, sign, deliver, recall; the register of shares.", no_args_is_help=True)
    share_requests.register(group)
    for name, command in (
        ("list", list_waiting),
        ("register", list_all),
        ("show", show),
        ("overdue", overdue),
        ("open", open_package),
        ("receipt", receipt),
    ):
        group.command(name)(command)
    signed = typer.Typer(help="Confidentiality agreements with recipients (保密协议).", no_args_is_help=True)
    signed.command("add", no_args_is_help=True)(add_agreement)
    signed.command("list")(list_agreements)
    signed.command("end", no_args_is_help=True)(end_agreement)
    group.add_typer(signed, name="agreement")
    app.add_typer(group, name="share")


def list_waiting(as_json: Json = False, file: Csv = None, limit: Limit = 1000, home: Home = None) -> None:
    """Show applications to share that wait for an opinion or a signature, and for whose."""
    form = Form(as_json, file, limit)
    title, now = "applications to share", time.time()
    _look(home, lambda at: put_out(Console(), title, book.LINES, book.lines(at.database, now=now, waiting=True), form))


def list_all(as_json: Json = False, file: Csv = None, limit: Limit = 1000, home: Home = None) -> None:
    """Show every share: what, to whom, under which approvals and agreement, until when, and how far it is (SHR-11)."""
    form, now = Form(as_json, file, limit), time.time()
    _look(home, lambda at: put_out(Console(), "shares", book.LINES, book.lines(at.database, now=now), form))


def show(
    share: Annotated[str, typer.Argument(help="The share's id.")],
    out: Annotated[Path | None, typer.Option(help="Write the application, for dangan approve.")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show one share from its application to its end. With --out: the file that signers sign."""
    one, now = _look(home, lambda at: book.one(at, share)), time.time()
    if out is not None:
        out.write_text(json.dumps(dict(one.request), indent=1, ensure_ascii=False) + "\n", "utf-8")
        _told(
            f"wrote {out}; next: dangan approve {out} --requester {one.applicant} --action approve-share --key KEYFILE"
        )
        return
    said = book.as_dict(one, now=now)
    if as_json:
        _write(said)
        return
    facts = table("what", "value")
    for name, value in said.items():
        if value and name not in ("type", "steps", "packages", "statements"):
            facts.add_row(plain(name), plain(", ".join(map(str, value)) if isinstance(value, list | tuple) else value))
    Console().print(facts)
    for name in ("steps", "packages", "statements"):
        for each in said[name]:
            _told(f"{name}: " + ", ".join(f"{key} {value}" for key, value in each.items() if value is not None))


def overdue(as_json: Json = False, file: Csv = None, limit: Limit = 1000, home: Home = None) -> None:
    """Show shares that are over and not confirmed as returned or deleted (SHR-10). Exit status 1 if there are any."""
    form, now = Form(as_json, file, limit), time.time()
    title = "unconfirmed recalls"
    if _look(home, lambda at: put_out(Console(), title, book.OVERDUE, book.overdue(at.database, now=now), form)):
        raise typer.Exit(1)


def open_package(
    package: Package,
    key: Key,
    trust: TrustFile,
    out: Annotated[Path | None, typer.Option(help="Write the content there, for its owner only.")] = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Open a package that was shared with you: checks who made it, then shows or writes the JSON inside."""
    keys = read_key_file(key, passphrase_file)
    content = receipts.contents(receipts.read_package(package), keys, _trust(trust))
    text = orjson.dumps(content, option=orjson.OPT_INDENT_2)
    if out is None:
        _write(content)
        return
    write_private(out, text)
    _told(f"wrote {out}; keep it encrypted, and delete it by {content['until']}")


def receipt(
    package: Package,
    key: Key,
    trust: TrustFile,
    deleted: Annotated[bool, typer.Option("--deleted", help="Say that nothing of the share is left.")] = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Print a signed statement to send back: that you have the package, or that all of it is deleted."""
    keys, value = read_key_file(key, passphrase_file), receipts.read_package(package)
    content = receipts.contents(value, keys, _trust(trust))
    says = "deleted" if deleted else "received"
    typer.echo(receipts.receipt(keys, share=content["share"], package=value, says=says, at=int(time.time())))  # type: ignore[arg-type]


def add_agreement(
    reference: Reference,
    recipient: Annotated[str, typer.Option(help="With whom: the principal's id.")],
    field: Annotated[list[str], typer.Option(help="A field that it covers; * for every one. Repeat it.")],
    purpose: Annotated[list[str], typer.Option(help="A purpose that it covers; * for every one. Repeat it.")],
    duty: Annotated[list[str], typer.Option(help="A duty of the recipient. Repeat it.")],
    document: Annotated[str, typer.Option(help="Reference of the signed paper.")],
    signed_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day.")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The last day.")],
    key: As,
    at_rest: Annotated[str | None, typer.Option(help="How the recipient stores encrypted, in a word.")] = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Enter a signed confidentiality agreement: only what one covers is shared outside (SHR-04)."""

    async def act(at: Desk, _: object) -> Entry:
        return await agreements.sign(
            at, reference, recipient=recipient, fields=field, purposes=purpose, duties=duty, document=document,
            signed_on=signed_on.date(), until=until.date(), at_rest=at_rest, now=int(time.time()),
        )  # fmt: skip

    as_arranger(home, key, passphrase_file, act, roles=agreements.KEEPERS)
    _told(f"{reference} is in force until {until.date()}")


def list_agreements(
    recipient: Annotated[str | None, typer.Option(help="Only with this recipient.")] = None,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    home: Home = None,
) -> None:
    """Show the agreements: with whom, what they cover, until when."""
    form, now = Form(as_json, file, limit), time.time()

    async def act(at: Desk) -> int:
        lines = agreements.listed(at.database, now=now, recipient=recipient)
        return await put_out(Console(), "agreements", agreements.LISTED, lines, form)

    _look(home, act)


def end_agreement(
    reference: Reference,
    reason: Annotated[str, typer.Option(help="Why; without personal data.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """End an agreement: nothing is delivered under it any more. Recall what was: dangan share recall."""

    async def act(at: Desk, _: object) -> Entry:
        return await agreements.end(at, reference, reason=reason, now=int(time.time()))

    as_arranger(home, key, passphrase_file, act, roles=agreements.KEEPERS)
    _told(f"{reference} has ended")


def _look(home: Path | None, act: Callable[[Desk], Awaitable[T]]) -> T:
    async def run() -> T:
        async with desk(load_settings(home)) as at:
            return await act(at)

    return asyncio.run(run())


def _trust(file: Path) -> Trust:
    try:
        return load_trust(file.read_bytes())
    except OSError as error:
        raise DanganError("DG-CER-005", detail=type(error).__name__) from None


def _write(value: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
    sys.stdout.flush()


def _told(words: str) -> None:
    Console().print(plain(words), soft_wrap=True)
