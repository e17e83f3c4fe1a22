"""``dangan share apply``, ``endorse``, ``deliver``, ``acknowledge``, ``recall``, ``confirm``: sent to the archive."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from ops.commands.keys import PassphraseFile
from ops.commands.request import As, Home, Trusted, ask
from ops.config import load_settings
from ops.printable import plain
from ops.sharing.receipts import keep_package, refuse_secret
from schemas.errors import DanganError
from schemas.replies import Result
from schemas.sharing import Sharing

Share = Annotated[str, typer.Argument(help="The share's id.")]
Statement = Annotated[Path, typer.Option(help="File with what dangan share receipt printed at the recipient's.")]
Again = Annotated[str | None, typer.Option("--id", help="To send the same command again: its id.")]


def register(group: typer.Typer) -> None:
    """Add the commands that are sent to the archive."""
    for name, command in (
        ("apply", apply),
        ("endorse", endorse),
        ("deliver", deliver),
        ("acknowledge", acknowledge),
        ("recall", recall),
        ("confirm", confirm),
    ):
        group.command(name, no_args_is_help=True)(command)


def apply(
    key: As,
    kind: Annotated[str | None, typer.Option(help="internal: another department; external: outside.")] = None,
    recipient: Annotated[str | None, typer.Option(help="Who gets it: a registered principal's id.")] = None,
    record: Annotated[list[str] | None, typer.Option(help="A record. Repeat it.")] = None,
    field: Annotated[list[str] | None, typer.Option(help="A field. Repeat it.")] = None,
    purpose: Annotated[str | None, typer.Option(help="What for: a purpose of the catalogue.")] = None,
    basis: Annotated[str | None, typer.Option(help="What makes it lawful.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why; without personal data.")] = None,
    form: Annotated[str, typer.Option(help="identified, pseudonymised or aggregate.")] = "identified",
    agreement: Annotated[str | None, typer.Option(help="The confidentiality agreement.")] = None,
    until: Annotated[str | None, typer.Option(help="When it ends, as 2027-01-31T18:00:00+08:00.")] = None,
    channel: Annotated[str | None, typer.Option(help="How it travels, of transfer.encrypted_channels.")] = None,
    opinion: Annotated[list[str] | None, typer.Option(help="A department to be asked. Repeat it.")] = None,
    carrier: Annotated[str | None, typer.Option(help="Who carries important records.")] = None,
    safeguard: Annotated[list[str] | None, typer.Option(help="How they are guarded. Repeat it.")] = None,
    command_id: Again = None,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Apply to share records with another department or outside; prints the share's id."""
    name = command_id or str(uuid.uuid4())
    members = {
        "kind": kind, "recipient": recipient, "records": record or [], "fields": field or [], "purpose": purpose,
        "basis": basis, "reason": reason, "form": form, "agreement": agreement, "until": until, "channel": channel,
        "ask": opinion or [], "carrier": carrier, "safeguards": safeguard or [],
    }  # fmt: skip
    _send("share", members, name, home, key, passphrase_file, trust)
    typer.echo(name)
    _told(f"next: dangan share show {name} --out FILE, for dangan approve FILE --action approve-share")


def endorse(
    share: Share,
    approval: Annotated[Path, typer.Option(help="File with what dangan approve printed.")],
    key: As,
    reason: Annotated[str | None, typer.Option(help="Of an opinion or a rejection; without personal data.")] = None,
    command_id: Again = None,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Send a signature under a share: an opinion, an approval or a rejection. Anybody registered may send it."""
    members = {"share": share, "reason": reason, "approvals": [_text(approval)]}
    _send("endorse_share", members, command_id, home, key, passphrase_file, trust)
    _told(f"{share}: the signature counts; next: dangan share show {share}")


def deliver(
    share: Share,
    out: Annotated[Path, typer.Option(help="Folder for the package, with nothing in it that opens anything.")],
    key: As,
    enclose: Annotated[list[Path] | None, typer.Option(help="A file that travels along. Repeat it.")] = None,
    command_id: Again = None,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Have the package made and write it: only the recipient opens it. It needs no password; none may lie beside it."""
    for file in (*(enclose or ()), *(sorted(out.iterdir()) if out.is_dir() else ())):
        refuse_secret(file)
    names = [_name(file) for file in enclose or ()]
    members = {"share": share, "enclosures": names}
    result = _send("deliver", members, command_id, home, key, passphrase_file, trust)
    values = result.values or {}
    path = keep_package(out, share, str(values["package"]))
    _told(f"wrote {path} for {values['recipient']} (SHA-256 {values['sha256']})")
    _told("next: its receipt, dangan share acknowledge")


def acknowledge(
    share: Share,
    statement: Statement,
    key: As,
    command_id: Again = None,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Send the recipient's receipt on. Anybody registered may."""
    members = {"share": share, "statement": _text(statement)}
    _send("acknowledge", members, command_id, home, key, passphrase_file, trust)
    _told(f"{share}: the recipient has the package")


def recall(
    share: Share,
    reason: Annotated[str, typer.Option(help="Why; without personal data.")],
    key: As,
    command_id: Again = None,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Recall a share: nothing is delivered any more, and the recipient has to confirm the deletion."""
    _send("recall_share", {"share": share, "reason": reason}, command_id, home, key, passphrase_file, trust)
    _told(f"{share} is recalled; next: the recipient's dangan share receipt --deleted, then dangan share confirm")


def confirm(
    share: Share,
    statement: Statement,
    key: As,
    command_id: Again = None,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Send the recipient's statement that nothing of the share is left: it is closed."""
    members = {"share": share, "statement": _text(statement)}
    _send("confirm_deletion", members, command_id, home, key, passphrase_file, trust)
    _told(f"{share} is closed")


_COMMANDS: TypeAdapter[Sharing] = TypeAdapter(Sharing)


def _send(
    kind: str,
    members: dict[str, Any],
    command_id: str | None,
    home: Path | None,
    key: Path,
    passphrase_file: Path | None,
    trust: Path | None,
) -> Result:
    name = command_id or str(uuid.uuid4())
    try:
        command = _COMMANDS.validate_python({**members, "id": name, "type": kind})
    except ValidationError as error:
        raise DanganError("DG-OPS-035", detail=str(error.errors()[0]["loc"][-1])) from None
    parts = command.model_dump(mode="json", exclude={"id", "type"})
    return ask(load_settings(home), key, passphrase_file, trust, lambda to: to.publish(command.type, parts, name))


def _text(file: Path) -> str:
    try:
        return file.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise DanganError("DG-OPS-035", field=str(file), detail=type(error).__name__) from None


def _name(file: Path) -> str:
    """A file's name as a command may say it: small letters, digits and hyphens."""
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in file.stem.lower()).strip("-")
    return f"x{kept}"[:48] if not kept[:1].isalpha() else kept[:48]


def _told(words: str) -> None:
    Console(stderr=True).print(plain(words), soft_wrap=True)
