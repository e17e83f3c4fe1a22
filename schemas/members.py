"""What commands are made of: their members' types and limits.

All sizes are bounded here, so that whatever passes has a known largest cost.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.intake import Reference

MAX_COMMANDS = 256
MAX_FIELDS = 64
MAX_TEXT = 4096
#: Of an attachment: bytes of a part, parts, and characters of a part in base64.
PART_BYTES = 256 * 1024
MAX_PARTS = 64
MAX_DATA = 4 * -(-PART_BYTES // 3)
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
CommandId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"),
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
#: A field's value: a text of at most 4,096 characters, a number or a truth value.
Value = Annotated[str, StringConstraints(max_length=MAX_TEXT)] | bool | int | float

Records = Annotated[tuple[Reference, ...], Field(min_length=1, max_length=MAX_COMMANDS)]
#: The version of each of the records, in their order, that somebody looked at.
Versions = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(max_length=MAX_COMMANDS)]
#: compact JWS, one per signer, over the digest of the command without its approvals (schemas/approvals.py).
Approvals = Annotated[tuple[Annotated[str, StringConstraints(max_length=2048)], ...], Field(max_length=8)]

STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CommandBase(BaseModel):
    """What every command has: an id that its sender chooses, and nothing that is not declared."""

    model_config = STRICT

    id: CommandId
