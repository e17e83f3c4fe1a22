"""Audit records made for tests: chains of one or more writers, and what certifies them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from keys.okp import SigningKey
from schemas.audit import Fact, event_id, ocsf
from schemas.trust import Trust, TrustedKey
from streams.audit.chain import Chain
from streams.audit.checkpoint import Checkpoint, sign_checkpoint, to_value
from streams.audit.findings import Report
from streams.audit.verify import Verifier
from streams.writer import WriterIdentity, new_writer

NOW = 1_795_000_000


class Archive:
    """Signs writers' certificates as Vault's transit engine does."""

    def __init__(self) -> None:
        self.key = SigningKey.generate()
        self.trust = Trust(writers=(TrustedKey.model_construct(kid=self.key.kid, x=self.key.x),))

    async def sign(self, key: str, data: bytes) -> bytes:
        return self.key.private.sign(data)

    async def public_key(self, key: str) -> bytes:
        return self.key.x

    async def new_writer(self, name: str = "worker-1") -> WriterIdentity:
        return await new_writer(self, name, NOW)

    def writer(self, name: str = "worker-1") -> WriterIdentity:
        return asyncio.run(self.new_writer(name))


@dataclass
class Written:
    """What a writer has published: the values in order, and its checkpoints by size."""

    writer: WriterIdentity
    values: list[bytes] = field(default_factory=list)
    checkpoints: dict[int, Checkpoint] = field(default_factory=dict)


def write(writer: WriterIdentity, batches: list[list[Fact]]) -> Written:
    """Chain the batches as the publisher does."""
    chain = Chain(writer.id)
    written = Written(writer)
    start = Fact(f"{writer.id}.{writer.expires_at}", "start", True, None, writer.id, NOW * 1000)
    events = [ocsf(start, event_id(start), writer.cert)]
    for batch in batches:
        events += [ocsf(fact, event_id(fact)) for fact in batch]
        written.values += [chain.add(event, NOW * 1000) for event in events]
        checkpoint = sign_checkpoint(writer, chain.size, chain.root(), chain.head)
        written.checkpoints[chain.size] = checkpoint
        written.values.append(to_value(checkpoint))
        events = []
    return written


def some_facts(count: int, first: int = 0) -> list[Fact]:
    """Distinct facts."""
    return [
        Fact(f"cmd-{first + at}", "access", True, None, "reader-1", NOW * 1000, record=f"rec-{first + at}")
        for at in range(count)
    ]


def verified(trust: Trust, values: list[bytes], kept: list[Checkpoint] | None = None) -> Report:
    """What the verifier says of the values, numbered from 0."""
    verifier = Verifier(trust, kept or [])
    for number, value in enumerate(values):
        verifier.feed(value, "p0", number)
    return verifier.finish()
