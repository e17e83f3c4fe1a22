"""Make freshly started, or production, services fit for dangan: topics in Kafka; keys, policies, tokens in Vault.

Idempotent: what is there and right stays; what is there and wrong is refused with how it differs, never altered.
MongoDB's indexes are the store's own business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pydantic import SecretStr

from ops.topic_setup import ensure_topics, touch_topics
from ops.vault_admin import VaultAdmin
from ops.vault_setup import set_up_vault
from schemas.settings import Settings
from schemas.topics import topic_specs
from streams.kafka import kafka_of

T = TypeVar("T")


def bootstrap(
    settings: Settings,
    *,
    vault_token: SecretStr | None,
    topics: bool = True,
    topics_declared: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Set up Kafka and Vault; the two at the same time.

    Args:
        settings: where they are, and how topics and the transit mount are to be.
        vault_token: a token that may manage mounts, keys, policies and tokens; None leaves Vault alone.
        topics: whether to create the topics.
        topics_declared: False for the mock cluster, where topics have no settings.
        say: told what was done.

    Raises:
        DanganError: DG-OPS-010, 013, 014, 015, 019 or 020.
    """

    def set_up_kafka() -> None:
        specs = topic_specs(settings.topic_partitions)
        if not topics_declared:
            asyncio.run(touch_topics(kafka_of(settings), specs))
        elif created := asyncio.run(ensure_topics(kafka_of(settings), specs, settings.topic_replication)):
            say(f"created {len(created)} topics")

    def set_up_keys(token: SecretStr) -> None:
        with VaultAdmin(settings.vault_addr, token, authorities=settings.vault_ca_file) as vault:
            set_up_vault(vault, settings)
        say("keys, policies and role tokens are in place")

    # In threads: the caller may itself run inside an event loop.
    with ThreadPoolExecutor(max_workers=2) as pool:
        tasks = []
        if topics:
            tasks.append(pool.submit(set_up_kafka))
        if vault_token is not None:
            tasks.append(pool.submit(set_up_keys, vault_token))
    for task in tasks:
        task.result()


def run_in_thread(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also when the caller is inside an event loop."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, work).result()
