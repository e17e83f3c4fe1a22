"""Opens the bundles of a batch: keys looked up, seals and signatures checked, commands parsed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from consumers.directory import Directory
from consumers.received import Received
from schemas.errors import UnreadableMessage
from schemas.wire import Family, WireLimits
from streams.bundle import parse_bundle
from streams.envelope import OpenedBundle, open_bundle
from streams.pipeline import Message, Opened, Unread


class IngestKeys(Protocol):
    """The private ingest keys (keys/ingest.py)."""

    async def refresh(self) -> None:
        """Load keys that were made or destroyed since; cheap when it was called a moment ago."""

    def private(self, kid: str) -> X25519PrivateKey | None:
        """The key, or None when it is unknown or destroyed."""


class BundleOpener:
    """Implements :class:`streams.pipeline.Opener`.

    Args:
        directory: who is who.
        ingest: the private ingest keys.
        limits: sizes and times.
        clock: UNIX seconds.
    """

    def __init__(
        self,
        directory: Directory,
        ingest: IngestKeys,
        limits: WireLimits,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._ingest = ingest
        self._limits = limits
        self._clock = clock

    async def open(self, messages: Sequence[Message], family: Family) -> list[Opened | Unread]:
        """For each message its commands, or why it cannot be read.

        Raises:
            Transient: keys or registrations cannot be read now.
        """
        await self._directory.refresh()
        await self._ingest.refresh()
        results = [self._open(message, family) for message in messages]
        late = [at for at, result in enumerate(results) if _may_be_new(result)]
        if late:  # a key may have been registered, or rotated, a moment ago
            await self._directory.refresh(anew=True)
            await self._ingest.refresh()
            for at in late:
                results[at] = self._open(messages[at], family)
        return results

    def _open(self, message: Message, family: Family) -> Opened | Unread:
        try:
            bundle = open_bundle(
                message.value,
                headers=message.headers,
                family=family,
                ingest_private=self._ingest.private,
                sender_key=self._directory.signer,
                now=message.at_ms / 1000,
                read_at=self._clock(),
                limits=self._limits,
            )
        except UnreadableMessage as error:
            return Unread(message, error)
        sender = self._directory.principal(bundle.sender)
        if sender is None:
            return Unread(message, UnreadableMessage("DG-WIR-007"))
        try:
            commands = parse_bundle(bundle.payload, family).commands
        except UnreadableMessage as error:
            return Unread(message, error, sender, bundle.bundle_id)
        received = tuple(_received(command, message, bundle, sender, at) for at, command in enumerate(commands))
        return Opened(message, sender, received, bundle.bundle_id)


def _received(command: Any, message: Message, bundle: OpenedBundle, sender: Any, at: int) -> Received[Any]:
    return Received(
        command=command,
        sender=sender,
        bundle=bundle.bundle_id,
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        ingest_key=bundle.kid_ingest,
        at_ms=message.at_ms,
        at=at,
        instance=bundle.instance,
    )


def _may_be_new(result: Opened | Unread) -> bool:
    return isinstance(result, Unread) and result.error.code in ("DG-WIR-004", "DG-WIR-007")
