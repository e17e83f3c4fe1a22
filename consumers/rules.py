"""What the organisation set, as the consumers use it: catalogue, policies, rule book, forms and notices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from consumers.authorize import Authorizer
from consumers.incidents.frozen import Frozen
from schemas.catalogue import Catalogue
from schemas.forms import Forms
from schemas.notices import NoticeText
from schemas.rulebook import RuleBook
from schemas.values import Step, steps


@dataclass(frozen=True, slots=True)
class Rules:
    """The field catalogue, the prepared policies, the rule book, the registered forms and notices.

    ``exempt`` holds the legal bases that need nothing said about the collection; it is empty where the rule book
    demands anything of every collection. A collect under one of them, of which nothing is said, is lawful as it is.
    ``classless`` are purposes whose retention class has no period (STO-10); nothing is collected for them.
    ``frozen`` is what is suspended because of an incident (SEC-11); nothing, where nobody reads the freezes.
    ``steps`` holds for each purpose what a collect does with each of its fields.
    """

    catalogue: Catalogue
    authorizer: Authorizer
    book: RuleBook
    forms: Forms = field(default_factory=Forms)
    notices: Mapping[str, NoticeText] = field(default_factory=dict)
    frozen: Frozen = field(default_factory=Frozen, compare=False)
    exempt: frozenset[str] = field(init=False)
    classless: frozenset[str] = field(init=False)
    steps: Mapping[str, Mapping[str, Step]] = field(init=False)

    def __post_init__(self) -> None:
        """Work out once what is asked for with every collect."""
        by_purpose = {purpose: steps(specs) for purpose, specs in self.catalogue.needed.items()}
        object.__setattr__(self, "steps", by_purpose)
        book = self.book.collection
        demands = (
            book.use_required
            or book.form_required
            or book.notice_required
            or book.channel_required
            or book.core_approval_required
            or book.collector_required
            or book.event_time_required
            or book.item_required
        )
        exempt = frozenset() if demands else frozenset(self.book.consent.legal_exemptions)
        object.__setattr__(self, "exempt", exempt - {"consent"})
        kept = self.book.retention
        classless = {
            name
            for name, purpose in self.catalogue.purposes.items()
            if kept.class_required and purpose.retention_class not in kept.years_by_class
        }
        object.__setattr__(self, "classless", frozenset(classless))
