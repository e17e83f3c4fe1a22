"""A destruction: refused with one approval, done with two, then swept so that no old copy opens either."""

from __future__ import annotations

import time
import uuid

from ops.audited import desk
from ops.commands.approve import sign_approval
from ops.demo.reading import ask
from ops.demo.scene import Scene
from ops.destruction import Destruction, Outcome
from ops.ingest_keys import announce_destroyed, drained, rotate
from schemas.commands import Destroy
from schemas.replies import Result
from store.ingest_keys import IngestKeys

#: How long the demo's own senders take to hear of a new ingest key; a landscape of systems takes longer.
_HEARD: float = 2.0


async def destroy(scene: Scene, record: str) -> None:
    """Ask for a destruction, first with too few approvals, then with enough."""
    stage, team = scene.stage, scene.people
    stage.step("One customer asks to be forgotten; two people must agree")
    request = Destroy(
        type="destroy",
        id=str(uuid.uuid4()),
        records=(record,),
        ground="subject_request",
        reason="the customer closed the account and asked for erasure",
        approvals=(),
    )
    requester, now = team.archivist.principal, int(time.time())
    stage.command(f"dangan approve request.json --requester {requester} --key approver.key.json  # by each approver")
    first, second = (sign_approval(request, requester, approver, now=now) for approver in team.approvers)
    hasty = request.model_copy(update={"id": str(uuid.uuid4())})
    alone = await _send(scene, hasty, approvals=(sign_approval(hasty, requester, team.approvers[0], now=now),))
    both = await _send(scene, request, approvals=(first, second))
    scene.claims.check(
        "Nothing is destroyed without the signatures of two approvers",
        (alone.status, alone.code, both.status) == ("refused", "DG-DES-001", "accepted"),
        f"with one: {alone.code}; with two: {both.status}",
    )
    after = await ask(scene, record)
    scene.claims.check(
        "From that moment the live system cannot read the customer",
        after.status == "refused" and after.values is None,
        str(after.code),
    )


async def sweep(scene: Scene) -> Outcome:
    """Retire the ingest key, wait until Kafka is drained of it, sweep every root."""
    stage, settings = scene.stage, scene.settings
    stage.step("The sweep: no old copy opens any more, of the database or of Kafka's log")
    stage.command("dangan sweep --all --rotate-ingest")
    stage.say("New versions of all keys; what lives is moved to them and copied; Vault then destroys the old versions.")
    async with desk(settings) as at:
        await at.record("key")
        keys = IngestKeys(at.database)
        await rotate(settings, at.transit, keys, now=int(time.time()))
        gone = await drained(settings, keys, heard=_HEARD)
    async with desk(settings, role="sweeper") as at:
        with stage.steps() as report:
            outcome = await Destruction(settings, at.database, at.transit).sweep(drained=gone, on_progress=report)
    async with desk(settings) as at:
        keys = IngestKeys(at.database)
        dead = [key async for key in keys.scan() if key.kid in gone]
        await announce_destroyed(settings, at.transit, dead, now=int(time.time()))
    stage.say(f"{len(outcome.sweeps)} roots swept, {len(gone)} ingest key destroyed")
    return outcome


async def _send(scene: Scene, request: Destroy, *, approvals: tuple[str, ...]) -> Result:
    async with scene.client(scene.people.archivist) as archivist:
        receipt = await archivist.destroy(
            records=request.records,
            ground=request.ground,
            reason=request.reason,
            approvals=approvals,
            command_id=request.id,
        )
        return await receipt
