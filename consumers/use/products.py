"""Marketing limited by risk grade (审慎营销; clause USE-17). Pure.

At the application for named records, and at every read for whatever a selection finds.
"""

from __future__ import annotations

from schemas.errors import Refusal
from schemas.rule_tables.use import Use


def check_product(product: str | None, purpose: str, grade: str, use: Use) -> None:
    """Refuse to offer a customer what is not allowed for the customer's risk grade.

    Args:
        product: what is offered (``Grant.product``); None: nothing.
        purpose: what the information is used for.
        grade: the customer's risk grade, of the record's assessment; empty when it is not known.
        use: the rule book's table.

    Raises:
        Refusal: DG-USE-011 when a marketing use does not say what it offers and the rule book demands it; DG-USE-012
            when the product is not allowed for the grade, or the grade is not known.
    """
    if product is None:
        if purpose in use.marketing_purposes and use.product_required:
            raise Refusal("DG-USE-011", field="product")
        return
    if grade not in use.products.get(product, ()):
        raise Refusal("DG-USE-012", field="product")
