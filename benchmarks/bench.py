"""What the rows share: the services, the plan, the people, and the connections that stay open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaProducer

from benchmarks.customers import Fields, customers
from benchmarks.plan import Plan
from benchmarks.replies import Replies, replies
from benchmarks.scene import Scene, scene
from benchmarks.vault_log import VaultLog

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything a row needs."""

    scene: Scene
    plan: Plan
    people: list[Fields]
    producer: AIOKafkaProducer
    answers: Replies
    vault: VaultLog
    say: Say


@asynccontextmanager
async def bench(home: Path, plan: Plan, say: Say) -> AsyncIterator[Bench]:
    """Start everything; stop it at the end."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        made = await enter(scene(home))
        bootstrap = made.settings.kafka_bootstrap
        answers = await enter(replies(made))
        producer = await enter(AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=2 << 20))
        yield Bench(made, plan, customers(plan.people), producer, answers, VaultLog(made.stack.vault_audit_log), say)
