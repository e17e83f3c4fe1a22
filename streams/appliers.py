"""Which consumer applies which type of command: the one place where they are put together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from consumers.attachments import Attacher
from consumers.by_type import Applier, ByType
from consumers.collect import Collector
from consumers.collection_approvals import KnownApprovals
from consumers.consents import ConsentGate
from consumers.decide_proposal import Decider
from consumers.destruction.destroyer import Destroyer, kept_from
from consumers.destruction.keeping import Keeping, standing_needs
from consumers.directory import Directory
from consumers.incidents.desk import IncidentDesk
from consumers.incidents.frozen import Frozen
from consumers.incidents.integrity import Integrity
from consumers.incidents.opening import Alert, Opener
from consumers.incidents.suspending import Suspended
from consumers.intake import IntakeDesk
from consumers.merge import Merger
from consumers.notify import Told
from consumers.propose import Proposer
from consumers.reading.access import Reader
from consumers.reading.attachment_reads import AttachmentReader, FieldsOrParts
from consumers.reading.browse import Browser
from consumers.reading.grants import NamedGrants
from consumers.reading.history import NowOrPast, PastReader
from consumers.reading.limits import Limited
from consumers.reading.marks import Marked
from consumers.reading.purposes import Purposes
from consumers.reading.search import Searcher
from consumers.reading.shelf import Shelf
from consumers.rules import Rules
from consumers.sealing.desk import SealDesk
from consumers.sharing.desk import SharingDesk, Stores
from consumers.update import Updater
from consumers.use.attested import Attested
from consumers.use.desk import Announce, UseDesk
from consumers.withdraw import Withdrawer
from keys.forget import Forgetter
from keys.index import BlindIndex
from keys.ring import KeyRing
from keys.seal import Sealer
from keys.vault import Transit
from schemas.archive_code import CodeTemplate
from schemas.incidents import INCIDENTS, TYP_INCIDENT
from schemas.principals import PublicKey
from schemas.wire import FAMILIES, FAMILY_OF, Family
from store.agreements import Agreements
from store.applications import Applications
from store.attachments import Attachments
from store.codes import Codes
from store.collection_approvals import CollectionApprovals
from store.consents import Consents
from store.database import Database
from store.freezes import Freezes
from store.holds import Holds
from store.identities import Identities
from store.incidents import IncidentWords
from store.ingest_keys import IngestKeys
from store.intakes import Intakes
from store.ledger import Ledger
from store.merges import Merges
from store.notices import Notices
from store.pages import Pages
from store.principals import Grants
from store.proposals import Proposals
from store.read_counts import ReadCounts
from store.reads import Reads
from store.records import Records
from store.registers import Register, record_entries
from store.requests import Requests
from store.retention import Expiries
from store.revisions import Revisions
from store.seals import Seals
from store.shares import Shares
from store.ties import matter_records
from store.use_returns import Returns
from streams.compact import seal
from streams.packages import PackageSealer
from streams.writer import WriterIdentity


@dataclass(frozen=True, slots=True)
class Parts:
    """What consumers are made of."""

    database: Database
    transit: Transit
    pages: Pages
    ingest_keys: IngestKeys
    directory: Directory
    ring: KeyRing
    rules: Rules
    announce: Announce | None = None
    alert: Alert | None = None
    identity: Callable[[], WriterIdentity] | None = None


def appliers(parts: Parts) -> dict[Family, Applier]:
    """What applies each family's commands, those of several types each in its order."""
    frozen = Frozen(Freezes(parts.database))
    by_type = _by_type(replace(parts, rules=replace(parts.rules, frozen=frozen)))
    return {
        family: ByType({kind: by_type[kind] for kind, of in FAMILY_OF.items() if of == family and kind in by_type})
        for family in FAMILIES
    }


def _by_type(parts: Parts) -> Mapping[str, Applier]:
    database, rules, ring = parts.database, parts.rules, parts.ring
    consents = Consents(database)
    records, holds, ledger = Records(database), Holds(database), Ledger(database)
    index, attachments = BlindIndex(parts.transit), Attachments(database)
    register, freezes = Register(database, INCIDENTS.name), Freezes(database)
    ties = record_entries(database, INCIDENTS.name)
    opener = Opener(register, ties, freezes, parts.directory, rules.book.incident, parts.alert)
    incidents = IncidentDesk(
        opener, register, freezes, IncidentWords(database), parts.directory, rules, sealed_description
    )

    def watched(applier: Applier) -> Applier:
        return Integrity(applier, opener, records.get, freeze=rules.book.incident.freeze_on_integrity)

    proposals, told = Proposals(database), Told(Notices(database))
    codes = Codes(database, CodeTemplate(rules.book.arrange.code_template))
    intake = IntakeDesk(Intakes(database), codes.of, parts.directory, rules)
    approvals = KnownApprovals(CollectionApprovals(database), parts.directory, rules.authorizer)
    merges = Merges(database)
    attested = Attested(parts.transit, demanded=not rules.book.use.direct_grants)  # unsigned grants: of trials
    use = UseDesk(
        Applications(database),
        Grants(database),
        Returns(database),
        records,
        parts.directory,
        rules,
        attested,
        parts.announce,
    )
    merger = Merger(merges, records, holds, ledger, ring, parts.directory, rules)
    forgetter = Forgetter(
        parts.transit,
        parts.pages,
        records,
        ledger,
        parts.ingest_keys.live_kids,
        held=kept_from(holds, merges, time.time, partial(standing_needs, database)),
    )
    seals = SealDesk(
        Seals(database),
        Sealer(parts.transit, parts.pages, records, Seals(database)),
        records,
        holds,
        merges,
        ledger,
        Keeping(database, rules),
        Expiries(database),
        parts.directory,
        rules,
    )
    return {
        "collect": Collector(
            records,
            Identities(database, records),
            ring,
            index,
            rules,
            ConsentGate(consents, rules),
            approvals,
            matter_records(database),
        ),
        "withdraw": Withdrawer(consents, rules),
        "update": watched(Updater(records, ring, index, rules, told, approvals)),
        "propose": Proposer(records, proposals, Revisions(database), ring, rules),
        "decide": watched(Decider(records, proposals, ring, index, rules, parts.directory, told)),
        "attach": Attacher(records, attachments, ring, rules, approvals),
        **_reading(parts, records, attachments, proposals, index, attested, watched),
        "apply": use,
        "endorse": use,
        "give_back": use,
        "review": intake,
        "hand_over": intake,
        "confirm": intake,
        "destroy": Destroyer(
            records, holds, ledger, forgetter, parts.directory, rules, merges, Keeping(database, rules)
        ),
        "seal": seals,
        "unseal": seals,
        "merge": merger,
        "unmerge": merger,
        **_sharing(parts, attested),
        "report": incidents,
        "contain": incidents,
    }


def _sharing(parts: Parts, attested: Attested) -> dict[str, Applier]:
    """What shares; nothing where no process signs packages."""
    if parts.identity is None:
        return {}
    database, rules = parts.database, parts.rules
    consents, reads = Consents(database), Reads(database)
    desk = SharingDesk(
        Stores(Shares(database), Agreements(database), consents, reads),
        Shelf(reads, Purposes(consents, rules.book.reading), parts.ring, rules),
        parts.directory,
        rules,
        parts.transit,
        PackageSealer(parts.identity),
        attested,
    )
    kinds = ("share", "endorse_share", "deliver", "acknowledge", "recall_share", "confirm_deletion")
    return dict.fromkeys(kinds, desk)


def _reading(
    parts: Parts,
    records: Records,
    attachments: Attachments,
    proposals: Proposals,
    index: BlindIndex,
    attested: Attested,
    watched: Callable[[Applier], Applier],
) -> dict[str, Applier]:
    """What answers with values: within the reader's limits, nothing that is frozen, each answer with its watermark."""
    database, rules, ring = parts.database, parts.rules, parts.ring
    reads, requests = Reads(database), Requests(database)
    grants = NamedGrants(Grants(database), rules.book.use, attested)
    purposes = Purposes(Consents(database), rules.book.reading)
    shelf = Shelf(reads, purposes, ring, rules)
    one = NowOrPast(
        FieldsOrParts(
            Reader(reads, grants, requests, shelf, rules),
            AttachmentReader(records, attachments, grants, requests, purposes, ring, rules),
        ),
        PastReader(records, proposals, grants, requests, purposes, ring, rules),
    )
    many = Browser(reads, grants, requests, shelf, rules, parts.transit)
    search = Searcher(reads, grants, requests, index, purposes, rules)
    counts = ReadCounts(database)
    by_type: dict[str, Applier] = {"access": one, "browse": many, "search": search}

    def answering(applier: Applier) -> Applier:
        marked = Marked(watched(applier), parts.transit)
        return Limited(Suspended(marked, rules.frozen, rules), counts, rules)

    return {kind: answering(applier) for kind, applier in by_type.items()}


def sealed_description(text: bytes, key: PublicKey) -> bytes:
    """What a reporter wrote, sealed to one of those who answer for the incident: a compact JWE (RFC 7516)."""
    return seal(text, typ=TYP_INCIDENT, kid=key.kid, x=key.x)
