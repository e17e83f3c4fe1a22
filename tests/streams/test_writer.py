"""Writers' certificates: made through Vault, verified without it."""

from __future__ import annotations

import pytest

from keys.okp import thumbprint
from keys.roots import WRITERS_KEY
from schemas.errors import DanganError
from schemas.trust import Trust, TrustedKey
from streams.writer import LIFETIME, SKEW, certified_writer, new_writer, renewed
from tests.simulators.vault import SimulatedVault

NOW = 1_770_000_000


async def trust_in(vault: SimulatedVault) -> Trust:
    x = await vault.public_key(WRITERS_KEY)
    return Trust(writers=(TrustedKey(kid=thumbprint("Ed25519", x), x=x),))


async def test_a_new_writer_is_certified_for_its_lifetime() -> None:
    vault = SimulatedVault()
    writer = await new_writer(vault, "worker-1", NOW + 0.5)
    trust = await trust_in(vault)
    certified = certified_writer(writer.cert, trust=trust, at=NOW)
    assert (certified.id, certified.x) == (writer.id, writer.x)
    assert writer.id.startswith("worker-1.")
    assert certified.not_after == writer.expires_at == NOW + LIFETIME
    for outside in (NOW - SKEW - 1, NOW + LIFETIME):
        with pytest.raises(DanganError, match="DG-WIR-016"):
            certified_writer(writer.cert, trust=trust, at=outside)


async def test_two_starts_of_one_process_are_two_writers() -> None:
    vault = SimulatedVault()
    first, second = [await new_writer(vault, "worker-1", NOW) for _ in range(2)]
    assert first.id != second.id
    assert first.x != second.x


async def test_a_renewed_certificate_is_for_the_same_key_under_vaults_newest_version() -> None:
    vault = SimulatedVault()
    writer = await new_writer(vault, "worker-1", NOW)
    old_trust = await trust_in(vault)
    await vault.rotate(WRITERS_KEY)
    again = await renewed(vault, writer, NOW + LIFETIME)
    assert (again.id, again.x) == (writer.id, writer.x)
    assert certified_writer(again.cert, trust=await trust_in(vault), at=NOW + LIFETIME).x == writer.x
    with pytest.raises(DanganError, match="DG-WIR-016"):
        certified_writer(again.cert, trust=old_trust, at=NOW + LIFETIME)


async def test_a_key_trusted_for_something_else_vouches_for_no_writer() -> None:
    vault = SimulatedVault()
    writer = await new_writer(vault, "worker-1", NOW)
    trust = await trust_in(vault)
    elsewhere = Trust(announcements=trust.writers, certificates=trust.writers)
    with pytest.raises(DanganError, match="DG-WIR-016"):
        certified_writer(writer.cert, trust=elsewhere, at=NOW)
