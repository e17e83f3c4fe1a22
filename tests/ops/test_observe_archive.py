"""The metrics of the archive as a whole: ages grow with the clock, and one source that is away leaves the others."""

from __future__ import annotations

import asyncio

import pytest

from ops.observe.gauges import SOURCES, ArchiveGauges, Reading
from ops.observe.watching import Source, read_once, watch
from schemas.errors import Transient
from tests.harness.metric_labels import strange_labels

FULL = Reading(
    swept_at={"dangan-core": 900.0},
    sweeping_since={"dangan-basic": 990.0},
    entries={"pending": 2, "forgotten": 3},
    oldest_entry_at={"pending": 400.0},
    overdue={"intake": 4, "correction": 0},
    oldest_waiting_at={"intake": 100.0},
    backup_at={"full": 500.0, "drill": 1100.0},
    checkpoint_at=998.0,
    dead_letters=7,
)


def test_a_reading_becomes_ages_and_counts_with_words_of_ours() -> None:
    now = 1000.0
    gauges = ArchiveGauges(lambda: now)
    gauges.reading = FULL
    gauges.read("store")
    value = gauges.registry.get_sample_value
    assert value("dangan_sweep_age_seconds", {"root": "dangan-core"}) == 100
    assert value("dangan_sweep_unfinished_seconds", {"root": "dangan-basic"}) == 10
    assert value("dangan_ledger_entries", {"state": "forgotten"}) == 3
    assert value("dangan_ledger_oldest_seconds", {"state": "pending"}) == 600
    assert value("dangan_overdue_items", {"kind": "intake"}) == 4
    assert value("dangan_oldest_waiting_seconds", {"kind": "intake"}) == 900
    assert value("dangan_backup_age_seconds", {"kind": "full"}) == 500
    assert value("dangan_backup_age_seconds", {"kind": "drill"}) == 0  # another clock is ahead
    assert value("dangan_checkpoint_age_seconds") == 2
    assert value("dangan_dead_letters_waiting") == 7
    now = 1060.0
    assert value("dangan_checkpoint_age_seconds") == 62
    assert value("dangan_observe_age_seconds", {"source": "store"}) == 60
    assert strange_labels(gauges.registry) == []


def test_what_was_never_read_is_not_shown_as_nothing() -> None:
    gauges = ArchiveGauges(lambda: 1000.0)
    assert gauges.registry.get_sample_value("dangan_dead_letters_waiting") is None
    assert gauges.registry.get_sample_value("dangan_checkpoint_age_seconds") is None


@pytest.mark.parametrize("error", [Transient("DG-KAF-001"), OSError()])
async def test_a_source_that_is_away_is_counted_and_leaves_the_others(error: Exception) -> None:
    now = 0.0
    gauges = ArchiveGauges(lambda: now)

    async def away() -> None:
        raise error

    async def there() -> None:
        gauges.reading.dead_letters = 1

    task = asyncio.create_task(watch(gauges, {"kafka": Source(there, 0.01), "store": Source(away, 0.01)}))
    await asyncio.sleep(0.05)
    task.cancel()
    failures = gauges.registry.get_sample_value("dangan_observe_failures_total", {"source": "store"})
    assert failures is not None
    assert failures >= 2
    assert gauges.is_fresh("kafka", 10)
    assert not gauges.is_fresh("store", 10)
    now = 11.0
    assert not gauges.is_fresh("kafka", 10)
    await read_once(gauges, "kafka", Source(there, 1))
    assert gauges.is_fresh("kafka", 10)
    assert set(SOURCES) == {"store", "kafka", "records"}
