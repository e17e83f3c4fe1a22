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


async def test_it_is_read_anew_after_its_age_and_at_once_for_an_unknown_key() -> None:
    first, second = principal("sys:one", "collector"), principal("sys:two", "collector")
    registry, now = Registry(first), [100.0]
    directory = Directory(registry, max_age=5.0, clock=lambda: now[0])  # type: ignore[arg-type]
    await directory.refresh()
    await directory.refresh()
    assert registry.reads == 1
    assert directory.signer(first.signing_keys[0].kid) == ("sys:one", first.signing_keys[0])
    assert directory.signer(second.signing_keys[0].kid) is None
    registry.everyone.append(second)
    now[0] += 1.0
    await directory.refresh(needed=(second.signing_keys[0].kid,))
    assert directory.signer(second.signing_keys[0].kid) is not None
    for _ in range(100):
        await directory.refresh(needed=("nobody",))
    assert registry.reads == 2
    now[0] += 5.0
    registry.everyone.remove(first)
    await directory.refresh()
    assert directory.principal("sys:one") is None


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
