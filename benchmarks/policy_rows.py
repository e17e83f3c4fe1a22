"""C1: reading with 200 policies and 100,000 grants in the store, beside reading with 5 policies and 10 grants."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final

from benchmarks.bench import Bench
from benchmarks.collecting import collect, warm_up
from benchmarks.reading import Client, client
from benchmarks.rows import Row, Side, Target, percentile
from benchmarks.scene import GRANT
from benchmarks.worker import worker
from consumers.policies import policies_of
from ops.rules import policy_files, policy_root
from schemas.principals import Grant
from store.principals import Grants, grant_document

_RATE: Final = 20
_RECORDS: Final = 1_000
_POLICIES: Final = 200
_GRANTS: Final = (10, 100_000)
#: As few as an archive can do with: who collects, who reads, and what nobody may.
_FEW: Final = (
    "collect-by-business-systems",
    "readers-read",
    "inactive-principals-do-nothing",
    "administrators-see-nothing",
    "secret-records-need-special-permission",
)
_MORE: Final = """@id("bench-{at}")
@clause("SEC-03")
permit (principal, action == Action::"access", resource)
when {{ principal.roles.contains("role-{at}") && principal.clearance >= resource.level }};
"""


async def policy_rows(bench: Bench) -> AsyncIterator[list[Row]]:
    """Measure: a worker with few policies and one with many take turns, each started anew and warmed."""
    home = bench.scene.settings.home
    few, many = _folder(home / "few", _few()), _folder(home / "many", _many())
    with worker(home, "bench-fill") as filling:
        await warm_up(bench, filling)
        run = await collect(bench, filling, _RECORDS, 50)
    plain: list[list[float]] = []
    crowded: list[list[float]] = []
    async with client(bench, [f"{run.prefix}-{at}" for at in range(run.records)]) as asking:
        for at in range(bench.plan.repetitions):
            for count, folder, into in ((_GRANTS[0], few, plain), (_GRANTS[1], many, crowded)):
                await _fill(bench, count)
                with worker(home, f"bench-{folder.name}-{at}", policies=folder):
                    into.append(await _measured(bench, asking, folder.name))
    for label, share, target in (("p50", 0.50, Target(1.4, 1.1, at_least=False)), ("p99", 0.99, None)):
        value = Side("200 policies, 100,000 grants", "ms", tuple(percentile(each, share) for each in crowded))
        floor = Side("5 policies, 10 grants", "ms", tuple(percentile(each, share) for each in plain))
        yield [Row(f"C1 {label}", f"access at {_RATE} requests/s, {label}", value, floor, target)]


async def _measured(bench: Bench, asking: Client, name: str) -> list[float]:
    await asking.until_answered()
    await asking.latencies(50, 2)  # warm: page keys cached, code paths seen
    found = await asking.latencies(_RATE, bench.plan.low_seconds)
    bench.say(f"access with {name}: p50 {percentile(found, 0.5):.1f} ms, p99 {percentile(found, 0.99):.1f} ms")
    return found


async def _fill(bench: Bench, count: int) -> None:
    """So many grants of others beside ours."""
    grants = bench.scene.database["grants"]
    (ours,) = (await Grants(bench.scene.database).get([GRANT])).values()
    await grants.drop()  # at once: deleting 100,000 one by one outlasts the store's patience
    await grants.insert_one(grant_document(ours))
    others = _others(ours, count)
    while part := [grant_document(grant) for grant in islice(others, 5_000)]:
        await grants.insert_many(part, ordered=False)


def _others(ours: Grant, count: int) -> Iterator[Grant]:
    for at in range(count - 1):
        yield replace(
            ours, id=f"grant-{at:06}", principal=f"per:reader-{at % 977}", records=frozenset({f"rec-{at:08}"})
        )


def _few() -> str:
    return "\n".join(p.text for p in policies_of(policy_files(policy_root())[0]) if p.id in _FEW)


def _many() -> str:
    shipped = [policy.text for policy in policies_of(policy_files(policy_root())[0])]
    return "\n".join([*shipped, *(_MORE.format(at=at) for at in range(_POLICIES - len(shipped)))])


def _folder(folder: Path, policies: str) -> Path:
    shutil.copytree(policy_root(), folder)
    for file in (folder / "cedar").glob("*.cedar"):
        file.unlink()
    (folder / "cedar" / "all.cedar").write_text(policies, "utf-8")
    return folder
