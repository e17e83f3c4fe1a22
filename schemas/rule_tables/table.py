"""What every table of the rule book has in common: no setting that is not declared."""

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A table of ``rules.toml``; each default is the strictest reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
