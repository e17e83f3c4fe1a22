"""How much of everything a run measures: enough for a judgement, or a quick look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of one run.

    Attributes:
        repetitions: of each side of each row; at least 3.
        sweeps: repetitions of sweeping and of forgetting.
        people: distinct customers.
        bundled, single: records of one collect run, in bundles of 50 and one to a message.
        many: records of the large store (memory, key material, sweep).
        per_record: records of the key-per-record layout, scaled to ``many``.
        encrypted: records through the other encryption libraries.
        keyed: of these, records with a key of their own.
        events: of the audit trail that is verified.
        backed_up: records of the archive that is backed up and restored.
        low_seconds, high_seconds: of reads at 20 and at 100 a second.
    """

    repetitions: int = 5
    people: int = 500
    bundled: int = 10_000
    single: int = 3_000
    many: int = 100_000
    per_record: int = 1_440
    sweeps: int = 3
    encrypted: int = 500
    keyed: int = 100
    events: int = 1_000_000
    backed_up: int = 20_000
    low_seconds: float = 12.0
    high_seconds: float = 5.0


QUICK = Plan(
    repetitions=3,
    people=200,
    bundled=3_000,
    single=600,
    many=10_000,
    per_record=960,
    encrypted=200,
    keyed=50,
    events=100_000,
    backed_up=5_000,
    low_seconds=5.0,
    high_seconds=3.0,
)
