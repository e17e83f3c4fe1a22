"""The directory: a revocation is seen within seconds, and unknown keys cannot flood the database."""

from __future__ import annotations

from dataclasses import replace

from consumers.directory import Directory
from schemas.principals import Principal
from tests.consumers.samples import principal


class Registry:
    """Registered principals; counts how often they are read."""

    def __init__(self, *everyone: Principal) -> None:
        self.everyone = list(everyone)
        self.reads = 0

    async def all(self) -> list[Principal]:
        self.reads += 1
        return self.everyone


class Time:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def test_it_is_read_when_old_and_at_once_for_an_unknown_key() -> None:
    first, second = principal("sys:one", "collector"), principal("sys:two", "collector")
    registry, time = Registry(first), Time()
    directory = Directory(registry, max_age=5.0, clock=time, sleep=time.sleep)  # type: ignore[arg-type]
    await directory.refresh()
    await directory.refresh()
    assert registry.reads == 1
    assert directory.signer(first.signing_keys[0].kid) == ("sys:one", first.signing_keys[0])
    registry.everyone.append(second)
    await directory.refresh(anew=True)
    assert directory.signer(second.signing_keys[0].kid) is not None
    registry.everyone.remove(first)
    time.now += 5.0
    await directory.refresh()
    assert directory.principal("sys:one") is None


async def test_unknown_keys_read_the_registrations_ten_times_a_second_at_most() -> None:
    registry, time = Registry(), Time()
    directory = Directory(registry, clock=time, sleep=time.sleep)  # type: ignore[arg-type]
    for _ in range(50):
        await directory.refresh(anew=True)
    assert registry.reads <= 1 + (time.now - 100.0) / 0.1 + 1e-6


async def test_a_key_registered_twice_belongs_to_nobody() -> None:
    first, other = principal("sys:one", "collector"), principal("sys:other", "reader")
    stolen = replace(other, signing_keys=(*other.signing_keys, *first.signing_keys))
    for everyone in ((first, stolen), (stolen, first)):
        directory = Directory(Registry(*everyone))  # type: ignore[arg-type]
        await directory.refresh()
        assert directory.signer(first.signing_keys[0].kid) is None
        assert directory.signer(other.signing_keys[0].kid) == ("sys:other", other.signing_keys[0])


async def test_a_key_listed_twice_for_one_principal_is_refused_too() -> None:
    good = principal("sys:one", "collector")
    revoked = replace(good.signing_keys[0], revoked_at=1)
    directory = Directory(Registry(replace(good, signing_keys=(good.signing_keys[0], revoked))))  # type: ignore[arg-type]
    await directory.refresh()
    assert directory.signer(good.signing_keys[0].kid) is None
