"""What lies in the store: every field, key table and wrapped key under AES-256, no value in clear (加密存储)."""

from __future__ import annotations

import asyncio

import pytest

from keys.cipher import OVERHEAD_BYTES, Suite
from keys.pages import KEY_BYTES, NONCE_BYTES
from keys.roots import WRAPPING_ROOTS
from ops.embedded.stack import Stack
from ops.rules import load_rules
from ops.vault_admin import VaultAdmin
from store.database import connect
from store.dump import dump
from tests.harness.canaries import shapes
from tests.harness.customers import customer, stored
from tests.harness.office import PURPOSE, Office
from tests.harness.workers import Worker

pytestmark = [pytest.mark.flow, pytest.mark.clause("STO-02")]

AES_256_BYTES = 32
TAG_BYTES = 16


async def test_every_stored_value_is_under_aes_256_and_a_dump_shows_none(
    stack: Stack, office: Office, worker: Worker
) -> None:
    settings = stack.settings
    given = [customer(at) for at in range(40, 44)]
    async with (
        office.publisher() as publisher,
        connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database,
        asyncio.timeout(60),
    ):
        made = [
            await publisher.collect(
                record=f"rest-{at}", subject=f"of-{at}", purpose=PURPOSE, legal_basis="contract", fields=fields
            )
            for at, fields in enumerate(given)
        ]
        assert {(await receipt).status for receipt in made} == {"accepted"}
        records = await database["records"].find({"state": "live"}).to_list()
        pages = await database["pages"].find().to_list()
        dumped = {
            name: b"".join([batch async for batch in dump(database, name)])
            for name in await database.list_collection_names()
        }
    assert len(records) == len(given)
    sealed = [value for record in records for value in record["fields"].values()]
    assert len(sealed) == sum(map(len, given))  # every field that was given, of every level
    assert {(type(value), value[0], len(value) > OVERHEAD_BYTES) for value in sealed} == {
        (bytes, Suite.AES_256_GCM, True)
    }
    assert KEY_BYTES == AES_256_BYTES
    for page in pages:  # so are the keys: one of 256 bits a slot, sealed together
        assert len(page["table"]) == NONCE_BYTES + AES_256_BYTES * len(page["slots"]) + TAG_BYTES
    with VaultAdmin(settings.vault_addr, stack.root_token) as vault:
        kinds = {root: vault.call("GET", f"/{settings.transit_mount}/keys/{root}")["data"] for root in WRAPPING_ROOTS}
    assert {kind["type"] for kind in kinds.values()} == {"aes256-gcm96"}
    assert not any(kind["exportable"] for kind in kinds.values())

    catalogue = load_rules().catalogue
    values = {str(value) for fields in given for each in (fields, stored(fields, catalogue)) for value in each.values()}
    telling = {value for value in values if len(value) >= 8}  # shorter ones are found in any noise
    assert len(telling) > 40
    in_clear = [name for name, content in dumped.items() for value in telling for s in shapes(value) if s in content]
    assert in_clear == []
