"""Consents and their withdrawal (撤回同意): what each stands for, and the records that rest on it.

One document a consent, found by subject and reference. The first collect under it says for which purpose and which text
it was given; a withdrawal is written into it once and never taken out. Whoever withdraws writes here first and marks
the records then; whoever collects inserts the record first and looks here then: one of the two always sees the other.
Until it has looked, the record is ``checking``, and nobody can read it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass

from pymongo.errors import BulkWriteError, DuplicateKeyError

from schemas.errors import Transient
from store.database import Database, Document, in_parts, taken
from store.ties import consent_records


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """That a consent was withdrawn: when, as the customer said (RFC 3339), and by which command."""

    withdrawn_at: str
    command: str
    sender: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Consented:
    """A consent: its purpose, the digest of its text and who used it first; all None if it was only withdrawn.

    ``third_parties`` are the recipients outside that it allows (SHR-05), as whoever used it first said of its text.
    """

    subject: str
    reference: str
    purpose: str | None = None
    text_sha256: str | None = None
    sender: str | None = None
    withdrawal: Withdrawal | None = None
    third_parties: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What the document is found by; references hold no space."""
        return key_of(self.subject, self.reference)


def key_of(subject: str, reference: str) -> str:
    """A consent's key: references are unique for a subject only."""
    return f"{subject} {reference}"


async def ensure_indexes(database: Database) -> None:
    """Create the index by customer; repeatable."""
    await database["consents"].create_index([("subject", 1)], name="subject")


class Consents:
    """The ``consents`` collection, and the marks that it leaves on records."""

    def __init__(self, database: Database) -> None:
        self._consents = database["consents"]
        self._records = database["records"]
        self._under = consent_records(database)

    async def claim(self, consents: Sequence[Consented], records: Sequence[tuple[str, str]]) -> dict[str, Consented]:
        """Note consents at their first use, and what is about to be collected under them; what stands already stays.

        Args:
            consents: each once.
            records: (a consent's key, a record that will be inserted if the consent holds).

        Returns:
            For every consent given, by key, what stands now.
        """
        if not consents:
            return {}
        await self._under.tie(records)
        standing = {each.key: each for each in consents}
        try:
            await self._consents.insert_many([_document(each) for each in standing.values()], ordered=False)
        except BulkWriteError as error:
            keys = list(standing)
            known = {keys[at] for at in taken(error)}
            found = await self.get(known)
            if found.keys() != known:  # what took the key is not majority-committed yet
                raise Transient("DG-STO-001", detail="a consent is not readable yet") from error
            standing |= found
        return standing

    async def get(self, keys: Collection[str]) -> dict[str, Consented]:
        """The consents that are known among the keys."""
        found: dict[str, Consented] = {}
        for part in in_parts(keys):
            async for doc in self._consents.find({"_id": {"$in": part}}):
                found[doc["_id"]] = _consented(doc)
        return found

    async def purposes(self, subjects: Collection[str]) -> dict[str, set[str]]:
        """What customers consented to and have not withdrawn (clause USE-09): subject -> purposes."""
        found: dict[str, set[str]] = {}
        for part in in_parts(subjects):
            query = {"subject": {"$in": part}, "withdrawal": {"$exists": False}}
            async for doc in self._consents.find(query, {"subject": 1, "purpose": 1}):
                found.setdefault(doc["subject"], set()).add(doc["purpose"])
        return found

    async def agreed(self, subjects: Collection[str], *, purpose: str, recipient: str) -> set[str]:
        """Which customers let somebody outside have their information for a purpose, until now (SHR-05)."""
        found: set[str] = set()
        given = {"purpose": purpose, "third_parties": recipient, "withdrawal": {"$exists": False}}
        for part in in_parts(subjects):
            async for doc in self._consents.find({"subject": {"$in": part}, **given}, {"subject": 1}):
                found.add(doc["subject"])
        return found

    async def withdraw(self, subject: str, reference: str, withdrawal: Withdrawal) -> Withdrawal:
        """Note that a consent is withdrawn, whether it was used yet or not; return the withdrawal that stands."""
        key, told = key_of(subject, reference), _told(withdrawal)
        while True:
            query = {"_id": key, "withdrawal": {"$exists": False}}
            if (await self._consents.update_one(query, {"$set": {"withdrawal": told}})).matched_count:
                return withdrawal
            standing = (await self.get([key])).get(key)
            if standing is not None and standing.withdrawal is not None:
                return standing.withdrawal
            try:
                await self._consents.insert_one(
                    {"_id": key, "subject": subject, "reference": reference, "withdrawal": told}
                )
            except DuplicateKeyError:  # it is being used for the first time, just now
                continue
            return withdrawal

    async def withdrawn(self) -> AsyncIterator[Consented]:
        """Every consent that was withdrawn."""
        async for doc in self._consents.find({"withdrawal": {"$exists": True}}):
            yield _consented(doc)

    async def users(self, subject: str, reference: str) -> set[str]:
        """Who collected live records under a consent: principal ids."""
        return {doc["sender"] async for doc in self._records_under(subject, reference, {}, {"sender": 1})}

    async def block(self, subject: str, reference: str) -> list[str]:
        """Mark the live records that rest on a consent alone: nothing reads them any more. Repeatable, never undone.

        Returns:
            Their ids, those included that were marked before.
        """
        alone = {"consent.only": True}
        found = [doc["_id"] async for doc in self._records_under(subject, reference, alone, {"_id": 1})]
        for part in in_parts(found):
            await self._records.update_many(
                {"_id": {"$in": part}, "state": "live"}, {"$set": {"consent_state": "withdrawn"}}
            )
        return found

    async def tie_again(self, records: Collection[str]) -> dict[str, tuple[str, str]]:
        """Tie live records to the consent that they rest on alone: a backup copies ties before records, and may lack
        those of the newest.

        Returns:
            record -> (subject, reference); only records that rest on a consent alone.
        """
        found: dict[str, tuple[str, str]] = {}
        for part in in_parts(records):
            query = {"_id": {"$in": part}, "state": "live", "consent.only": True}
            async for doc in self._records.find(query, {"subject": 1, "consent.reference": 1}):
                found[doc["_id"]] = (doc["subject"], doc["consent"]["reference"])
        await self._under.tie((key_of(*consent), record) for record, consent in found.items())
        return found

    async def block_again(self) -> int:
        """Mark whatever rests on a withdrawn consent: records that come from a backup are older than their marks.

        Returns:
            How many records are marked.
        """
        return sum([len(await self.block(each.subject, each.reference)) async for each in self.withdrawn()])

    async def checked(self, records: Collection[str]) -> None:
        """Let those be read that were found not to be withdrawn, and have not been since."""
        for part in in_parts(records):
            await self._records.update_many(
                {"_id": {"$in": part}, "consent_state": "checking"}, {"$unset": {"consent_state": ""}}
            )

    async def blocked(self) -> AsyncIterator[tuple[str, str, str]]:
        """Every record that waits for its destruction: its id, its subject, its consent's reference."""
        async for each in self.withdrawn():
            waiting = {"consent_state": "withdrawn"}
            async for doc in self._records_under(each.subject, each.reference, waiting, {"_id": 1}):
                yield doc["_id"], each.subject, each.reference

    async def _records_under(
        self, subject: str, reference: str, condition: Document, wanted: Document
    ) -> AsyncIterator[Document]:
        """The live records under a consent that meet a condition."""
        query = {"consent.reference": reference, "subject": subject, "state": "live", **condition}
        for part in in_parts(await self._under.of(key_of(subject, reference))):
            async for doc in self._records.find({"_id": {"$in": part}, **query}, wanted):
                yield doc


def _document(consent: Consented) -> Document:
    outside = {"third_parties": list(consent.third_parties)} if consent.third_parties else {}
    return {
        **outside,
        "_id": consent.key,
        "subject": consent.subject,
        "reference": consent.reference,
        "purpose": consent.purpose,
        "text": consent.text_sha256,
        "sender": consent.sender,
    }


def _told(withdrawal: Withdrawal) -> Document:
    return {
        "at": withdrawal.withdrawn_at,
        "command": withdrawal.command,
        "sender": withdrawal.sender,
        "at_ms": withdrawal.at_ms,
    }


def _consented(doc: Document) -> Consented:
    told = doc.get("withdrawal")
    return Consented(
        doc["subject"],
        doc["reference"],
        doc.get("purpose"),
        doc.get("text"),
        doc.get("sender"),
        Withdrawal(told["at"], told["command"], told["sender"], told["at_ms"]) if told else None,
        tuple(doc.get("third_parties", ())),
    )
