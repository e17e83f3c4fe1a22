"""A small office that shares: the real desk on stores in memory, with the same conditions on every write as in MongoDB.

The shelf is simulated: which fields are opened, and how, is shown in tests/flows/test_sharing.py on the real one.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from consumers.reading.shelf import Asked, Found
from consumers.received import Outcome
from consumers.rules import Rules
from consumers.sharing.desk import SharingDesk, Stores
from consumers.use.attested import Attested
from keys.okp import SigningKey, thumbprint
from keys.pages import Page
from keys.principal_keys import PrincipalKeys
from ops.commands.approve import sign_approval
from ops.rules import load_rules
from ops.sharing.receipts import receipt
from schemas.approvals import ApprovalAction
from schemas.levels import Level
from schemas.principals import Principal, PublicKey
from schemas.rulebook import RuleBook
from schemas.sharing import Acknowledge, ConfirmDeletion, Deliver, EndorseShare, RecallShare, Share
from schemas.trust import Trust, TrustedKey
from store.agreements import Agreement
from store.record import Record
from store.shares import Shared
from streams.packages import PackageSealer
from streams.writer import LIFETIME, WriterIdentity, renewed
from tests.consumers.samples import NOW, principal, received
from tests.simulators.using import moment, record

STRICT = load_rules()
PARTNER = "org:partner"
ROLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "per:applicant": ("retail", ("client_manager",)),
    "per:archivist": ("archive", ("archivist",)),
    "per:manager": ("retail", ("client_manager",)),
    "per:director": ("board", ("director",)),
    "per:both": ("board", ("client_manager", "director")),
    "per:legal": ("legal", ()),
    "per:carrier": ("archive", ("carrier", "archivist")),
    "per:reader": ("analysis", ("reader",)),
    PARTNER: ("outside", ("recipient",)),
    "org:other": ("outside", ("recipient",)),
    "sys:analysis": ("analysis", ("reader",)),
    "sys:retail": ("retail", ("reader",)),
}


def rules_with(**tables: Any) -> Rules:
    """The strictest rules, with changes."""
    return replace(STRICT, book=RuleBook.from_mappings(*({table: values} for table, values in tables.items())))


class Staff:
    """Registered people and recipients with their keys. Implements :class:`consumers.approvals.Registered`."""

    def __init__(self) -> None:
        self.keys = {name: PrincipalKeys.generate(name) for name in ROLES}
        self.people: dict[str, Principal] = {}
        for name, (department, roles) in ROLES.items():
            keys = self.keys[name]
            until = NOW + 90_000_000
            who = principal(name, *roles, kind="person" if name.startswith("per") else "system", department=department)
            self.people[name] = replace(
                who,
                signing_keys=(PublicKey(keys.signing.kid, keys.signing.x, NOW - 9000, until),),
                receiving_keys=(PublicKey(keys.receiving.kid, keys.receiving.x, NOW - 9000, until),),
            )

    def principal(self, principal: str) -> Principal | None:
        return self.people.get(principal)

    def signer(self, kid: str) -> tuple[str, PublicKey] | None:
        return next(((who.id, key) for who in self.people.values() if (key := who.signing_key(kid))), None)

    def change(self, name: str, **changes: Any) -> None:
        """Register somebody anew."""
        self.people[name] = replace(self.people[name], **changes)

    def change_key(self, name: str, **changes: Any) -> None:
        """Change somebody's signing key."""
        self.change(name, signing_keys=(replace(self.people[name].signing_keys[0], **changes),))


class SimulatedStores:
    """Shares, agreements, consents, records and what they hold."""

    def __init__(self) -> None:
        self.shares: dict[str, Shared] = {}
        self.agreements: dict[str, Agreement] = {}
        self.consents: set[tuple[str, str, str]] = set()
        self.records: dict[str, Record] = {}
        self.values: dict[str, dict[str, object]] = {}
        self.asked: list[Asked] = []
        self.lost_swaps = 0

    async def add(self, share: Shared, /) -> bool:
        return self.shares.setdefault(share.id, share) is share

    async def get(self, name: str, /) -> Any:
        return self.shares.get(name) or self.agreements.get(name)

    async def swap(self, seen: Shared, changed: Shared, /) -> bool:
        if self.lost_swaps > 0:
            self.lost_swaps -= 1
            return False
        if self.shares[seen.id].version != seen.version:
            return False
        self.shares[seen.id] = replace(changed, version=seen.version + 1)
        return True

    async def agreed(self, subjects: Collection[str], /, *, purpose: str, recipient: str) -> set[str]:
        return {subject for subject in subjects if (subject, purpose, recipient) in self.consents}

    async def fetch(
        self, ids: Collection[str], _levels: Collection[Level], /
    ) -> tuple[dict[str, Record], dict[str, Page]]:
        return {name: self.records[name] for name in ids if name in self.records}, {}

    async def open(self, asked: Sequence[Asked], _pages: Mapping[str, Page]) -> list[Found]:
        self.asked += asked
        found = []
        for each in asked:
            values = {name: self.values[each.record.id][name] for name in each.lease.fields}
            found.append(Found(dict.fromkeys(values, each.record), values, each.lease.fields))
        return found


class SimulatedTransit:
    """Signs as the archive, and makes keyed digests."""

    def __init__(self) -> None:
        self.key = SigningKey.generate()

    async def sign(self, _key: str, data: bytes) -> bytes:
        return self.key.sign(data)

    async def public_key(self, _key: str) -> bytes:
        return self.key.x

    async def hmac(self, key: str, values: Sequence[bytes], *, version: int) -> list[bytes]:
        return [hmac.digest(f"{key} {version}".encode(), value, hashlib.sha256) for value in values]


class Office:
    """Applies, signs, delivers, recalls; ``time`` is UNIX seconds."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules, self.staff, self.stores, self.time = rules or STRICT, Staff(), SimulatedStores(), NOW
        self.transit = SimulatedTransit()
        self.attested = Attested(self.transit, demanded=True)
        self.writer: WriterIdentity | None = None
        for number in range(1, 13):
            self.keep(f"rec-{number:04d}", city="Suzhou" if number < 9 else "Wuxi")
        self.agree()
        stores = cast("Any", self.stores)
        self.desk = SharingDesk(
            Stores(stores, stores, stores, stores),
            stores,
            self.staff,
            self.rules,
            cast("Any", self.transit),
            PackageSealer(self._identity),
            self.attested,
        )

    def _identity(self) -> WriterIdentity:
        assert self.writer is not None
        return self.writer

    @property
    def trust(self) -> Trust:
        """What a recipient pins."""
        key = TrustedKey(kid=thumbprint("Ed25519", self.transit.key.x), x=self.transit.key.x)
        return Trust(certificates=(), announcements=(), writers=(key,))

    def keep(self, record_id: str, **values: object) -> None:
        """Keep a record whose customer has consented to the partner."""
        subject = f"sub-{record_id}"
        self.stores.records[record_id] = replace(record(record_id), subject=subject)
        default = {"name": f"无名{record_id}", "phone": "13800138000", "gender": "other", "occupation": "baker"}
        self.stores.values[record_id] = {**default, "city": "Suzhou", **values}
        self.stores.consents.add((subject, "account_service", PARTNER))

    def agree(self, **changes: Any) -> None:
        """Sign the agreement that applications name."""
        made = Agreement(
            "nda-1", PARTNER, frozenset({"*"}), frozenset({"account_service"}), ("delete at the end",), NOW - 9000,
            NOW + 9_000_000, "aes-256",
        )  # fmt: skip
        self.stores.agreements["nda-1"] = replace(made, **changes)

    def application(self, **changes: Any) -> Share:
        """A complete application for a share outside for ten days."""
        members: dict[str, Any] = {
            "id": str(uuid.uuid4()), "type": "share", "kind": "external", "recipient": PARTNER,
            "records": ["rec-0001", "rec-0002"], "fields": ["name", "city"], "purpose": "account_service",
            "basis": "contract", "reason": "the partner posts statements", "agreement": "nda-1",
            "until": moment(self.time + 864_000), "channel": "kafka_reply",
        }  # fmt: skip
        return Share.model_validate(members | changes)

    async def send(self, command: Any, sender: str, *, offset: int = 7) -> Outcome:
        """One command, as if it had just been opened."""
        if self.writer is None:
            blank = WriterIdentity("worker-1.x", SigningKey.generate(), "", NOW + LIFETIME)
            self.writer = await renewed(self.transit, blank, self.time)
        who = self.staff.people[sender]
        (outcome,) = await self.desk.apply([received(command, who, offset=offset, at_ms=self.time * 1000)], self.time)
        return outcome

    async def apply(self, sender: str = "per:applicant", **changes: Any) -> tuple[str, str | None]:
        """Apply; the share's id and the code of a refusal."""
        command = self.application(**changes)
        return command.id, (await self.send(command, sender)).result.code

    def token(self, share: str, who: str, action: ApprovalAction = "approve-share") -> str:
        """A signature under a share."""
        kept = self.stores.shares[share]
        request = Share.model_validate(kept.request)
        return sign_approval(request, kept.applicant, self.staff.keys[who], now=self.time, action=action)

    async def endorse(
        self, share: str, who: str, action: ApprovalAction = "approve-share", reason: str = "it is needed"
    ) -> str | None:
        """Sign and send on; the code of a refusal."""
        return await self.endorse_with(share, self.token(share, who, action), reason=reason)

    async def endorse_with(self, share: str, *tokens: str, reason: str | None = "it is needed") -> str | None:
        """Send signatures on; the code of a refusal."""
        members = {"id": str(uuid.uuid4()), "type": "endorse_share", "share": share, "reason": reason}
        command = EndorseShare.model_validate({**members, "approvals": tokens})
        return (await self.send(command, "per:applicant")).result.code

    async def approved(self, **changes: Any) -> str:
        """A share that all have signed; its id."""
        share, code = await self.apply(**changes)
        assert code is None, code
        for who in self.stores.shares[share].posts:
            assert await self.endorse(share, _SIGNER[who]) is None
        return share

    async def deliver(self, share: str, sender: str = "per:archivist", **changes: Any) -> Outcome:
        """Have the package made."""
        members = {"id": str(uuid.uuid4()), "type": "deliver", "share": share}
        return await self.send(Deliver.model_validate(members | changes), sender)

    def statement(self, share: str, package: str, says: Any = "received", by: str = PARTNER) -> str:
        """What the recipient signs."""
        return receipt(self.staff.keys[by], share=share, package=package.encode(), says=says, at=self.time)

    async def acknowledge(self, share: str, token: str) -> str | None:
        """Send a receipt on; the code of a refusal."""
        members = {"id": str(uuid.uuid4()), "type": "acknowledge", "share": share, "statement": token}
        return (await self.send(Acknowledge.model_validate(members), "per:archivist")).result.code

    async def recall(self, share: str, sender: str = "per:applicant") -> str | None:
        """Recall; the code of a refusal."""
        members = {"id": str(uuid.uuid4()), "type": "recall_share", "share": share, "reason": "no longer needed"}
        return (await self.send(RecallShare.model_validate(members), sender)).result.code

    async def confirm(self, share: str, token: str) -> str | None:
        """Send a statement of deletion on; the code of a refusal."""
        members = {"id": str(uuid.uuid4()), "type": "confirm_deletion", "share": share, "statement": token}
        return (await self.send(ConfirmDeletion.model_validate(members), "per:archivist")).result.code


_SIGNER = {"archivist": "per:archivist", "client_manager": "per:manager", "director": "per:director"}
