"""Customers whose every value is valid, unlike any other customer's, and computed from one number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.catalogue import Catalogue
from schemas.values import normalise

Fields = dict[str, Any]
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def customer(number: int) -> Fields:
    """Every field of the catalogue, for customer ``number`` (0 to 99,999)."""
    born = f"{1930 + number % 70}-{1 + number // 70 % 12:02d}-{1 + number // 840 % 28:02d}"
    return {
        "name": f"欧阳试毫{number:05d}",
        "gender": ("male", "female", "other")[number % 3],
        "birth_date": born,
        "id_number": identity_number(born, number % 1000),
        "nationality": f"Ruritania-{number:05d}",
        "occupation": f"lighthouse keeper {number:05d}",
        "phone": f"+8613{800_000_000 + number}",
        "email": f"canary-{number:05d}@mailbox-{number % 7}.example.org",
        "address": f"观前街{number:05d}号墨竹苑",
        "city": f"澹台城{number:05d}",
        "account_number": card_number(number),
        "last_transaction_on": f"{2150 + number % 40}-{1 + number // 40 % 12:02d}-{1 + number // 480 % 28:02d}",
        "last_transaction_amount": f"{7_340_000 + number}.{number % 90 + 10}",
        "transaction_count": 52_817_000_000 + number,
        "preferred_channel": ("branch", "phone", "app", "post")[number % 4],
        "interests": f"falconry and clocks {number:05d}",
        "last_feedback": f"请勿外传的意见{number:05d}",
        "satisfaction": 61_904_000_000 + number,
        "risk_grade": ("low", "medium", "high")[number % 3],
    }


def identity_number(born: str, serial: int) -> str:
    """A resident identity number (GB 11643): county, birthday, serial, check character."""
    digits = f"110101{born.replace('-', '')}{serial:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=True))
    return digits + "10X98765432"[total % 11]


def card_number(number: int) -> str:
    """A card number with its Luhn digit."""
    digits = f"62178604{number:010d}"
    doubled = (int(digit) * (2 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(digits)))
    total = sum(value - 9 if value > 9 else value for value in doubled)
    return digits + str(-total % 10)


def stored(fields: Mapping[str, Any], catalogue: Catalogue) -> Fields:
    """The values as the archive answers them when nothing is masked."""
    return {name: normalise(name, catalogue.field(name), value) for name, value in fields.items()}
