"""One read with a grant, one without; what each is answered, and what the audit stream says of it."""

from __future__ import annotations

from rich.table import Table

from ops.audited import desk
from ops.commands.audit_view import Shown
from ops.demo import people
from ops.demo.customers import PURPOSE
from ops.demo.people import CLEAR, GRANT, GRANTED
from ops.demo.scene import Scene
from ops.demo.survivors import Expected
from schemas.replies import Result
from schemas.values import masked
from streams.publisher import Publisher


async def read_and_be_refused(scene: Scene, expected: Expected, records: frozenset[str], record: str, now: int) -> None:
    """Let the clerk read under a grant, and a colleague try the same grant.

    Args:
        scene: the installation.
        expected: what the archive holds.
        records: the records that the grant covers.
        record: the one that both ask for.
        now: UNIX seconds.
    """
    stage, team = scene.stage, scene.people
    stage.step("One reads with a grant, one is refused")
    fields = " ".join(f"--field {name}" for name in GRANTED)
    stage.command(f"dangan admin grant add {GRANT} --principal {team.clerk.principal} --purpose {PURPOSE} {fields} ...")
    async with desk(scene.settings) as at:
        await people.grant(at, team, records, now=now)
    async with scene.client(team.clerk) as clerk, scene.client(team.colleague) as colleague:
        answer = await _ask(clerk, record)
        refusal = await _ask(colleague, record)
    stage.console.print(_answer(team.clerk.principal, answer))
    stage.say(f"{team.colleague.principal} is told: {refusal.code}, {refusal.message}")
    scene.claims.check(
        "The clerk sees the granted fields, masked but for the one granted in clear",
        answer.values == _as_granted(scene, expected, record),
        f"{len(GRANTED)} fields, {len(CLEAR)} in clear",
    )
    scene.claims.check(
        "A colleague with the same role and no grant gets no value",
        refusal.status == "refused" and refusal.values is None,
        str(refusal.code),
    )
    heard = [
        await scene.live.wait_for(lambda event: _is_about(event, team.clerk.principal, record, allowed=True)),
        await scene.live.wait_for(lambda event: _is_about(event, team.colleague.principal, record, allowed=False)),
    ]
    scene.claims.check("Both attempts stand in the audit stream", all(heard), "one allowed, one refused, heard live")


async def ask(scene: Scene, record: str) -> Result:
    """One read by the clerk under the grant."""
    async with scene.client(scene.people.clerk) as clerk:
        return await _ask(clerk, record)


async def _ask(reader: Publisher, record: str) -> Result:
    return await (await reader.access(record=record, grant=GRANT, purpose=PURPOSE, fields=GRANTED))


def _as_granted(scene: Scene, expected: Expected, record: str) -> dict[str, object]:
    fields = scene.rules.catalogue.fields
    values = {name: expected[record][name] for name in GRANTED if name in expected[record]}
    return {name: value if name in CLEAR else masked(fields[name], value) for name, value in values.items()}


def _is_about(event: Shown, actor: str, record: str, *, allowed: bool) -> bool:
    return (event.action, event.actor, event.record, event.allowed) == ("access", actor, record, allowed)


def _answer(reader: str, answer: Result) -> Table:
    """The released values; invented ones, and the reader's own terminal is where they belong."""
    table = Table(title=f"What {reader} is shown", title_justify="left")
    for name in GRANTED:
        table.add_column(f"{name} (clear)" if name in CLEAR else name)
    table.add_row(*(str((answer.values or {}).get(name, "")) for name in GRANTED))
    return table
