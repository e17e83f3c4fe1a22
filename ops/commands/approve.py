"""``dangan approve``: sign a request that somebody else will send; ``dangan catalogue show``: fields and purposes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import Field, TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Column, Table

import keys.signer
from keys.principal_keys import PrincipalKeys
from ops.commands.keys import PassphraseFile, read_key_file
from ops.config import load_settings
from ops.people.documents import document_of, is_document, show_document
from ops.printable import plain
from ops.rules import rules_of
from schemas.approvals import ACTIONS_OF, ApprovalAction, digest_of
from schemas.commands import Confirm, Decide, Merge, Signable, Unmerge
from schemas.errors import DanganError
from schemas.sharing import Share
from schemas.staff import PermissionChange, StaffDocument, StaffHandOver
from schemas.use import Apply

#: Of commands about several records: what becomes of them, and what that is called.
_TITLES: Final = {
    "destroy": ("destroyed", "Destruction"),
    "hand_over": ("handed over", "Hand-over"),
    "confirm": ("confirmed", "Confirmation"),
    "apply": ("used", "Use"),
    "share": ("shared", "Sharing"),
    "extend_retention": ("kept longer", "Extension"),
    "seal": ("sealed", "Sealing"),
    "unseal": ("unsealed", "Unsealing"),
    "thaw": ("opened again", "Thaw"),
}


def register(app: typer.Typer) -> None:
    """Add ``dangan approve`` and ``dangan catalogue`` to the command line."""
    app.command("approve")(approve)
    catalogue = typer.Typer(help="The field catalogue.", no_args_is_help=True)
    catalogue.command("show")(show_catalogue)
    catalogue.callback()(lambda: None)
    app.add_typer(catalogue, name="catalogue")


def approve(
    request: Annotated[Path, typer.Argument(help="The command as JSON, with its id, without approvals.")],
    requester: Annotated[str, typer.Option(help="Principal id of who will send the command.")],
    key: Annotated[Path, typer.Option(help="Your key file.")],
    action: Annotated[
        str | None,
        typer.Option(
            help="What you sign, where that is not clear: hand-over or take-over of a hand_over; approve-use, "
            "reject-use or opine of an application; approve-share, reject-share or opine of one to share."
        ),
    ] = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Show what a request says, sign its digest, print the approval to hand to the requester.

    The file holds one command that people sign: destroy (when it names no type), hand_over, confirm, merge, unmerge
    or decide; an application that dangan use show --out or dangan share show --out wrote; or what dangan admin
    principal apply, move or handover wrote, and --requester is then the administrator who carries it out.
    """
    command = read_request(request)
    chosen = action_of(command, action)
    show_request(Console(stderr=True), command, requester)
    signer = read_key_file(key, passphrase_file)
    typer.echo(sign_approval(command, requester, signer, now=int(time.time()), action=chosen))


def read_request(path: Path) -> Signable | StaffDocument:
    """Read a command, or a document about people, that people sign; one without a type is a destruction.

    Raises:
        DanganError: DG-OPS-035 when it is none; DG-SEC-018 for a document about people that is not in order.
    """
    try:
        loaded = json.loads(path.read_text("utf-8"))
        if is_document(loaded):
            return document_of(loaded)
        if loaded.get("type") == "apply":  # whose signatures are sent by themselves
            return Apply.model_validate(loaded)
        if loaded.get("type") == "share":
            return Share.model_validate(loaded)
        document = {"type": "destroy", **loaded, "approvals": ()}
        signed: TypeAdapter[Signable] = TypeAdapter(Annotated[Signable, Field(discriminator="type")])
        return signed.validate_python(document)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        place = error.errors()[0]["loc"] if isinstance(error, ValidationError) else type(error).__name__
        raise DanganError("DG-OPS-035", field=str(path), detail=str(place)) from None


def action_of(command: Signable | StaffDocument, chosen: str | None) -> ApprovalAction:
    """What is signed of a command: the chosen action if it is one of the command's; else the only one.

    Of a destruction it is the approval, unless something else is chosen.

    Raises:
        DanganError: DG-OPS-035 when it is none of the command's, or there are several.
    """
    possible = ACTIONS_OF[command.type]
    for each in possible:
        if each == chosen or (chosen is None and (len(possible) == 1 or command.type == "destroy")):
            return each
    raise DanganError("DG-OPS-035", field="--action", detail=" or ".join(possible))


def show_request(console: Console, command: Signable | StaffDocument, requester: str) -> None:
    """Show all that an approval covers: every record by its id, every other member, who asks, the digest.

    The request comes from somebody else: what it says is shown as text, never as markup or terminal commands.
    """
    if isinstance(command, PermissionChange | StaffHandOver):
        show_document(console, command, requester)
        return
    members = command.model_dump(mode="json", exclude={"approvals", "id", "type", "records"})
    if not isinstance(command, Merge | Unmerge | Decide):
        done, title = _TITLES[command.type]
        records = Column(f"record to be {done}", overflow="fold")  # never cut short: two ids may begin alike
        table = Table("no.", records, title=f"{title} of {len(command.records)} records")
        versions = _versions(command)
        if versions:
            table.add_column("version")
            del members["versions"]
        for number, record in enumerate(command.records, 1):
            table.add_row(str(number), plain(record), *versions[number - 1 : number])
        console.print(table)
    else:
        members = {"to be signed": command.type, **members}
    said = {**members, "requested by": requester, "command": command.id, "digest": digest_of(command, requester)}
    for name, value in said.items():
        console.print(plain(f"{name}: {value}"), soft_wrap=True)


def _versions(command: Signable) -> list[str]:
    """The versions that are signed for, where there is one for each record."""
    if isinstance(command, Confirm) and len(command.versions) == len(command.records):
        return [str(version) for version in command.versions]
    return []


def sign_approval(
    command: Signable | StaffDocument,
    requester: str,
    approver: PrincipalKeys,
    *,
    now: int,
    action: ApprovalAction | None = None,
) -> str:
    """The approval of a request: a compact JWS (schemas/approvals.py).

    Args:
        now: UNIX seconds.
        action: what is signed; the first that the command's type has when None.
    """
    return keys.signer.approval(
        approver.signing,
        approver=approver.principal,
        action=action or ACTIONS_OF[command.type][0],
        digest=digest_of(command, requester),
        at=now,
    )


def show_catalogue(
    policies: Annotated[Path | None, typer.Option(help="Folder with catalogue.toml and cedar/.")] = None,
    home: Annotated[Path | None, typer.Option(help="Folder of the installation, whose profile counts.")] = None,
) -> None:
    """Show the fields and the purposes that need them, as the installation's profile has them."""
    catalogue = rules_of(load_settings(home), policies).catalogue
    fields = Table("field", "category", "level", "kind", "mask", "indexed", *catalogue.purposes)
    for name, spec in catalogue.fields.items():
        needed = ["x" if name in purpose.fields else "" for purpose in catalogue.purposes.values()]
        indexed = "yes" if spec.index else ""
        fields.add_row(name, spec.category, spec.level, spec.kind, spec.mask, indexed, *needed)
    Console().print(fields)
