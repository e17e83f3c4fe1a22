"""Whether an application still says what was signed: asked before a signature counts, and before a grant is made.

The stored application is what a grant is made of, and who can write to the database can change it between two genuine
signatures. The digest that the signatures are over follows from the request; so does the period; and each signature is
verified again with the key that it was counted with. Who the posts are is not signed (docs/threat-model.md).
"""

from __future__ import annotations

import hmac

from consumers.approvals import Registered
from consumers.use.signatures import verified_again
from schemas.approvals import digest_of
from schemas.errors import Refusal
from schemas.moments import unix_ms
from schemas.use import Apply
from store.applications import Application


def check_whole(application: Application, directory: Registered) -> None:
    """Check that request, digest, period and signatures of an application belong together.

    Args:
        application: as it is stored.
        directory: who is registered.

    Raises:
        Refusal: DG-USE-046 when one was changed.
    """
    try:
        request = Apply.model_validate(application.request)
    except ValueError:
        raise Refusal("DG-USE-046", detail="request") from None
    if not hmac.compare_digest(digest_of(request, application.applicant), application.digest):
        raise Refusal("DG-USE-046", detail="request")
    if request.not_after is not None and application.not_after > unix_ms(request.not_after) // 1000:
        raise Refusal("DG-USE-046", detail="period")
    begins = None if request.not_before is None or request.emergency else unix_ms(request.not_before) // 1000
    if begins is not None and application.not_before < begins:
        raise Refusal("DG-USE-046", detail="period")
    if len({step.by for step in application.approved}) < len(application.approved):
        raise Refusal("DG-USE-046", detail="signatures")
    if not all(verified_again(step, application.digest, directory) for step in application.steps):
        raise Refusal("DG-USE-046", detail="signatures")
