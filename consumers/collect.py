"""Collection (收集): decide what of a bundle becomes a record, then encrypt and store it.

Order (crash anywhere, and a redelivery finishes it): key pages -> records -> audit -> reply -> acknowledge.
A record's ``_id`` is the fence: a destroyed record's tombstone stands there, and a redelivered collect finds
its own command id there. A customer who has an archive gets no second one (唯一性, ARR-13): what comes is kept as its
duplicate (store/identities.py).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType

import orjson

from consumers import arrange, forms, intake_rules, lawfulness
from consumers.about import SECRET_GRADES
from consumers.collection_approvals import KnownApprovals
from consumers.consents import ConsentGate, rests_on_consent
from consumers.identity import first_stage, identity_of
from consumers.received import Outcome, Received, fact, refused
from consumers.rules import Rules
from keys.cipher import FieldCipher, RandomBuffer
from keys.index import BlindIndex
from keys.ring import KeyRing, SlotKey
from schemas.collection_approval import Approved
from schemas.commands import Collect
from schemas.errors import Refusal
from schemas.levels import Level, highest
from schemas.replies import Result
from schemas.values import NOT_VALID, looks_personal, not_valid
from store.identities import Identities
from store.record import Occupied, Record, Stage
from store.records import Records
from store.ties import Ties


@dataclass(slots=True)  # not frozen: that costs each command 1 us
class Draft:
    """A collect that the rules allow: values in normal form, by level, not yet encrypted."""

    received: Received[Collect]
    values: Mapping[Level, Mapping[str, bytes]]
    indexed: Mapping[str, str]
    cohort: str
    level: Level
    stage: Stage
    rests_on_consent: bool = False


def decide(
    received: Received[Collect], rules: Rules, approvals: Mapping[str, Approved] = MappingProxyType({})
) -> Draft:
    """Check one collect command against the catalogue, the policies and the rule book.

    Args:
        received: the command.
        rules: what the organisation set.
        approvals: the verified approvals of core-sensitive collection, by reference (clause COL-13).

    Raises:
        Refusal: DG-CMD-004, DG-RET-001, or one of DG-COL-001, 002, 005, 006, 007, of
            consumers/lawfulness.py, consumers/arrange.py or consumers/intake_rules.py.
    """
    command, catalogue = received.command, rules.catalogue
    consent = command.consent.reference if command.consent else ""
    if looks_personal(command.record) or looks_personal(command.subject) or looks_personal(consent):
        raise Refusal("DG-COL-007")
    purpose = catalogue.purpose(command.purpose)
    values: dict[Level, dict[str, bytes]] = {}
    indexed: dict[str, str] = {}
    steps, dumps = rules.steps[command.purpose], orjson.dumps
    for name, value in command.fields.items():
        step = steps.get(name)
        if step is None:
            catalogue.needed_field(name, command.purpose)  # raises: it says why not
            continue
        spec, normal_of, of_level, is_indexed = step
        try:
            normal = normal_of(spec, value)
        except NOT_VALID as error:
            raise not_valid(name, spec) from error
        if of_level in values:
            values[of_level][name] = dumps(normal)
        else:
            values[of_level] = {name: dumps(normal)}
        if is_indexed:
            indexed[name] = str(normal)
    if command.purpose in rules.classless:
        raise Refusal("DG-RET-001", detail=purpose.retention_class)
    level = highest(set(values))
    if not rules.authorizer.allows(received.sender, "collect", level, command.purpose):
        raise Refusal("DG-CMD-004")
    lawfulness.check(received, level, rules, approvals)
    received = forms.with_item(received, rules)
    command = received.command
    arrange.check(command.intake, rules.book)
    intake_rules.check_collection(command, catalogue, rules.book, received.at_ms)
    rests = command.consent is not None and rests_on_consent(command, rules)
    of_cohort = cohort(purpose.retention_class, received.at_ms)
    if command.intake is not None and command.intake.grade in SECRET_GRADES:
        of_cohort = f"{command.intake.grade}/{of_cohort}"  # key pages of their own (STO-04)
    return Draft(received, values, indexed, of_cohort, level, first_stage(rules.book), rests)


def cohort(retention_class: str, at_ms: int) -> str:
    """The retention cohort: records of one class and quarter tend to fall due together."""
    return f"{retention_class}/{_quarter(at_ms // 86_400_000)}"


@lru_cache(maxsize=8)
def _quarter(day: int) -> str:
    date = datetime.fromtimestamp(86_400 * day, UTC)
    return f"{date.year}Q{(date.month + 2) // 3}"


def settle(draft: Draft, occupied: Occupied | None, of: str | None = None) -> Outcome:
    """What became of a draft whose insert found its id free (None) or taken; ``of``: kept as that one's duplicate."""
    received, command = draft.received, draft.received.command
    if occupied is None or _is_redelivery(received, occupied):
        return _stored(received, tuple(command.fields), draft.level, occupied.of if occupied else of)
    if occupied.live and occupied.command == command.id and occupied.sender == received.sender.id:
        event = fact(received, "collect", record=command.record, code="DG-CMD-002")
        return Outcome(Result(id=command.id, status="duplicate", code="DG-CMD-002", version=occupied.version), (event,))
    return refuse(received, Refusal("DG-COL-003" if occupied.live else "DG-COL-004"))


def _stored(
    received: Received[Collect], fields: tuple[str, ...], level: Level | None, of: str | None = None
) -> Outcome:
    command, code = received.command, "DG-MRG-001" if of else None
    event = fact(
        received,
        "collect",
        record=command.record,
        code=code,
        subject=command.subject,
        purpose=command.purpose,
        fields=fields,
        level=level,
        version=1,
    )
    return Outcome(Result(id=command.id, status="accepted", code=code, version=1, of=of), (event,))


def refuse(received: Received[Collect], refusal: Refusal) -> Outcome:
    """The outcome of a collect that a rule forbids."""
    command = received.command
    event = fact(received, "collect", record=command.record, allowed=False, code=refusal.code)
    return Outcome(refused(received, refusal), (event,))


def _is_redelivery(received: Received[Collect], occupied: Occupied) -> bool:
    same_command = occupied.command == received.command.id and occupied.sender == received.sender.id
    return occupied.live and same_command and occupied.at_ms == received.at_ms


class Collector:
    """Applies batches of collect commands."""

    def __init__(
        self,
        records: Records,
        identities: Identities,
        ring: KeyRing,
        index: BlindIndex,
        rules: Rules,
        consents: ConsentGate,
        approvals: KnownApprovals,
        matters: Ties,
    ) -> None:
        self._records = records
        self._identities = identities
        self._ring = ring
        self._index = index
        self._rules = rules
        self._consents = consents
        self._approvals = approvals
        self._matters = matters
        self._random = RandomBuffer()

    async def apply(self, batch: Sequence[Received[Collect]], now: float) -> list[Outcome]:
        """Store what the rules allow; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        outcomes: dict[int, Outcome] = {}
        drafts: dict[int, Draft] = {}
        again: dict[int, Draft] = {}
        first: dict[str, Received[Collect]] = {}
        decided, doubted = self._decided(batch, await self._known_approvals(batch, now))
        under = {at: received for at, received in enumerate(batch) if received.command.consent is not None}
        if under:
            doubted |= await self._consents.refusals({at: batch[at] for at in under if at in decided})
        for at, draft in decided.items():
            if at not in doubted:
                earlier = first.setdefault(draft.received.command.record, draft.received)
                (drafts if earlier is draft.received else again)[at] = draft
        if doubted:
            standing = await self._records.occupied({batch[at].command.record for at in doubted})
            for at, doubt in doubted.items():
                outcomes[at] = self._doubted(batch[at], doubt, standing.get(batch[at].command.record))
        await self._file(drafts.values())
        records = await self._encrypted(list(drafts.values()))
        occupied, duplicates = await self._identities.insert(records)
        for at, draft in drafts.items():
            record = draft.received.command.record
            outcomes[at] = settle(draft, occupied.get(record), duplicates.get(record))
        for at, draft in again.items():
            record = draft.received.command.record
            earlier_one = occupied.get(record) or _as_occupied(first[record], duplicates.get(record))
            outcomes[at] = settle(draft, earlier_one)
        if under:
            stored = {at: received for at, received in under.items() if outcomes[at].result.status != "refused"}
            for at in await self._consents.withdrawn(stored):
                outcomes[at] = refuse(batch[at], Refusal("DG-CON-001", field="consent.reference"))
        return [outcomes[at] for at in range(len(batch))]

    async def _file(self, drafts: Iterable[Draft]) -> None:
        """Put key steps into the files of their matters (clause COL-16), before they are stored."""
        steps = [
            (intake.matter, draft.received.command.record)
            for draft in drafts
            if (intake := draft.received.command.intake) is not None and intake.matter is not None
        ]
        if steps:
            await self._matters.tie(steps)

    def _decided(
        self, batch: Sequence[Received[Collect]], approvals: Mapping[str, Approved]
    ) -> tuple[dict[int, Draft], dict[int, Refusal]]:
        decided: dict[int, Draft] = {}
        doubted: dict[int, Refusal] = {}
        for at, received in enumerate(batch):
            try:
                decided[at] = decide(received, self._rules, approvals)
            except Refusal as refusal:
                doubted[at] = refusal
        return decided, doubted

    async def _known_approvals(self, batch: Sequence[Received[Collect]], now: float) -> Mapping[str, Approved]:
        """The approvals that the commands name, where the rule book wants any (clause COL-13)."""
        if not self._rules.book.collection.core_approval_required:
            return {}
        named = {received.command.intake.approval for received in batch if received.command.intake is not None}
        return await self._approvals.known({name for name in named if name is not None}, now)

    def _doubted(self, received: Received[Collect], refusal: Refusal, standing: Occupied | None) -> Outcome:
        """What a rule forbids now may have been stored before a crash, when it did not: then that stands.

        Not so what rests on a consent that is withdrawn: it is blocked, wherever the crash was.
        """
        gone = refusal.code == "DG-CON-001" and rests_on_consent(received.command, self._rules)
        if gone or standing is None or not _is_redelivery(received, standing):
            return refuse(received, refusal)
        known = tuple(name for name in received.command.fields if name in self._rules.catalogue.fields)
        return _stored(received, known, None, standing.of)

    async def _encrypted(self, drafts: Sequence[Draft]) -> list[Record]:
        keys, tokens = await asyncio.gather(self._allocate(drafts), self._tokens(drafts))
        made = [_encrypt(d, k, t, self._random) for d, k, t in zip(drafts, keys, tokens, strict=True)]
        if self._rules.book.identity.unique:
            made = [replace(record, identity=identity_of(record, record.tokens, self._rules)) for record in made]
        return made

    async def _allocate(self, drafts: Sequence[Draft]) -> list[Mapping[Level, SlotKey]]:
        by_cohort: dict[str, list[int]] = defaultdict(list)
        for at, draft in enumerate(drafts):
            by_cohort[draft.cohort].append(at)
        allocated: dict[int, Mapping[Level, SlotKey]] = {}
        for name, places in by_cohort.items():
            needs = [(drafts[at].received.command.record, drafts[at].values.keys()) for at in places]
            allocated.update(zip(places, await self._ring.allocate(name, needs), strict=True))
        return [allocated[at] for at in range(len(drafts))]

    async def _tokens(self, drafts: Sequence[Draft]) -> list[dict[str, bytes]]:
        values: dict[str, list[str]] = defaultdict(list)
        for draft in drafts:
            for name, value in draft.indexed.items():
                values[name].append(value)
        made = {name: iter(tokens) for name, tokens in (await self._index.tokens(values)).items()}
        return [{name: next(made[name]) for name in draft.indexed} for draft in drafts]


def _encrypt(draft: Draft, keys: Mapping[Level, SlotKey], tokens: Mapping[str, bytes], random: RandomBuffer) -> Record:
    received, command = draft.received, draft.received.command
    fields: dict[str, bytes] = {}
    for level, values in draft.values.items():
        cipher = FieldCipher(keys[level].dek, command.record, level, random=random)
        fields |= cipher.seal_all(1, values)
    return Record(
        id=command.record,
        subject=command.subject,
        version=1,
        level=draft.level,
        cohort=draft.cohort,
        purpose=command.purpose,
        legal_basis=command.legal_basis,
        fields=fields,
        keys={level: key.ref for level, key in keys.items()},
        command=command.id,
        sender=received.sender.id,
        ingest_keys=(received.ingest_key,),
        at_ms=received.at_ms,
        tokens=tokens,
        consent={**command.consent.model_dump(), "only": draft.rests_on_consent} if command.consent else None,
        consent_state="checking" if draft.rests_on_consent else None,
        stage=draft.stage,
        intake=command.intake.model_dump(exclude_none=True) if command.intake else None,
    )


def _as_occupied(earlier: Received[Collect], of: str | None) -> Occupied:
    # The same record twice in one batch: the second meets what the first has just stored.
    return Occupied(True, earlier.command.id, earlier.sender.id, 1, earlier.at_ms, of)
