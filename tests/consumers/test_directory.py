"""The directory: a revocation is seen within seconds, and unknown keys cannot flood the database."""

from __future__ import annotations

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
