"""The demo's story, act by act, on real services in a home of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ops.audited import desk
from ops.demo import collecting, destroying, people, proving, reading
from ops.demo.claims import Claims
from ops.demo.customers import write_customers, write_mapping
from ops.demo.live_audit import follow
from ops.demo.restoring import Drill
from ops.demo.scene import Scene
from ops.demo.stage import Stage
from ops.demo.survivors import Expected
from ops.demo.worker_process import running_worker
from ops.embedded.stack import Stack
from ops.provision import provision
from ops.rules import load_rules
from streams.kafka import kafka_of

#: Which customers the clerk's grant covers: the one that will be destroyed, and one that stays.
_GRANTED_AT = (41, 42)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of the demo.

    Attributes:
        home: a fresh folder for everything.
        records: how many customers.
        search: whether the services' disks are searched for plaintext.
    """

    home: Path
    records: int
    search: bool = True


async def tell(plan: Plan, stage: Stage, claims: Claims) -> None:
    """Tell the story; ``claims`` says afterwards what held."""
    async with _set(plan, stage, claims) as scene:
        expected = await collecting.collect(scene)
        doomed, kept = _chosen(expected)
        now = int(time.time())
        await reading.read_and_be_refused(scene, expected, frozenset({doomed, kept}), doomed, now)
        drill = Drill(scene, expected, doomed)
        await drill.back_up()
        if plan.search:
            await collecting.search_plaintext(scene, drill.folder)
        await destroying.destroy(scene, doomed)
        outcome = await destroying.sweep(scene)
        await drill.steal_again()
        await drill.restore()
        await _goes_on(scene, kept)
        await proving.verify_audit(scene)
        proving.verify_certificate_offline(scene, outcome.certificates, doomed)


@asynccontextmanager
async def _set(plan: Plan, stage: Stage, claims: Claims) -> AsyncIterator[Scene]:
    """Start the services, write the customers' file meanwhile, register everybody, start a worker."""
    stage.step("Kafka, MongoDB and Vault are started, in a folder and on ports of their own")
    stage.command(f"dangan up --home {plan.home}")
    plan.home.mkdir(parents=True, exist_ok=True)
    with stage.bar("customers invented", plan.records) as advance:
        writing = asyncio.create_task(
            asyncio.to_thread(
                write_customers,
                plan.home / "customers.csv",
                plan.records,
                today=datetime.now(UTC).date(),
                on_row=lambda: advance(1),
            )
        )
        stack = await asyncio.to_thread(Stack.start, plan.home, on_step=stage.say)
        await asyncio.wait((writing,))
    with stack:
        writing.result()
        write_mapping(plan.home / "customers.map.toml")
        settings = stack.settings
        trust = await provision(settings)
        team = people.meet(plan.home)
        stage.step("One system and five people are registered; a worker is started")
        stage.command("dangan admin principal add crm.public.json --role collector  # and so on")
        stage.command(f"dangan worker --home {plan.home}")
        async with follow(kafka_of(settings), stage.console) as live:
            async with desk(settings) as at:
                await people.register(at, team, now=int(time.time()))
            with running_worker(plan.home):
                yield Scene(stage, claims, stack, settings, load_rules(), trust, team, live)


async def _goes_on(scene: Scene, kept: str) -> None:
    answer = await reading.ask(scene, kept)
    scene.claims.check(
        "The live system goes on after the sweep: the clerk reads another customer",
        answer.status == "accepted" and bool(answer.values),
        f"{answer.status}, {len(answer.values or {})} fields",
    )


def _chosen(expected: Expected) -> tuple[str, str]:
    """The record to destroy and the one to keep, both with an identity number (core level)."""
    core = [record for record, values in expected.items() if "id_number" in values]
    doomed, kept = (core[at % len(core)] for at in _GRANTED_AT)
    return doomed, kept
