"""While the audit topic takes nothing, no read is answered with values; when it does again, reads go on.

Only the audit topic is put out of order: it takes no message of more than 64 bytes, so that every write to it fails
and all else works. (Asking for two in-sync copies would change nothing here: the broker lowers that to the number of
copies there are.)
"""

from __future__ import annotations

import asyncio
import time

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from ops.embedded.stack import Stack
from schemas.topics import AUDIT, MAX_MESSAGE_BYTES
from tests.harness.aftermath import audit_events, by_command, chain_report, drain
from tests.harness.customers import customer
from tests.harness.office import PURPOSE, grant_id, open_office
from tests.harness.workers import Worker

pytestmark = pytest.mark.fault


@pytest.mark.clause("AUD-01")
async def test_without_a_durable_audit_event_no_value_is_released(own_stack: Stack) -> None:
    settings = own_stack.settings
    office = await open_office(settings)
    grant = grant_id(office.crm.principal)
    fields = {"city": customer(3)["city"], "name": customer(3)["name"]}
    phone = {"phone": customer(3)["phone"]}
    with Worker(own_stack.home, "auditless") as worker:
        await asyncio.to_thread(worker.wait_started)
        pid = worker.pid
        async with office.publisher(reply_timeout=60.0) as publisher, asyncio.timeout(150):
            sought = {"grant": grant, "purpose": PURPOSE, "field": "phone", "value": customer(3)["phone"]}
            ask = {"grant": grant, "purpose": PURPOSE, "fields": list(fields)}
            parts = {"subject": "subject-1", "purpose": PURPOSE, "legal_basis": "contract", "fields": fields | phone}
            await (await publisher.collect(record="quiet-1", **parts))
            assert (await (await publisher.access(record="quiet-1", **ask))).values == fields

            await asyncio.to_thread(_largest_message, settings.kafka_bootstrap, 64)
            unheard = [await publisher.access(record="quiet-1", **ask) for _ in range(5)]
            unheard.append(await publisher.publish("browse", ask))
            unheard.append(await publisher.publish("search", sought))
            written = await publisher.collect(record="quiet-2", **parts)
            results = [await receipt for receipt in unheard]
            assert [(r.status, r.code, r.values) for r in results] == [("refused", "DG-ACC-005", None)] * 7
            assert {r.watermark for r in results} == {None}
            assert not written.answer.done()  # nothing is answered before its event is durable: it waits

            await asyncio.to_thread(_largest_message, settings.kafka_bootstrap, MAX_MESSAGE_BYTES)
            assert (await written).status == "accepted"
            begun = time.monotonic()
            assert (await (await publisher.access(record="quiet-2", **ask))).values == fields
            assert time.monotonic() - begun < 20
            page = await (await publisher.publish("browse", ask))
            assert [each["values"] for each in (page.values or {})["rows"]] == [fields, fields]  # type: ignore[attr-defined]
            found = await (await publisher.publish("search", sought))
            assert found.values == {"records": ["quiet-1", "quiet-2"], "more": False}
            await drain(settings)
        assert worker.pid == pid, worker.tail()  # waited, not restarted
    events = by_command(await audit_events(settings))
    for receipt in unheard:
        withheld = [e for e in events[receipt.command_id].values() if e.get("status_code") == "DG-ACC-005"]
        assert {event["status"] for event in withheld} == {"Failure"}
    assert written.command_id in events
    assert (await chain_report(office)).findings == []


def _largest_message(bootstrap: str, size: int) -> None:
    entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    changed = admin.incremental_alter_configs(
        [ConfigResource(ResourceType.TOPIC, AUDIT, incremental_configs=[entry])], request_timeout=10
    )
    for future in changed.values():
        future.result()
    time.sleep(1.0)  # until the broker goes by it
