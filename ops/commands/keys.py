"""``dangan keys``: make, show, rotate and revoke the key file of a person or system."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from keys.principal_keys import PrincipalKeys, dump_keys, is_sealed, load_keys
from ops.people.instance import instance_of
from ops.private_files import read_by_others, write_private
from schemas.errors import DanganError

PassphraseFile = Annotated[
    Path | None, typer.Option(help="File whose first line is the passphrase; readable to its owner only.")
]


def register(app: typer.Typer) -> None:
    """Add ``dangan keys`` with its subcommands to the command line."""
    keys = typer.Typer(help="Key files of people and systems.", no_args_is_help=True)
    keys.command("new")(new)
    keys.command("show")(show)
    keys.command("rotate")(rotate)
    keys.command("revoke")(revoke)
    app.add_typer(keys, name="keys")


def new(
    principal: Annotated[str, typer.Option(help="Opaque id of the person or system, for instance sys:crm.")],
    out: Annotated[Path, typer.Option(help="The key file to write (mode 0600); must not exist yet.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make a signing and a receiving key; print the public part, which is to be registered."""
    if out.exists():
        raise DanganError("DG-WIR-022", field="out", detail="the file exists already")
    keys = PrincipalKeys.generate(principal)
    write_private(out, dump_keys(keys, read_passphrase(passphrase_file)))
    _print(keys)
    if passphrase_file is None:
        Console(stderr=True).print("The key file is not sealed by a passphrase: whoever reads it can sign.")


def show(
    file: Annotated[Path, typer.Argument(help="The key file.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Check a key file and print its public part."""
    _print(read_key_file(file, passphrase_file))


def rotate(
    file: Annotated[Path, typer.Argument(help="The key file as it is registered.")],
    out: Annotated[Path, typer.Option(help="The new key file to write (mode 0600); must not exist yet.")],
    request: Annotated[Path, typer.Option(help="The request to write, for dangan admin principal rotate.")],
    overlap_days: Annotated[
        int, typer.Option(min=0, max=31, help="For how many days the old keys hold beside the new ones.")
    ] = 7,
    days: Annotated[int, typer.Option(min=1, max=3650, help="For how many days the new keys hold.")] = 365,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make a new key, and a request for its registration that the old key signs.

    The receiving key stays while both hold, so that both files can read the archive's answers; with --overlap-days 0 it
    is new as well. An administrator registers it with dangan admin principal rotate. If the old key was stolen, revoke
    it instead and apply for a registration: a thief could sign such a request too.
    """
    from ops.people import rotation  # noqa: PLC0415 - showing a key needs neither Kafka nor database

    old = read_key_file(file, passphrase_file)
    for path in (out, request):
        if path.exists():
            raise DanganError("DG-WIR-022", field=str(path), detail="the file exists already")
    fresh = rotation.successor(old, overlap_days=overlap_days)
    token = rotation.request(old, fresh, now=int(time.time()), overlap_days=overlap_days, days=days)
    write_private(out, dump_keys(fresh, read_passphrase(passphrase_file)))
    write_private(request, token + "\n", mode=0o644)
    _print(fresh)


def revoke(
    file: Annotated[Path, typer.Argument(help="The key file whose keys are to count no more.")],
    passphrase_file: PassphraseFile = None,
    home: Annotated[Path | None, typer.Option(help="Folder of this installation.")] = None,
) -> None:
    """Revoke your own keys, for instance after a theft: they count no more within 5 seconds everywhere.

    An administrator can do it for you: dangan admin principal revoke, or deactivate for all keys.
    """
    from ops.people.own_keys import revoke_own  # noqa: PLC0415 - showing a key needs neither Kafka nor database

    keys = read_key_file(file, passphrase_file)
    count = revoke_own(home, keys)
    Console(stderr=True).print(f"{count} keys revoked" if count else "they were revoked before")


def read_key_file(file: Path, passphrase_file: Path | None) -> PrincipalKeys:
    """The keys of a file; asks for the passphrase where one is needed and no file names it.

    Raises:
        DanganError: DG-WIR-022.
    """
    try:
        if read_by_others(file):
            raise DanganError("DG-WIR-022", field=str(file), detail="others may read it: chmod 600")
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DanganError("DG-WIR-022", field=str(file), detail=type(error).__name__) from None
    passphrase = read_passphrase(passphrase_file)
    if passphrase is None and is_sealed(text):
        passphrase = typer.prompt("Passphrase", hide_input=True, err=True).encode()
    keys = load_keys(text, passphrase)
    return replace(keys, instance=instance_of(file, keys.signing.kid))


def read_passphrase(file: Path | None) -> bytes | None:
    """The first line of the passphrase file, or None if none is named.

    Raises:
        DanganError: DG-WIR-022 when it cannot be read or is empty.
    """
    if file is None:
        return None
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise DanganError("DG-WIR-022", field=str(file), detail=type(error).__name__) from None
    if not lines or not lines[0]:
        raise DanganError("DG-WIR-022", field=str(file), detail="the passphrase is empty")
    return lines[0]


def _print(keys: PrincipalKeys) -> None:
    typer.echo(json.dumps(keys.public(), indent=1))
