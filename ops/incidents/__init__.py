"""Handling incidents (事件处置): from the report that was taken in hand to the closing report."""
