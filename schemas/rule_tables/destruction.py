"""Table ``[destroy]``: DES-01 to DES-09."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.destruction import Ground, Method
from schemas.intake import Name
from schemas.rule_tables.table import Table


class Destruction(Table):
    """What a destruction takes; who approves it is in ``approval.destroy``."""

    #: reason, scope, quantity, method, applicant, witness: or it is refused (DES-04).
    application_required: bool = True
    grounds: tuple[Ground, ...] = ("expired", "subject_request", "business_request", "lost_value")
    #: must list key destruction for anything to be destroyed (DES-07).
    electronic_methods: tuple[Method, ...] = ("key_destruction",)
    #: persons throughout the execution: the executor and, with 2, a witness of one of the witness roles (DES-06).
    min_persons: Annotated[int, Field(ge=1, le=2)] = 2
    witness_roles: tuple[Name, ...] = ("witness", "auditor", "compliance")
    #: ``expired`` is checked against the retention rules, and the law's minimum keeps what is asked for too early.
    retention_checked: bool = True
    #: a customer's request is answered in so many working days (DES-03).
    subject_request_working_days: Annotated[int, Field(ge=1, le=365)] = 15
    #: papers and media that belong to the records are recorded destroyed before a job is closed (DES-08).
    paper_required: bool = True
