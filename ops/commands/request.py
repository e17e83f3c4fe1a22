"""How every command sends a request: sealed, and signed with a principal's key file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from keys.principal_keys import PrincipalKeys
from ops.commands.keys import read_key_file
from ops.provision import trust_file
from schemas.answered import refusal_of
from schemas.errors import DanganError
from schemas.replies import Result
from schemas.settings import Settings
from schemas.trust import load_trust
from streams.kafka import kafka_of
from streams.publisher import Publisher
from streams.receipts import Receipt

T = TypeVar("T")

Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]
As = Annotated[Path, typer.Option("--as", help="Your key file.")]
Trusted = Annotated[Path | None, typer.Option("--trust", help="The trust file; HOME/trust.json by default.")]


def ask(
    settings: Settings,
    key: Path,
    passphrase_file: Path | None,
    trust: Path | None,
    hand_over: Callable[[Publisher], Awaitable[Receipt]],
) -> Result:
    """Send one command and wait for its answer; a refusal is raised with the archive's code."""

    async def once(archive: Publisher) -> Result:
        return await (await hand_over(archive))

    result = with_archive(settings, read_key_file(key, passphrase_file), trust, once)
    if result.status == "refused":
        raise refusal_of(result)
    return result


def with_archive(
    settings: Settings, keys: PrincipalKeys, trust: Path | None, work: Callable[[Publisher], Awaitable[T]]
) -> T:
    """Run ``work`` with a publisher in the name of the keys' principal: each command leaves at once, by itself."""
    try:
        trusted = load_trust((trust or trust_file(settings)).read_bytes())
    except OSError as error:
        raise DanganError("DG-CER-005", detail=type(error).__name__) from None

    kafka = kafka_of(settings)

    async def run() -> T:
        async with Publisher(
            kafka.servers,
            kafka=kafka.security,
            principal=keys.principal,
            signing_key=keys.signing,
            receiving_key=keys.receiving,
            trust=trusted,
            bundle_commands=1,
            linger=0.0,
            instance=keys.instance,
        ) as archive:
            return await work(archive)

    return asyncio.run(run())
