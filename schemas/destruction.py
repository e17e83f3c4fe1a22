"""The destruction application (销毁申请, DES-04 to DES-06): what its signers sign, and what certificates state."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from schemas.intake import Reference
from schemas.members import MAX_COMMANDS, STRICT, Text

#: ``expired``: the period has ended and nothing needs the record any more. ``lost_value``: it is worth nothing now.
#: ``subject_request``: the customer wants it. ``business_request``: an approved change of business.
Ground = Literal["expired", "subject_request", "business_request", "lost_value"]
#: How electronic data are destroyed here: by their keys, which reaches every copy (crypto-shredding).
Method = Literal["key_destruction"]
#: The grounds that rest on a request, whose reference is stated.
REQUESTED: Final = frozenset({"subject_request", "business_request"})


class Application(BaseModel):
    """The application: its applicant asks, others approve, the command's sender executes, a witness watches.

    What has to be there is the rule book's to say, so that what is missing is refused by name. ``basis`` is the
    reference of the customer's request or of the approved change; ``no_need`` states that no business needs the
    records.
    """

    model_config = STRICT

    applicant: Reference | None = None
    scope: Text | None = None
    quantity: Annotated[int, Field(ge=1, le=MAX_COMMANDS)] | None = None
    method: Method | None = None
    witness: Reference | None = None
    basis: Reference | None = None
    no_need: bool = False
