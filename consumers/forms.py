"""Whether a collection keeps to its form and its kind of item (clauses COL-08, COL-14 to 16, ARR-01, ARR-09)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from consumers.received import Received
from consumers.rules import Rules
from schemas.commands import Collect
from schemas.errors import Refusal
from schemas.forms import Form
from schemas.intake import Intake


def form_of(command: Collect, said: Intake, rules: Rules) -> Form | None:
    """The form that the collection is on (统一收集表格), if it keeps to it.

    Raises:
        Refusal: DG-COL-016, 017 (all missing fields at once), 018.
    """
    if said.form is None:
        if rules.book.collection.form_required:
            raise Refusal("DG-COL-016", field="intake.form")
        return None
    form = rules.forms.forms.get(said.form)
    if form is None:
        raise Refusal("DG-COL-016", field="intake.form", detail="not registered")
    if command.purpose not in form.purposes:
        raise Refusal("DG-COL-016", field="intake.form", detail="made for other purposes")
    check_fields(form, command.fields, command.fields)
    return form


def check_fields(form: Form, given: Iterable[str], held: Collection[str]) -> None:
    """Check fields against a form.

    Args:
        form: which they are on.
        given: the fields that come now.
        held: those that the record then has.

    Raises:
        Refusal: DG-COL-017 (all missing fields at once), 018.
    """
    for name in given:
        if name not in form.fields:
            raise Refusal("DG-COL-018", field=name)
    if missing := [name for name in form.mandatory if name not in held]:
        raise Refusal("DG-COL-017", field=missing[0], detail=", ".join(missing))


def with_item(received: Received[Collect], rules: Rules) -> Received[Collect]:
    """The command with the kind of item that its form names: what is stored says by itself what it is (ARR-01)."""
    said = received.command.intake
    form = rules.forms.forms.get(said.form) if said is not None and said.form and said.item is None else None
    if said is None or form is None:
        return received
    intake = said.model_copy(update={"item": form.item})
    return replace(received, command=received.command.model_copy(update={"intake": intake}))


def item(command: Collect, said: Intake, form: Form | None, rules: Rules) -> None:
    """Check the item by its kind (信息类别), which it says itself or its form does.

    Raises:
        Refusal: DG-COL-020, 021 (all that is missing at once), 024, 027.
    """
    name = said.item or (form.item if form else None)
    if form is not None and said.item is not None and said.item != form.item:
        raise Refusal("DG-COL-024", field="intake.item", detail="not the form's kind")
    kind = rules.forms.items.get(name) if name is not None else None
    if kind is None and (name is not None or rules.book.collection.item_required):
        raise Refusal("DG-COL-024", field="intake.item")
    recorded = not rules.catalogue.recordings.isdisjoint(command.fields)
    if recorded or said.recording is not None or (kind is not None and kind.recording):
        _desensitised(said)
    if kind is None:
        return
    if missing := [" or ".join(group) for group in kind.required if command.fields.keys().isdisjoint(group)]:
        raise Refusal("DG-COL-021", field=missing[0].split(" ", 1)[0], detail=", ".join(missing))
    if kind.matter and said.matter is None:
        raise Refusal("DG-COL-027", field="intake.matter")


def _desensitised(said: Intake) -> None:
    """COL-14: a recording (电话录音) comes desensitised (脱敏), with method and operator, or not at all."""
    recording = said.recording
    if recording is None or not recording.desensitised:
        raise Refusal("DG-COL-020", field="intake.recording")
    if recording.method is None:
        raise Refusal("DG-COL-020", field="intake.recording.method")
    if recording.operator is None:
        raise Refusal("DG-COL-020", field="intake.recording.operator")
