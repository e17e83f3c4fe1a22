"""A long audit trail for measuring, made by the code that makes the real one: events, chain, signed checkpoints."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keys.okp import SigningKey
from schemas.audit import Fact, event_id, ocsf
from schemas.trust import Trust, TrustedKey
from streams.audit.chain import Chain
from streams.audit.checkpoint import sign_checkpoint, to_value
from streams.writer import new_writer

_FIRST_MS: Final = 1_795_000_000_000
#: Events to a checkpoint: what a busy worker writes at once.
_BATCH: Final = 250


class _Issuer:
    """Certifies the writer as Vault's transit engine does."""

    def __init__(self) -> None:
        self.key = SigningKey.generate()

    async def sign(self, key: str, data: bytes) -> bytes:  # noqa: ARG002 - the engine's signature
        return self.key.private.sign(data)

    async def public_key(self, key: str) -> bytes:  # noqa: ARG002 - the engine's signature
        return self.key.x


@dataclass(frozen=True, slots=True)
class Trail:
    """An export and the trust file that verifies it; ``sample`` is the id of an event in its middle,
    ``last_checkpoint`` the value of the checkpoint over all."""

    file: Path
    trust: Path
    events: int
    sample: str
    last_checkpoint: bytes


async def write_trail(folder: Path, events: int) -> Trail:
    """Write one writer's export of that many events, the same at every run but for keys and signatures."""
    issuer = _Issuer()
    writer = await new_writer(issuer, "bench", _FIRST_MS / 1000)
    trust = folder / "audit-trust.json"
    keys = (TrustedKey.model_construct(kid=issuer.key.kid, x=issuer.key.x),)
    trust.write_text(Trust(writers=keys).dump(), "utf-8")
    file, chain, sample, note = folder / "audit.ndjson", Chain(writer.id), "", b""
    with file.open("wb") as out:
        for at, fact in enumerate(_facts(writer.id, events)):
            uid = event_id(fact)
            out.write(chain.add(ocsf(fact, uid, None if at else writer.cert), fact.at_ms) + b"\n")
            if at == events // 2:
                sample = uid
            if chain.size % _BATCH == 0 or chain.size == events:
                note = to_value(sign_checkpoint(writer, chain.size, chain.root(), chain.head))
                out.write(note + b"\n")
    return Trail(file, trust, events, sample, note)


def _facts(writer: str, count: int) -> Iterator[Fact]:
    """Reads, every twentieth refused, as a service desk's day leaves them."""
    yield Fact(f"{writer}.0", "start", True, None, writer, _FIRST_MS)
    chance = random.Random(12)
    for at in range(1, count):
        yield Fact(
            str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            "access",
            at % 20 != 0,
            None if at % 20 else "DG-ACC-001",
            f"desk-{at % 40}",
            _FIRST_MS + at,
            record=f"rec-{chance.randrange(100_000)}",
            fields=("name", "mobile", "address"),
            purpose="service",
            grant=f"grant-{at % 90}",
            bundle=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            version=1,
            topic="archive.access",
            partition=at % 4,
            offset=at,
        )
