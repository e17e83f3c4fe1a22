"""What is demanded of backups and of where the archive runs: STO-01, 06, 07, 08, 09."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from schemas.rule_tables.table import Table

Every = Literal["incremental_days", "full_days"]
_STRICTEST: Final[Mapping[Every, int]] = {"incremental_days": 1, "full_days": 7}


class Backup(Table):
    """Table ``[backup]``: STO-01, 06, 07, 08 (备份)."""

    #: only places of ``HOME/places.toml`` that are approved, and nobody's own computer or removable drive (指定存储).
    approved_places: bool = True
    #: at another site than the primary store (异地存放).
    offsite_required: bool = True
    #: on storage that is itself encrypted; and no plain copy of the data (备份加密).
    encrypted_places: bool = True
    #: so many places must hold each backup.
    places: Annotated[int, Field(ge=1, le=9)] = 2
    #: an incremental and a full backup at least every so many days (每日增量, 每周全量).
    schedule: Mapping[Every, Annotated[int, Field(ge=1, le=92)]] = Field(default_factory=lambda: dict(_STRICTEST))
    #: a simulated restore at least every so many months (模拟恢复测试).
    drill_months: Annotated[int, Field(ge=1, le=24)] = 3

    @field_validator("schedule")
    @classmethod
    def _both(cls, schedule: Mapping[Every, int]) -> Mapping[Every, int]:
        return {**_STRICTEST, **schedule}


class Deployment(Table):
    """Table ``[deployment]``: STO-09 (双活数据中心)."""

    #: over so many sites MongoDB's members and Kafka's brokers are spread.
    sites: Annotated[int, Field(ge=1, le=9)] = 2
    #: copies of each topic's partitions, and how many of them must have a message before it counts.
    replication: Annotated[int, Field(ge=1, le=9)] = 3
    min_insync: Annotated[int, Field(ge=1, le=9)] = 2
