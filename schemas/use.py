"""Commands of use (使用): application, opinions and approvals, reading many, searching, giving back.

application -> opinions and approvals -> grant -> reads -> returned with a usage record. One read of one record is
:class:`schemas.commands.Access`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from schemas.intake import Moment, Name, Reference
from schemas.members import MAX_COMMANDS, MAX_FIELDS, Approvals, CommandBase, CommandId, FieldName, Text, Value

#: Records of one page of a bulk read: at most, and where the reader does not say.
MAX_ROWS: Final = 1000
ROWS: Final = 200
#: What a selection may ask of records: attributes that stand in clear (``building``), at most four.
Selection = Annotated[dict[Name, Name], Field(max_length=4)]
#: A field, or a kind of attachment.
Readable = Annotated[str, StringConstraints(pattern=r"^(attachment\.)?[a-z][a-z0-9_]{0,47}$")]
Fields = Annotated[tuple[Readable, ...], Field(max_length=MAX_FIELDS)]
#: A record, or ``*``: all of them.
Target = Annotated[str, StringConstraints(pattern=r"^(\*|[A-Za-z0-9][A-Za-z0-9._:-]{2,63})$")]

#: A place in a bulk read, as an answer named it; opaque (keys/cursors.py).
Place = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]


class Apply(CommandBase):
    """Application for use (使用申请, USE-01, USE-02): its sender is who wants to read.

    What has to be there is the rule book's to say, so that what is missing is refused by name: every member is
    optional here. ``records`` (``*``: all customers', USE-04) or a ``selection``; ``clear`` names the fields to be seen
    unmasked; ``copying`` asks to copy, extract, print or export (USE-13) to the computer ``terminal`` (STO-17),
    ``history`` for earlier versions (UPD-04); ``product`` is what a marketing use offers (USE-17). ``contact`` is an
    opaque reference to the applicant's particulars. ``emergency`` asks for the grant at once, to be signed afterwards.
    """

    type: Literal["apply"]
    records: Annotated[tuple[Target, ...], Field(max_length=MAX_COMMANDS)] = ()
    selection: Selection = Field(default_factory=dict)
    fields: Fields = ()
    clear: Fields = ()
    purpose: Name | None = None
    reason: Text | None = None
    contact: Reference | None = None
    not_before: Moment | None = None
    not_after: Moment | None = None
    copying: bool = False
    terminal: Name | None = None
    history: bool = False
    product: Name | None = None
    emergency: bool = False


class Endorse(CommandBase):
    """An opinion or a decision on an application (审核、审批, USE-03), by who signs it.

    ``approvals`` holds one signature over the application's digest; its action says what is signed: an approval, a
    rejection or an opinion. Somebody else may send it on. ``reason`` explains a rejection or an opinion.
    """

    type: Literal["endorse"]
    application: CommandId
    reason: Text | None = None
    approvals: Approvals


class Browse(CommandBase):
    """A page of a bulk read under a grant: records in order of their ids, from the place ``after``.

    ``until`` is the place that it ends at: answers name where the next pages end, so that a reader can ask for one
    before it has the one before. Both are tokens that tell no id. ``copying`` says that the answer will be saved,
    printed or sent on: the grant must allow it (USE-13).
    """

    type: Literal["browse"]
    grant: Reference
    purpose: Name
    fields: Annotated[tuple[FieldName, ...], Field(min_length=1, max_length=MAX_FIELDS)]
    after: Place | None = None
    until: Place | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS)] = ROWS
    copying: bool = False


class Search(CommandBase):
    """An exact search by an indexed field under a grant: which of the grant's records have that value."""

    type: Literal["search"]
    grant: Reference
    purpose: Name
    field: FieldName
    value: Value


class GiveBack(CommandBase):
    """Return after use (归还, USE-11) with the usage record (使用记录, USE-12): the grant ends.

    ``copies`` working copies were made and ``copies_destroyed`` of them are destroyed; ``filed`` went to the archive.
    """

    type: Literal["give_back"]
    grant: Reference
    usage: Text
    copies: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    copies_destroyed: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    copies_filed: Annotated[int, Field(ge=0, le=1_000_000)] = 0
