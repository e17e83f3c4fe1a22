"""Python's collector of cycles, for programs that make many objects and few cycles."""

from __future__ import annotations

import gc


def calm_the_collector() -> None:
    """Look through what is made from now on, and seldom; call it when what stays has been made.

    What start-up made lives for ever, and a batch makes some 10,000 objects without cycles: looking through all of them
    again and again cost a tenth of a worker's CPU, and a seventh of a sweep's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
