"""Customers as an organisation has them: Faker's zh_CN and en_US locales, identity to feedback, made once.

The same seed gives the same people. None of them is a person; the identity and card numbers have valid check
digits, because the archive refuses others.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any, Final

from faker import Faker
from stdnum.cn import ric

Fields = dict[str, Any]

PURPOSE: Final = "account_service"
_CHANNELS: Final = ("branch", "phone", "app", "post")
_GRADES: Final = ("low", "medium", "high")
_INTERESTS: Final = ("funds", "travel", "insurance", "savings", "cars", "music", "school fees")


def customers(count: int, *, seed: int = 20) -> list[Fields]:
    """Distinct customers, half of them Chinese names and addresses, half English ones; 17 fields each."""
    chinese, english = Faker("zh_CN"), Faker("en_US")
    chinese.seed_instance(seed)
    english.seed_instance(seed)
    identities = _identities(chinese)
    return [_customer(faker, chinese, next(identities)) for faker in islice(cycle((chinese, english)), count)]


def _identities(faker: Faker) -> Iterator[str]:
    while True:
        number = faker.ssn()
        try:
            if ric.is_valid(number):
                yield number
        except KeyError:  # a county that stdnum's table does not have
            continue


def _customer(faker: Faker, chinese: Faker, identity: str) -> Fields:
    return {
        "name": faker.name(),
        "gender": faker.random_element(("male", "female")),
        "birth_date": f"{identity[6:10]}-{identity[10:12]}-{identity[12:14]}",
        "id_number": identity,
        "occupation": faker.job(),
        "phone": chinese.phone_number(),
        "email": chinese.ascii_free_email(),
        "address": faker.address().replace("\n", ", "),
        "city": faker.city(),
        "account_number": faker.credit_card_number("visa"),
        "last_transaction_on": faker.date_between("-2y", "-1d").isoformat(),
        "last_transaction_amount": f"{faker.random_int(1, 9_999_999) / 100:.2f}",
        "transaction_count": faker.random_int(1, 400),
        "preferred_channel": faker.random_element(_CHANNELS),
        "interests": ", ".join(faker.random_elements(_INTERESTS, 3, unique=True)),
        "last_feedback": faker.sentence(),
        "satisfaction": faker.random_int(1, 5),
    }
