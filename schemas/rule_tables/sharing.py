"""What is demanded of sharing and of transfers: SHR-05 to SHR-08, SHR-12."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.intake import Name
from schemas.rule_tables.table import Table
from schemas.rule_tables.use import Tier


class Sharing(Table):
    """Table ``[share]`` (共享)."""

    #: a customer's information goes to third parties with the customer's recorded consent only (SHR-05).
    customer_consent: bool = True
    #: an aggregate publishes no group of fewer customers (SHR-06).
    k_minimum: Annotated[int, Field(ge=2, le=1000)] = 5
    #: fields of these categories identify a customer, besides names, numbers, telephones, addresses of e-mail.
    identifier_categories: tuple[str, ...] = ("basic.identity",)
    #: how long a share lasts at most.
    longest_days: Annotated[int, Field(ge=1, le=3660)] = 366
    #: the recipient's agreement says how it stores encrypted (SHR-07).
    encrypted_at_rest: bool = True


class Transfer(Table):
    """Table ``[transfer]`` (传输)."""

    #: the internal secure network, and channels that are encrypted by themselves (SHR-07).
    encrypted_channels: tuple[Name, ...] = (
        "kafka_reply", "sftp_encrypted", "https", "encrypted_media", "email_encrypted",
    )  # fmt: skip
    #: channels that are refused as such (SHR-08).
    unsafe_channels: tuple[Name, ...] = ("email_plain", "messenger", "telephone", "telegraph", "fax")
    #: all customer information; or core-sensitive information and whatever is more than the bulk threshold.
    unsafe_channel_scope: Literal["all", "core_and_bulk"] = "all"
    #: a set of more customers than so many is bulk.
    bulk_threshold: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    #: who carries important records, and what is important (SHR-12): a tier, a grade of secrecy, an importance.
    designated_role: Name = "carrier"
    important_tiers: tuple[Tier, ...] = ("core",)
    important_grades: tuple[Literal["secret", "top_secret"], ...] = ("secret", "top_secret")
    important_customers: tuple[Name, ...] = ("important",)
    #: the safeguards that can be stated; one at least is.
    safeguards: tuple[Name, ...] = ("two_persons", "locked_case", "sealed_bag", "escort", "encrypted_device")
