"""What Vault's answers mean, from a server that answers as it is told."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from keys.vault import Transit
from keys.vault_http import TokenFile
from schemas.errors import DanganError, Transient


class Server:
    """Answers every request with ``status`` and ``body``; notes the tokens it saw."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b'{"data": {}}'
        self.good_token = ""
        self.tokens: list[str] = []
        self.delay = 0.0
        self.asked = asyncio.Event()
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        token = request.headers["X-Vault-Token"]
        self.tokens.append(token)
        self.asked.set()
        await asyncio.sleep(self.delay)
        if self.good_token and token != self.good_token:
            return web.Response(status=403, body=b'{"errors": ["permission denied"]}')
        return web.Response(status=self.status, body=self.body)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.mark.parametrize("status", [412, 429, 500, 502, 503])
async def test_a_sealed_or_overloaded_vault_is_transient(server: Server, status: int) -> None:
    server.status, server.body = status, b'{"errors": ["Vault is sealed"]}'
    async with Transit(server.url, lambda: "t") as vault:
        with pytest.raises(Transient, match="DG-KEY-001"):
            await vault.latest_version("dangan-core")


async def test_no_server_is_transient(server: Server) -> None:
    async with Transit("http://127.0.0.1:1", lambda: "t") as vault:
        with pytest.raises(Transient, match="DG-KEY-001"):
            await vault.latest_version("dangan-core")


async def test_a_slow_answer_is_transient(server: Server) -> None:
    server.delay = 1
    async with Transit(server.url, lambda: "t", timeout=0.05) as vault:
        with pytest.raises(Transient, match="DG-KEY-001"):
            await vault.latest_version("dangan-core")


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'{"data": {"batch_results": []}}', b"{}"])
async def test_an_answer_that_is_no_answer_is_transient(server: Server, body: bytes) -> None:
    server.body = body
    async with Transit(server.url, lambda: "t") as vault:
        with pytest.raises(Transient, match="DG-KEY-001"):
            await vault.encrypt("dangan-core", [b"k"])


@pytest.mark.parametrize("status", [400, 403, 404, 405])
async def test_a_refusal_carries_vaults_short_reason(server: Server, status: int) -> None:
    server.status, server.body = status, b'{"errors": ["not\\nallowed", "' + b"x" * 999 + b'"]}'
    async with Transit(server.url, lambda: "t") as vault:
        with pytest.raises(DanganError, match="DG-KEY-002") as caught:
            await vault.rotate("dangan-core")
    assert caught.value.detail is not None
    assert caught.value.detail.startswith("rotate: not allowed; xxx")
    assert len(caught.value.detail) < 220


async def test_a_plaintext_never_stands_in_an_error(server: Server) -> None:
    server.status, server.body = 400, b'{"errors": ["refused"]}'
    async with Transit(server.url, lambda: "token-in-clear") as vault:
        with pytest.raises(DanganError) as caught:
            await vault.encrypt("dangan-core", [b"secret"])
    for secret in ("secret", "c2VjcmV0", "token-in-clear"):
        assert secret not in repr(caught.value) + str(caught.value)


async def test_a_token_that_was_renewed_is_tried_once_more(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old\n")
    server.good_token = "old"
    server.body = b'{"data": {"type": "x", "latest_version": 1, "min_decryption_version": 1, "min_encryption_version": 0, "min_available_version": 0}}'
    async with Transit(server.url, file) as vault:
        assert await vault.latest_version("dangan-core") == 1
        server.asked.clear()

        async def renew_while_asked() -> None:
            await server.asked.wait()
            file.write_text("renewed")

        server.good_token, server.delay = "renewed", 0.05
        _, version = await asyncio.gather(renew_while_asked(), vault.latest_version("dangan-core"))
        assert version == 1
    assert server.tokens == ["old", "old", "renewed"]


async def test_a_refused_token_that_did_not_change_is_not_tried_again(server: Server) -> None:
    server.good_token = "other"
    async with Transit(server.url, lambda: "bad") as vault:
        with pytest.raises(DanganError, match="DG-KEY-002"):
            await vault.latest_version("dangan-core")
    assert server.tokens == ["bad"]


def test_the_token_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    token = TokenFile(file)
    assert token() == "first"
    file.write_text("other")
    os.utime(file, ns=(1, 1))
    assert token() == "other"
    file.unlink()
    with pytest.raises(DanganError, match="DG-KEY-002"):
        token()


async def test_a_connection_that_is_not_open_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await Transit("http://127.0.0.1:1", lambda: "t").rotate("dangan-core")
