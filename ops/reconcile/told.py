"""What our audit stream says was done with keys, kept by the second: memory grows with time, not with events.

The time of an event here is when its writer chained it (``chain.at``): just after the deed, by the writer's own clock.
``time`` is when Kafka took the command, which may have waited long.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from typing import Any, Final

import orjson

from schemas.collection_approval import ATTACHMENT
from streams.audit.chain import read_link
from streams.audit.checkpoint import VALUE_PREFIX

#: What a command may unwrap page keys for; a collection makes new keys and opens none.
_OPENING: Final = frozenset(
    {
        "access", "query", "update", "propose", "correction", "merge", "unmerge", "destroy", "seal", "unseal",
        "intake", "approve",
    }
)  # fmt: skip
#: What cannot be answered without a key; a search compares tokens, and may find nothing.
_READING: Final = frozenset({"access", "unseal"})
#: What a worker may have signed an application, a share or a grant for.
_SIGNING: Final = frozenset({"use", "grant", "share"})
_RUNS: Final = frozenset({"sweep", "backup", "restore", "unseal"})
#: A run that did not end counts as open for so long, milliseconds: longer than any takes.
LONGEST_RUN_MS: Final = 24 * 3_600_000


class Told:
    """Feed it values of the audit topic in any order.

    Attributes:
        opened: second -> how many events tell of keys that may have been unwrapped.
        signed: the same of what the archive may have signed.
        commands: seconds in which any command was told of.
        reads: second -> the id of an event of an allowed read.
        runs: begin and end (UNIX milliseconds) of each sweep, backup, restore and unsealing.
        events: how many events were told.
    """

    def __init__(self) -> None:
        self.opened: dict[int, int] = {}
        self.signed: dict[int, int] = {}
        self.commands: set[int] = set()
        self.reads: dict[int, str] = {}
        self.events = 0
        self._begun: dict[str, list[int]] = {}
        self._ended: dict[str, list[int]] = {}

    def feed(self, values: Iterable[bytes]) -> None:
        """Take values; what is no event is passed over: ``dangan audit verify`` is for that."""
        for value in values:
            link = None if value.startswith(VALUE_PREFIX) else read_link(value)
            if link is None:
                continue
            try:
                event = orjson.loads(value)
                self._note(event, event["unmapped"]["dangan"], link.at, link.writer)
            except (ValueError, KeyError, TypeError):
                continue

    def _note(self, event: dict[str, Any], own: dict[str, Any], at_ms: int, writer: str) -> None:
        self.events += 1
        action, verb, second = own["action"], own.get("verb"), at_ms // 1000
        if action in _RUNS and verb in ("begin", "finish", "fail"):
            insort(self._begun.setdefault(writer, []) if verb == "begin" else self._ended.setdefault(writer, []), at_ms)
        if "uid" not in event["src_endpoint"]:
            return  # an operator's deed: no command
        self.commands.add(second)
        if action in _OPENING or (action == "collect" and _is_attachment(own)):
            self.opened[second] = self.opened.get(second, 0) + 1
        if action in _SIGNING:
            self.signed[second] = self.signed.get(second, 0) + 1
        if action in _READING and event["status_id"] == 1 and own.get("fields") and own.get("record"):
            self.reads.setdefault(second, str(event["metadata"]["uid"]))

    @property
    def runs(self) -> list[tuple[int, int]]:
        """Every run, by its beginning. A process (a writer) does one thing at a time."""
        found = []
        for writer, begun in self._begun.items():
            ended = self._ended.get(writer, [])
            for at in begun:
                end = next((one for one in ended if one >= at), at + LONGEST_RUN_MS)
                found.append((at, min(end, at + LONGEST_RUN_MS)))
        return sorted(found)


def _is_attachment(own: dict[str, Any]) -> bool:
    """Whether it tells of a scan: its parts are encrypted under the key that its record has already."""
    return any(name.startswith(ATTACHMENT) for name in own.get("fields", ()))
