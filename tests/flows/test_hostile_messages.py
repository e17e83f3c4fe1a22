"""Messages made to stop the archive: by bytes that a broker takes and a parser does not, by size, by number."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas import wire
from streams.odd_records import tolerate_odd_records
from tests.harness.aftermath import drain, messages_of, records_of
from tests.harness.office import Office
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
