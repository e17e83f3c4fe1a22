"""What a reporter wrote, sealed to each of those who answer for the incident: the archive itself cannot open it."""

from __future__ import annotations

from collections.abc import Mapping

from store.database import Database


class IncidentWords:
    """The collection ``incident_words``: incident -> principal -> compact JWE."""

    def __init__(self, database: Database) -> None:
        self._words = database["incident_words"]

    async def put(self, incident: str, sealed: Mapping[str, bytes]) -> None:
        """Keep the first words of an incident; repeatable."""
        doc = {"sealed": [{"to": to, "jwe": jwe} for to, jwe in sorted(sealed.items())]}
        await self._words.update_one({"_id": incident}, {"$setOnInsert": doc}, upsert=True)

    async def get(self, incident: str, principal: str) -> bytes | None:
        """What is sealed to that principal."""
        doc = await self._words.find_one({"_id": incident})
        sealed = {each["to"]: bytes(each["jwe"]) for each in doc["sealed"]} if doc else {}
        return sealed.get(principal)
