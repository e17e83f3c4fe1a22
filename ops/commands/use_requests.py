"""``dangan use apply``, ``endorse`` and ``give-back``: sealed and signed commands of applicants and holders."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console

from ops.commands.keys import PassphraseFile
from ops.commands.request import As, Home, Trusted, ask
from ops.config import load_settings
from ops.printable import plain
from schemas.errors import DanganError
from schemas.use import Apply, Endorse, GiveBack
from store.applications import PREFIX

T = TypeVar("T", Apply, Endorse, GiveBack)
Again = Annotated[str | None, typer.Option("--id", help="The id of an earlier try: sent again, it counts once.")]


def register(group: typer.Typer) -> None:
    """Add the commands to ``dangan use``."""
    group.command("apply", no_args_is_help=True)(apply)
    group.command("endorse", no_args_is_help=True)(endorse)
    group.command("give-back", no_args_is_help=True)(give_back)


def apply(
    key: As,
    purpose: Annotated[str, typer.Option(help="A purpose of the catalogue that your department may name.")],
    field: Annotated[list[str], typer.Option(help="A field, or attachment.KIND; repeatable. No more than you need.")],
    record: Annotated[list[str] | None, typer.Option(help="A record's id; repeatable. Or '*': all customers.")] = None,
    select: Annotated[
        list[str] | None, typer.Option(help="Instead of records: NAME=VALUE, for instance building=b-07; repeatable.")
    ] = None,
    clear: Annotated[list[str] | None, typer.Option(help="A field to be seen unmasked; repeatable.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why; without personal data.")] = None,
    contact: Annotated[str | None, typer.Option(help="A reference to your particulars: your staff number.")] = None,
    begin: Annotated[str | None, typer.Option("--from", help="When it begins, RFC 3339; now by default.")] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="For how many days.")] = 1,
    copying: Annotated[bool, typer.Option("--copying", help="Copy, extract, print or export it too.")] = False,
    terminal: Annotated[str | None, typer.Option(help="The computer that copies go to; no shared one.")] = None,
    history: Annotated[bool, typer.Option("--history", help="Earlier and proposed versions too.")] = False,
    product: Annotated[str | None, typer.Option(help="What a marketing use offers.")] = None,
    emergency: Annotated[
        bool, typer.Option("--emergency", help="At once, for hours; raises an alarm and is signed afterwards by two.")
    ] = False,
    command_id: Again = None,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Apply for use. It is granted when the posts that the rule book names have signed it."""
    begins = _moment(begin)
    members = {
        "records": record or (),
        "selection": dict(_pair(each) for each in select or ()),
        "fields": field,
        "clear": clear or (),
        "purpose": purpose,
        "reason": reason,
        "contact": contact,
        "not_before": datetime.fromtimestamp(begins, UTC).isoformat(),
        "not_after": datetime.fromtimestamp(begins + 86_400 * days, UTC).isoformat(),
        "copying": copying,
        "terminal": terminal,
        "history": history,
        "product": product,
        "emergency": emergency,
    }
    command = _valid(Apply, {**members, "id": command_id or str(uuid.uuid4()), "type": "apply"})
    _send(command, home, key, passphrase_file, trust)
    told = f"granted at once as {PREFIX}{command.id}; two must sign it" if emergency else f"applied: {command.id}"
    _told(f"{told}; next: dangan use show {command.id} --out FILE, for dangan approve FILE --action approve-use")


def endorse(
    application: Annotated[str, typer.Argument(help="The application's id.")],
    key: As,
    approval: Annotated[Path, typer.Option(help="The file with one signature, of dangan approve.")],
    reason: Annotated[str | None, typer.Option(help="Of a rejection or an opinion; without personal data.")] = None,
    command_id: Again = None,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Send a signature under an application: an approval, a rejection or an opinion. Anybody registered may send it."""
    try:
        token = approval.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise DanganError("DG-OPS-035", field=str(approval), detail=type(error).__name__) from None
    members = {"application": application, "reason": reason, "approvals": (token,)}
    command = _valid(Endorse, {**members, "id": command_id or str(uuid.uuid4()), "type": "endorse"})
    _send(command, home, key, passphrase_file, trust)
    _told(f"{application}: the signature counts; next: dangan use show {application}")


def give_back(
    grant: Annotated[str, typer.Argument(help="The grant's id, of dangan use list.")],
    key: As,
    usage: Annotated[str, typer.Option(help="What it was used for; without personal data.")],
    copies: Annotated[int, typer.Option(min=0, help="How many copies you made in all.")] = 0,
    destroyed: Annotated[int, typer.Option(min=0, help="How many of them you destroyed.")] = 0,
    filed: Annotated[int, typer.Option(min=0, help="How many went to the archive.")] = 0,
    command_id: Again = None,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Give a use back with its usage record: the grant ends now. It is settled when no copy is left."""
    members = {"grant": grant, "usage": usage, "copies": copies, "copies_destroyed": destroyed, "copies_filed": filed}
    command = _valid(GiveBack, {**members, "id": command_id or str(uuid.uuid4()), "type": "give_back"})
    _send(command, home, key, passphrase_file, trust)
    left = copies - destroyed - filed
    _told(f"{grant} is given back" + (f"; {left} copies are outstanding: destroy or file them" if left else ""))


def _send(
    command: Apply | Endorse | GiveBack, home: Path | None, key: Path, passphrase_file: Path | None, trust: Path | None
) -> None:
    parts = command.model_dump(mode="json", exclude={"id", "type"})
    settings = load_settings(home)
    ask(settings, key, passphrase_file, trust, lambda to: to.publish(command.type, parts, command.id))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise DanganError("DG-OPS-035", field="--select", detail="NAME=VALUE")
    return name, value


def _moment(text: str | None) -> int:
    if text is None:
        return int(time.time())
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        raise DanganError("DG-OPS-035", field="--from", detail="no such time") from None


def _valid(kind: type[T], members: dict[str, Any]) -> T:
    try:
        return kind.model_validate(members)
    except ValidationError as error:
        raise DanganError("DG-OPS-035", detail=str(error.errors()[0]["loc"])) from None


def _told(words: str) -> None:
    Console().print(plain(words), soft_wrap=True)
