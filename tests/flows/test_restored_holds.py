"""The database is lost, and only the audit stream knows the holds, extensions, recalls and entries since the backup."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import pytest

from ops.audit_replay import Told
from ops.restored_holds import HOLDER, REFERENCE, Deed
from schemas.digests import stored_digest
from schemas.principals import Grant
from schemas.registers import Entry, Step
from store.database import Database
from store.holds import Hold, Holds, hold_document
from store.principals import Grants
from store.registers import Register, entry_document
from store.retention import Extension, Extensions, Fact, RetentionFacts, extension_document
from tests.flows.test_backup import backed_up, restored, target
from tests.flows.test_destruction import Site, site

pytestmark = pytest.mark.flow

__all__ = ["site", "target"]


def grant(name: str) -> Grant:
    return Grant(name, "person:reader", frozenset({"rec-1"}), frozenset({"name"}), frozenset(), "service", 1, 2**40)


def need(name: str) -> Entry:
    return Entry(name, "need", "standing", {}, (Step("record", "person:law", 1, {}),))


@pytest.mark.clause("STO-06")
async def test_after_a_loss_what_was_held_is_held_what_was_recalled_stays_so_and_the_rest_is_listed(
    site: Site, target: Database, tmp_path: Path
) -> None:
    await site.collect(*(f"rec-{at}" for at in range(1, 8)))
    court = {name: Hold(name, "court", "case-1", None) for name in ("rec-1", "rec-2", "rec-3")}
    for hold in court.values():
        await Holds(site.database).put(hold)
    digest = {name: stored_digest(hold_document(hold)) for name, hold in court.items()}
    for name in ("grant-1", "grant-2", "grant-3"):
        await Grants(site.database).put(grant(name))
    old = need("need-old")
    for entry in (old, need("need-later")):
        await Register(site.database, "needs").put(entry)
    kept = Extension("rec-6", date(2040, 1, 1), "r", (), (), "person:a", 1)
    await Extensions(site.database).put(kept)
    now = int(time.time())
    stated = [Fact(f"sub-{number}", "end_of_business", date(2020, 1, 1), "case", "person:a", now) for number in (1, 2)]
    await RetentionFacts(site.database).put(stated)
    folder = await backed_up(site, tmp_path / "backups")
    at, before = int(time.time() * 1000) + 5, 1_700_000_000_000
    # The live database is what mongorestore made of the same backup.
    deeds = {
        ("hold", "rec-1"): Deed("place", before, digest["rec-1"]),  # as it stands
        ("hold", "rec-2"): Deed("replace", at, "a" * 64),
        ("hold", "rec-3"): Deed("lift", at, digest["rec-3"]),
        ("hold", "rec-4"): Deed("place", at, "b" * 64),
        ("hold", "rec-7"): Deed("place", at, "b" * 64),  # and destroyed after it was lifted
        ("recall", "grant-1"): Deed("recall", at),
        ("return", "grant-2"): Deed("give_back", at),
        ("grant", "grant-3"): Deed("give", before, "c" * 64),
        ("grant", "grant-4"): Deed("give", at, "c" * 64),
        ("retention.extend", "rec-5"): Deed("retention.extend", at, "d" * 64),
        ("retention.extend", "rec-6"): Deed("retention.extend", at, stored_digest(extension_document(kept))),
        ("needs", "need-old"): Deed("needs.record", at, stored_digest(entry_document(old))),
        ("needs", "need-new"): Deed("needs.record", at, "e" * 64),
        ("needs", "need-later"): Deed("needs.lift", at, "f" * 64),
        ("media", "medium-1"): Deed("media.lend", before, "f" * 64),
        ("retention", ""): Deed("retention.run", at),
        ("retention.retract", "sub-1 end_of_business"): Deed("retention.retract.end_of_business", at),
        ("retention.retract", "sub-2 end_of_business"): Deed("retention.retract.end_of_business", before),
    }
    told = Told(destroyed=frozenset({"rec-7"}), deeds=deeds)
    report = await restored(site, folder, target, told)
    assert await Holds(target).all() == [
        court["rec-1"],
        *(Hold(name, HOLDER, REFERENCE, None) for name in ("rec-2", "rec-4", "rec-5")),
    ]
    assert report.lost.held == ["rec-2", "rec-4", "rec-5"]
    assert report.lost.missing == ["grant grant-4", "needs.record need-new", "retention.extend rec-5"]
    assert report.lost.unsure == ["needs.lift need-later", "retention.run"]
    # What was taken back since is taken back again; what was stated since stands.
    assert await RetentionFacts(target).all() == {"sub-2": {"end_of_business": date(2020, 1, 1)}}
    grants = await Grants(target).get(["grant-1", "grant-2", "grant-3"])
    assert (grants["grant-1"].recalled_at, grants["grant-2"].returned_at) == (at // 1000, at // 1000)
    assert (grants["grant-3"].recalled_at, grants["grant-3"].returned_at) == (None, None)


async def test_with_the_live_database_at_hand_nothing_is_held_or_listed_anew(
    site: Site, target: Database, tmp_path: Path
) -> None:
    await site.collect("rec-1", "rec-2")
    folder = await backed_up(site, tmp_path / "backups")
    hold, entry = Hold("rec-1", "court", "case-1", 2**40), need("need-1")
    await Holds(site.database).put(hold)
    await Register(site.database, "needs").put(entry)
    await Grants(site.database).put(grant("grant-1"))
    at = int(time.time() * 1000) + 5
    deeds = {
        ("hold", "rec-1"): Deed("place", at, stored_digest(hold_document(hold))),
        ("hold", "rec-2"): Deed("lift", at, "a" * 64),
        ("needs", "need-1"): Deed("needs.record", at, stored_digest(entry_document(entry))),
        ("grant", "grant-1"): Deed("give", at, "b" * 64),
    }
    report = await restored(site, folder, target, Told(deeds=deeds))
    assert (report.lost.held, report.lost.missing, report.lost.unsure) == ([], [], [])
    assert await Holds(target).all() == [hold]
