"""Messages made to stop the archive: by bytes that a broker takes and a parser does not, by size, by number."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from keys.principal_keys import PrincipalKeys
from ops.audited import desk
from ops.ingest_keys import announce_again
from ops.registry import deactivate, register
from schemas import wire
from schemas.levels import Level
from store.ingest_keys import IngestKeys
from streams.announce import read_announcement
from streams.odd_records import tolerate_odd_records
from tests.harness.aftermath import audit_events, by_command, drain, messages_of, records_of, telling_of
from tests.harness.office import Office, public
from tests.harness.smuggler import Parcel, RawName, smuggler
from tests.harness.workers import Worker

pytestmark = pytest.mark.flow


async def _codes(office: Office) -> dict[str, str]:
    """Place -> code of every dead letter."""
    letters = [dict(letter.headers) for letter in await messages_of(office.settings, wire.TOPIC_DEAD_LETTERS)]
    return {headers["dg_place"].decode(): headers["dg_code"].decode() for headers in letters}


async def test_a_header_name_that_is_not_utf8_stops_nobody(office: Office, worker: Worker) -> None:
    tolerate_odd_records()
    by = await smuggler(office.settings, office.crm)
    odd = (RawName(b"\xff\xfe\xc3("), b"1")
    good, after = by.parcel(record="odd-name-1"), by.parcel(record="odd-name-2")
    good = replace(good, headers=[odd, *good.headers])
    junk = Parcel("collect", b"junk", [odd])
    pid = worker.pid
    places = await by.send([good, junk, after])
    await drain(office.settings)
    assert worker.pid == pid, worker.tail()
    assert set(await records_of(office.settings, [good.record, after.record])) == {good.record, after.record}
    codes = await _codes(office)
    assert [codes.get(place) for place in places] == [None, "DG-WIR-001", None]


async def test_a_sender_cannot_choose_the_time_that_it_is_judged_by(office: Office, worker: Worker) -> None:
    """A key that was stolen and revoked, in a message that says it is from before."""
    stolen = PrincipalKeys.generate(f"sys:robbed-{uuid.uuid4().hex[:6]}")
    now = int(time.time())
    async with desk(office.settings) as at:
        await register(
            at,
            public(stolen),
            roles=("collector",),
            department="retail",
            clearance=Level.CORE,
            person=False,
            now=now - 7200,
        )
        await deactivate(at, stolen.principal, now=now - 60)
    by = await smuggler(office.settings, stolen)
    (backdated,) = await by.send([by.parcel(age=3600, record="backdated-1")], at_ms=(now - 3600) * 1000)
    aged = await smuggler(office.settings, office.crm)
    (future,) = await aged.send([aged.parcel(age=-86_400, record="backdated-2")], at_ms=(now + 86_400) * 1000)
    await drain(office.settings)
    codes = await _codes(office)
    assert (codes[backdated], codes[future]) == ("DG-WIR-009", "DG-WIR-013")
    assert await records_of(office.settings, ["backdated-1", "backdated-2"]) == {}


async def test_the_broker_measures_what_a_sender_compressed(office: Office, worker: Worker) -> None:
    """Eight kilobytes on the line that are eight megabytes in a worker's memory never get there."""
    bomb = AIOKafkaProducer(
        bootstrap_servers=office.settings.kafka_bootstrap,
        acks="all",
        compression_type="gzip",
        max_request_size=16 << 20,
        max_batch_size=16 << 20,
    )
    async with bomb:
        with pytest.raises(MessageSizeTooLargeError):
            await bomb.send_and_wait("archive.collect", bytes(8 << 20), key=b"k", partition=0)
        place = await bomb.send_and_wait("archive.collect", bytes(1 << 20), key=b"k", partition=0)
    await drain(office.settings)
    letter = next(
        letter
        for letter in await messages_of(office.settings, wire.TOPIC_DEAD_LETTERS)
        if dict(letter.headers)["dg_place"] == f"archive.collect/0/{place.offset}".encode()
    )
    assert (letter.value, dict(letter.headers)["dg_size"]) == (b"", b"1048576")


async def test_a_flood_of_junk_fills_the_dead_letters_and_not_the_audit_stream(office: Office, worker: Worker) -> None:
    by = await smuggler(office.settings, office.crm)
    before = len(await audit_events(office.settings))
    places = await by.send([Parcel("collect", b"junk", [])] * 300)
    await drain(office.settings)
    codes = await _codes(office)
    assert {codes[place] for place in places} == {"DG-WIR-001"}
    events = await audit_events(office.settings)
    told = [telling_of(by_command(events), place, "DG-WIR-001") for place in places]
    assert all(told)
    assert len(events) - before < 300


async def test_announcements_that_were_overwritten_come_back(office: Office, worker: Worker) -> None:
    async with desk(office.settings) as at:
        keys = IngestKeys(at.database)
        living = await keys.living()
        async with AIOKafkaProducer(bootstrap_servers=office.settings.kafka_bootstrap, acks="all") as vandal:
            for key in living:
                await vandal.send_and_wait(wire.TOPIC_KEYS, b"junk", key=key.kid.encode())
                await vandal.send_and_wait(wire.TOPIC_KEYS, None, key=key.kid.encode())
        assert not any((await _newest_words(office)).values())
        words = []
        for _ in range(2):
            again = await announce_again(office.settings, at.transit, keys)
            words.append(await _newest_words(office))
    assert {key.kid for key in again} == {key.kid for key in living}
    assert words[0] == words[1]  # however often: nothing new to whoever has heard it
    for key in living:
        heard = read_announcement(words[0][key.kid.encode()] or b"", trust=office.trust)
        assert heard is not None
        assert (heard.key.x, heard.state, heard.announced_at) == (key.public, key.state, key.created_at)


async def _newest_words(office: Office) -> dict[bytes, bytes | None]:
    """What compaction would leave of the announcements."""
    return {message.key: message.value for message in await messages_of(office.settings, wire.TOPIC_KEYS)}
