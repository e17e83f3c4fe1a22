"""The same cases on the simulated Vault and on OpenBao, so that what holds on one holds on the other."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from keys.vault import MAX_BATCH, KeyRefused, Transit, Wrapped, transit_of
from ops.vault_admin import VaultAdmin
from schemas.errors import DanganError
from tests.simulators.vault import SimulatedVault

NewKey = Callable[[str], Awaitable[str]]

#: What a random walk over a key's versions tries, refused or not.
WALK = ("rotate", "configure", "configure", "trim", "encrypt", "rewrap", "try_decrypt")


async def step(vault: Transit, key: str, op: str, low: int | None, high: int | None, texts: list[str]) -> Any:
    """Do one step of a walk; say what a caller would see of it."""
    try:
        match op:
            case "rotate":
                await vault.rotate(key)
            case "configure":
                await vault.configure(key, min_decryption_version=low, min_encryption_version=high)
            case "trim":
                await vault.trim(key, low or 0)
            case "encrypt":
                (wrapped,) = await vault.encrypt(key, [b"x"])
                texts.append(wrapped.ciphertext)
            case _:
                call = vault.rewrap if op == "rewrap" else vault.try_decrypt
                return [
                    result.version if isinstance(result, Wrapped) else type(result) for result in await call(key, texts)
                ]
    except DanganError as error:
        return error.code
    return None


class TransitCases:
    """Each case makes keys of its own with ``new_key(type)``."""

    async def test_what_was_wrapped_unwraps_in_order(self, vault: Transit, new_key: NewKey) -> None:
        root = await new_key("aes256-gcm96")
        keys = [os.urandom(32) for _ in range(5)]
        wrapped = await vault.encrypt(root, keys)
        assert [item.version for item in wrapped] == [1] * 5
        assert await vault.decrypt(root, [item.ciphertext for item in wrapped]) == keys

    async def test_large_batches_are_cut_and_stay_in_order(self, vault: Transit, new_key: NewKey) -> None:
        root = await new_key("aes256-gcm96")
        keys = [n.to_bytes(4, "big") for n in range(MAX_BATCH * 2 + 1)]
        before = vault.calls["encrypt"]
        wrapped = await vault.encrypt(root, keys)
        assert vault.calls["encrypt"] - before == 3
        assert await vault.decrypt(root, [item.ciphertext for item in wrapped]) == keys

    async def test_an_empty_batch_asks_nothing(self, vault: Transit, new_key: NewKey) -> None:
        root = await new_key("aes256-gcm96")
        before = vault.calls.total()
        assert await vault.encrypt(root, []) == []
        assert vault.calls.total() == before

    async def test_rewrap_moves_to_the_latest_version(self, vault: Transit, new_key: NewKey) -> None:
        root = await new_key("aes256-gcm96")
        (old,) = await vault.encrypt(root, [b"k" * 32])
        await vault.rotate(root)
        assert await vault.latest_version(root) == 2
        (new,) = await vault.rewrap(root, [old.ciphertext])
        assert isinstance(new, Wrapped)
        assert new.version == 2
        assert await vault.decrypt(root, [new.ciphertext, old.ciphertext]) == [b"k" * 32] * 2

    async def test_each_item_has_its_own_refusal(self, vault: Transit, new_key: NewKey) -> None:
        root = await new_key("aes256-gcm96")
        (old,) = await vault.encrypt(root, [b"a" * 32])
        await vault.rotate(root)
        (new,) = await vault.encrypt(root, [b"b" * 32])
        await vault.configure(root, min_encryption_version=2, min_decryption_version=2)
        batch = [
            old.ciphertext,
            new.ciphertext,
            "rubbish",
            "vault:v9:" + "A" * 80,
            new.ciphertext[:-8] + "AAAAAAA=",
        ]
        for results in (await vault.try_decrypt(root, batch), await vault.rewrap(root, batch)):
            assert [isinstance(result, KeyRefused) for result in results] == [True, False, True, True, True]
            assert isinstance(results[0], KeyRefused)
            assert "too old" in results[0].reason
        with pytest.raises(DanganError) as caught:
            await vault.decrypt(root, batch)
        assert caught.value.code == "DG-KEY-002"

    async def test_minimum_versions_are_reversible_and_trim_is_not(self, vault: Transit, new_key: NewKey) -> None:
        root = await new_key("aes256-gcm96")
        (old,) = await vault.encrypt(root, [b"a" * 32])
        await vault.rotate(root)
        await vault.configure(root, min_encryption_version=2, min_decryption_version=2)
        assert isinstance((await vault.try_decrypt(root, [old.ciphertext]))[0], KeyRefused)
        await vault.configure(root, min_decryption_version=1)
        assert await vault.decrypt(root, [old.ciphertext]) == [b"a" * 32]
        await vault.configure(root, min_decryption_version=2)
        await vault.trim(root, 2)
        info = await vault.key_info(root)
        assert (info.latest_version, info.min_available_version) == (2, 2)
        with pytest.raises(DanganError):
            await vault.configure(root, min_decryption_version=1)
        assert isinstance((await vault.try_decrypt(root, [old.ciphertext]))[0], KeyRefused)

    async def test_hmac_is_a_function_of_key_version_and_value(self, vault: Transit, new_key: NewKey) -> None:
        key = await new_key("hmac")
        one, two, again = await vault.hmac(key, [b"1", b"2", b"1"], version=1)
        assert one == again
        assert one != two
        assert len(one) == 32
        await vault.rotate(key)
        (later,) = await vault.hmac(key, [b"1"], version=2)
        assert later != one
        assert await vault.hmac(key, [b"1"], version=1) == [one]

    async def test_signatures_verify_with_the_public_key(self, vault: Transit, new_key: NewKey) -> None:
        key = await new_key("ed25519")
        signature = await vault.sign(key, b"certificate")
        public = await vault.public_key(key)
        Ed25519PublicKey.from_public_bytes(public).verify(signature, b"certificate")
        await vault.rotate(key)
        assert await vault.public_key(key, version=1) == public
        assert await vault.public_key(key) != public

    async def test_a_key_that_does_not_exist_is_refused(self, vault: Transit) -> None:
        for call in (
            vault.key_info("dangan-absent"),
            vault.rotate("dangan-absent"),
            vault.rewrap("dangan-absent", ["vault:v1:AAAA"]),
        ):
            with pytest.raises(DanganError) as caught:
                await call
            assert caught.value.code == "DG-KEY-002"


class TestSimulation(TransitCases):
    @pytest.fixture
    async def vault(self) -> AsyncIterator[Transit]:
        async with SimulatedVault() as vault:
            yield vault

    @pytest.fixture
    def new_key(self, vault: SimulatedVault) -> NewKey:
        async def make(kind: str) -> str:
            name = f"key-{len(vault.keys)}"
            vault.add_key(name, kind)
            return name

        return make


@pytest.mark.flow
class TestOpenBao(TransitCases):
    @pytest.fixture
    async def vault(self, stack: Any) -> AsyncIterator[Transit]:
        token = stack.root_token.get_secret_value()
        settings = stack.settings
        async with transit_of(settings, lambda: token) as vault:
            yield vault

    @pytest.fixture
    def new_key(self, stack: Any) -> NewKey:
        async def make(kind: str) -> str:
            name = f"test-{os.urandom(6).hex()}"
            size = {"key_size": 32} if kind == "hmac" else {}
            with VaultAdmin(stack.settings.vault_addr, stack.root_token) as admin:
                admin.call("POST", f"/{stack.settings.transit_mount}/keys/{name}", {"type": kind, **size})
            return name

        return make

    @pytest.mark.parametrize("seed", range(12))
    async def test_the_simulation_walks_as_openbao_does(self, vault: Transit, new_key: NewKey, seed: int) -> None:
        key, simulated, rng = await new_key("aes256-gcm96"), SimulatedVault(), random.Random(seed)
        simulated.add_key(key)
        real_texts: list[str] = []
        simulated_texts: list[str] = []
        for _ in range(30):
            op, low, high = rng.choice(WALK), rng.choice([None, 0, 1, 2, 3, 4]), rng.choice([None, 0, 1, 2, 3, 4])
            seen = await step(vault, key, op, low, high, real_texts)
            assert await step(simulated, key, op, low, high, simulated_texts) == seen
            assert await simulated.key_info(key) == await vault.key_info(key)

    async def test_the_roots_of_an_installation_are_as_the_simulation_has_them(self, vault: Transit) -> None:
        simulated = SimulatedVault()
        for name, key in simulated.keys.items():
            assert (await vault.key_info(name)).type == key.type

    async def test_a_worker_moves_no_version_and_makes_no_key(self, stack: Any) -> None:
        settings = stack.settings
        async with transit_of(settings, settings.token_file("worker")) as worker:
            (wrapped,) = await worker.encrypt("dangan-core", [b"k" * 32])
            assert await worker.decrypt("dangan-core", [wrapped.ciphertext]) == [b"k" * 32]
            for refused in (
                worker.rotate("dangan-core"),
                worker.configure("dangan-core", min_decryption_version=1),
                worker.trim("dangan-core", 1),
                worker.encrypt("dangan-never-made", [b"k"]),
                worker.sign("dangan-certificates", b"forged"),
                worker.decrypt("dangan-sealed", [wrapped.ciphertext]),
            ):
                with pytest.raises(DanganError, match="DG-KEY-002"):
                    await refused
