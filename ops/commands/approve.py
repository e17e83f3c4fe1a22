"""``dangan approve``: sign a destruction request as an approver; ``dangan catalogue show``: fields and purposes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from joserfc import jws
from joserfc.jwk import OKPKey
from pydantic import ValidationError
from rich.console import Console
from rich.table import Column, Table

from keys.principal_keys import PrincipalKeys
from ops.commands.keys import PassphraseFile, read_key_file
from ops.printable import plain
from ops.rules import load_rules
from schemas.approvals import TYP_APPROVAL, Approval, digest_of
from schemas.commands import Destroy
from schemas.errors import DanganError


def register(app: typer.Typer) -> None:
    """Add ``dangan approve`` and ``dangan catalogue`` to the command line."""
    app.command("approve")(approve)
    catalogue = typer.Typer(help="The field catalogue.", no_args_is_help=True)
    catalogue.command("show")(show_catalogue)
    catalogue.callback()(lambda: None)
    app.add_typer(catalogue, name="catalogue")


def approve(
    request: Annotated[Path, typer.Argument(help="The destroy command as JSON, with its id, without approvals.")],
    requester: Annotated[str, typer.Option(help="Principal id of who will send the command.")],
    key: Annotated[Path, typer.Option(help="Your key file.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Show what a destruction request says, sign its digest, print the approval to hand to the requester."""
    try:
        command = Destroy.model_validate({**json.loads(request.read_text("utf-8")), "type": "destroy", "approvals": ()})
    except (OSError, ValueError, TypeError) as error:
        place = error.errors()[0]["loc"] if isinstance(error, ValidationError) else type(error).__name__
        raise DanganError("DG-OPS-035", field=str(request), detail=str(place)) from None
    show_request(Console(stderr=True), command, requester)
    typer.echo(sign_approval(command, requester, read_key_file(key, passphrase_file), now=int(time.time())))


def show_request(console: Console, command: Destroy, requester: str) -> None:
    """Show all that an approval covers: every record by its id, the ground, the reason, who asks, the digest.

    The request comes from somebody else: what it says is shown as text, never as markup or terminal commands.
    """
    records = Column("record to be destroyed", overflow="fold")  # never cut short: two ids may begin alike
    table = Table("no.", records, title=f"Destruction of {len(command.records)} records")
    for number, record in enumerate(command.records, 1):
        table.add_row(str(number), plain(record))
    console.print(table)
    for name, value in (
        ("ground", command.ground),
        ("reason", command.reason),
        ("requested by", requester),
        ("command", command.id),
        ("digest", digest_of(command, requester)),
    ):
        console.print(plain(f"{name}: {value}"), soft_wrap=True)


def sign_approval(command: Destroy, requester: str, approver: PrincipalKeys, *, now: int) -> str:
    """The approval of a request: a compact JWS (schemas/approvals.py)."""
    approval = Approval(
        action="approve-destroy", digest=digest_of(command, requester), approver=approver.principal, at=now
    )
    header = {"alg": "Ed25519", "kid": approver.signing.kid, "typ": TYP_APPROVAL}
    signer = OKPKey.import_key(approver.signing.private)
    return jws.serialize_compact(header, approval.model_dump_json(), signer, algorithms=["Ed25519"])


def show_catalogue(
    policies: Annotated[Path | None, typer.Option(help="Folder with catalogue.toml and cedar/.")] = None,
) -> None:
    """Show the fields and the purposes that need them."""
    catalogue = load_rules(policies).catalogue
    fields = Table("field", "category", "level", "kind", "mask", "indexed", *catalogue.purposes)
    for name, spec in catalogue.fields.items():
        needed = ["x" if name in purpose.fields else "" for purpose in catalogue.purposes.values()]
        indexed = "yes" if spec.index else ""
        fields.add_row(name, spec.category, spec.level, spec.kind, spec.mask, indexed, *needed)
    Console().print(fields)
