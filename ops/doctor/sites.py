"""Whether the archive outlives the loss of a site (双活数据中心; STO-09): where servers stand, what counts as written.

What a server says of itself is all there is to go by: ``broker.rack`` of each Kafka broker, and the tag ``site`` of
each MongoDB member. Both are set by whoever runs the servers; a wrong name is not found here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaClient
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from ops.doctor.findings import Finding, ok, wrong
from ops.rules import rules_of
from schemas.errors import DanganError
from schemas.rule_tables.backup import Deployment
from schemas.settings import Settings
from schemas.topics import topic_specs
from streams.kafka import kafka_of

_NO_SITE = "?"
_SPREAD = "Spread the servers over the sites, and name the sites: broker.rack of brokers, the tag site of members."


@dataclass(frozen=True, slots=True)
class Brokers:
    """What Kafka says.

    Attributes:
        racks: of each broker; None where it names none.
        spread: topic -> for its worst partition, over how many racks its copies are.
        copies: topic -> copies of its worst partition.
        min_insync: topic -> how many of them must have a message.
    """

    racks: Sequence[str | None]
    spread: Mapping[str, int]
    copies: Mapping[str, int]
    min_insync: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Members:
    """What MongoDB says: the site of each member, None where it names none.

    Attributes:
        holding: of members that hold data.
        voting: of members that vote, arbiters too.
    """

    holding: Sequence[str | None]
    voting: Sequence[str | None]


def examine_sites(settings: Settings) -> list[Finding]:
    """Ask the servers and judge their answers by the rules of the settings' profile."""
    try:
        rules = rules_of(settings).book.deployment
    except DanganError:
        return []  # told by the check of the rules
    findings: list[Finding] = []
    try:
        findings += judge_brokers(asyncio.run(_ask_kafka(settings)), rules)
    except DanganError as error:
        return [wrong("sites of Kafka", error.sentence, error.next_step)]
    except (KafkaError, OSError, TimeoutError) as error:
        # Where one site is all that is demanded, the check of Kafka says enough.
        if rules.sites > 1:
            findings.append(wrong("sites of Kafka", f"not known: {type(error).__name__}", "See the check of Kafka."))
    try:
        findings += judge_members(_ask_mongo(settings), rules)
    except PyMongoError as error:
        if rules.sites > 1:
            findings.append(
                wrong("sites of MongoDB", f"not known: {type(error).__name__}", "See the check of MongoDB.")
            )
    return findings


def judge_brokers(found: Brokers, rules: Deployment) -> list[Finding]:
    """Whether every acknowledged message outlives a site, and the topics go on without it. Pure.

    Args:
        found: what Kafka says.
        rules: what is demanded.
    """
    findings = [_judge("sites of Kafka", found.racks, rules.sites)]
    few = sorted(topic for topic, copies in found.copies.items() if copies < rules.replication)
    lax = sorted(topic for topic, least in found.min_insync.items() if least < rules.min_insync)
    wanted = min(rules.sites, rules.replication)
    near = sorted(topic for topic, racks in found.spread.items() if 1 < wanted > racks)
    if few:
        mend = f"Set topic_replication to {rules.replication} before dangan init, or reassign the partitions."
        findings.append(wrong("copies of topics", f"fewer than {rules.replication}: {_some(few)}", mend))
    if lax:
        mend = f"Set min.insync.replicas to {rules.min_insync}: acks=all then means so many."
        findings.append(wrong("acknowledged writes", f"fewer than {rules.min_insync} copies: {_some(lax)}", mend))
    if near and not few:
        findings.append(
            wrong("copies of topics", f"all at one site: {_some(near)}", "Reassign the partitions by rack.")
        )
    if not (few or lax or near):
        findings.append(
            ok("copies of topics", f"{rules.replication} or more, {rules.min_insync} before a write counts")
        )
    return findings


def judge_members(found: Members, rules: Deployment) -> list[Finding]:
    """Whether a majority-acknowledged write outlives a site, and a majority is left without it. Pure.

    With two sites alone the loss of the larger one always takes the majority along: a third place has to vote.

    Args:
        found: what MongoDB says.
        rules: what is demanded.
    """
    first = _judge("sites of MongoDB", found.holding, rules.sites)
    if rules.sites == 1 or first.verdict != "ok":
        return [first]
    votes, most = len(found.voting), max(Counter(found.voting).values(), default=0)
    if votes - most <= votes // 2:
        mend = "Give no site a majority of the votes: let a third place hold a member that only votes."
        what = f"{most} of {votes} votes at one site: its loss stops majority writes"
        return [first, wrong("majority of MongoDB", what, mend)]
    return [first, ok("majority of MongoDB", f"{votes} votes, no more than {most} at one site")]


def _judge(check: str, names: Sequence[str | None], wanted: int) -> Finding:
    sites = {name for name in names if name is not None}
    told = ", ".join(sorted(name or _NO_SITE for name in set(names))) or "none"
    if wanted > 1 and (len(sites) < wanted or None in names):
        return wrong(check, f"{told}; the rules demand {wanted}", _SPREAD)
    return ok(check, f"{told}; the rules demand {wanted}")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


async def _ask_kafka(settings: Settings) -> Brokers:
    names = [spec.name for spec in topic_specs(settings.topic_partitions)]
    client = AIOKafkaClient(**kafka_of(settings).client)
    admin = AIOKafkaAdminClient(**kafka_of(settings).client, request_timeout_ms=5000)
    try:
        await client.bootstrap()
        racks = {broker.nodeId: broker.rack for broker in client.cluster.brokers()}
        await admin.start()
        topics = [topic for topic in await admin.describe_topics(names) if topic["error_code"] == 0]
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, t["topic"]) for t in topics])
    finally:
        await admin.close()
        await client.close()
    return Brokers(
        list(racks.values()),
        {t["topic"]: min((_racks(p["replicas"], racks) for p in t["partitions"]), default=0) for t in topics},
        {t["topic"]: min((len(p["replicas"]) for p in t["partitions"]), default=0) for t in topics},
        {resource[3]: _min_insync(resource[4]) for answer in answers for resource in answer.resources},
    )


def _min_insync(entries: Iterable[Sequence[Any]]) -> int:
    return next((int(entry[1]) for entry in entries if entry[0] == "min.insync.replicas"), 1)


def _racks(replicas: Iterable[int], racks: Mapping[int, str | None]) -> int:
    return len({racks.get(node) for node in replicas} - {None})


def _ask_mongo(settings: Settings) -> Members:
    client: MongoClient[dict[str, Any]] = MongoClient(
        settings.mongo_uri.get_secret_value(), serverSelectionTimeoutMS=2000
    )
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure:  # one server on its own, or one that does not tell
        return Members([None], [None])
    finally:
        client.close()

    def sites(wanted: Iterable[dict[str, Any]]) -> list[str | None]:
        return [each.get("tags", {}).get("site") for each in wanted]

    members = config["members"]
    return Members(
        sites(each for each in members if not each.get("arbiterOnly")),
        sites(each for each in members if each.get("votes", 1)),
    )
