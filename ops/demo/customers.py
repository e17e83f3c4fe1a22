"""A file of invented customers, as a bank's clerk could have exported it: Chinese column names, a few gaps.

Seven in ten are Chinese (with a resident identity number), three in ten foreign (without). Everything is drawn
from Faker and a fixed seed, so two runs write the same file for the same day. Nobody in it exists.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from faker import Faker
from stdnum.cn import ric

#: Column of the file -> field of the catalogue; the first column is the ids' source and no field.
COLUMNS: Final = {
    "姓名": "name",
    "性别": "gender",
    "出生日期": "birth_date",
    "证件号码": "id_number",
    "国籍": "nationality",
    "职业": "occupation",
    "手机": "phone",
    "电子邮箱": "email",
    "地址": "address",
    "城市": "city",
    "账号": "account_number",
    "最近交易日": "last_transaction_on",
    "最近交易金额": "last_transaction_amount",
    "交易笔数": "transaction_count",
    "偏好渠道": "preferred_channel",
    "兴趣": "interests",
    "最近反馈": "last_feedback",
    "满意度": "satisfaction",
    "风险等级": "risk_grade",
}
ID_COLUMN: Final = "客户编号"
PURPOSE: Final = "account_service"

_INTERESTS: Final = {
    "zh": ("理财", "保险", "旅行", "教育", "健康"),
    "en": ("books", "sailing", "music", "gardening", "travel"),
}
_FEEDBACK: Final = {
    "zh": ("柜台排队时间太长", "客户经理很耐心", "手机银行转账失败过一次", "希望周末也能办理业务", "短信提醒太频繁"),
    "en": (
        "The queue at the branch was long",
        "My adviser was patient and clear",
        "A transfer in the app failed once",
        "Please open on Saturdays",
        "Too many text messages",
    ),
}
_AREAS: Final = ("202", "312", "415", "617", "713")


def write_customers(path: Path, count: int, *, today: date, on_row: Callable[[], None], seed: int = 20260101) -> None:
    """Write the file (CSV, UTF-8 with a byte order mark, as spreadsheets write it).

    Args:
        path: the file to write.
        count: how many customers.
        today: no transaction is later.
        on_row: called after each row.
        seed: of everything that is drawn.
    """
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow((ID_COLUMN, *COLUMNS))
        for number, row in enumerate(_customers(seed, today), start=1):
            writer.writerow((f"KH{number:07d}", *(row.get(field, "") for field in COLUMNS.values())))
            on_row()
            if number == count:
                return


def write_mapping(path: Path) -> None:
    """Write the mapping file that ``dangan publish --map`` takes for it."""
    lines = [f'purpose = "{PURPOSE}"', 'legal_basis = "contract"', f'record_id_from = "{ID_COLUMN}"', "[columns]"]
    lines += [f'"{column}" = "{field}"' for column, field in COLUMNS.items()]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def _customers(seed: int, today: date) -> Iterator[dict[str, str]]:
    draw = random.Random(seed)  # noqa: S311 - invented data, not keys
    chinese, english = Faker("zh_CN", use_weighting=False), Faker("en_US", use_weighting=False)
    for each in (chinese, english):
        each.seed_instance(seed)
    seen: set[str] = set()
    while True:
        row = _foreign(english, draw) if draw.random() < 0.3 else _resident(chinese)
        unique = row["account_number"], row.get("id_number", "")
        if seen.isdisjoint(filter(None, unique)):
            seen.update(unique)
            yield {**row, **_business(draw, today, "zh" if row["nationality"] == "CN" else "en")}


def _resident(fake: Faker) -> dict[str, str]:
    number = _identity_number(fake)
    return {
        **_person(fake),
        "gender": "male" if int(number[16]) % 2 else "female",
        "birth_date": f"{number[6:10]}-{number[10:12]}-{number[12:14]}",
        "id_number": number,
        "nationality": "CN",
        "phone": fake.phone_number(),
    }


def _foreign(fake: Faker, draw: random.Random) -> dict[str, str]:
    return {
        **_person(fake),
        "gender": draw.choice(("male", "female", "other")),
        "birth_date": fake.date_of_birth(minimum_age=18, maximum_age=90).isoformat(),
        "nationality": draw.choice(("US", "GB", "SG", "AU")),
        # 555-01xx is set apart for fiction.
        "phone": f"+1 {draw.choice(_AREAS)} 555 01{draw.randrange(100):02d}",
    }


def _person(fake: Faker) -> dict[str, str]:
    return {
        "name": fake.name(),
        "occupation": fake.job(),
        "email": fake.safe_email(),
        "address": fake.address().replace("\n", ", "),
        "city": fake.city(),
        "account_number": fake.credit_card_number("visa"),
    }


def _business(draw: random.Random, today: date, language: str) -> dict[str, str]:
    row = {
        "last_transaction_on": (today - timedelta(days=draw.randrange(1, 720))).isoformat(),
        "last_transaction_amount": f"{draw.lognormvariate(6, 1.2):.2f}",
        "transaction_count": str(draw.randrange(1, 900)),
        "preferred_channel": draw.choice(("branch", "phone", "app", "post")),
        "interests": ", ".join(draw.sample(_INTERESTS[language], draw.randrange(1, 4))),
        "risk_grade": draw.choice(("low", "low", "medium", "high")),
    }
    if draw.random() < 0.6:  # not everybody answers surveys
        row |= {"last_feedback": draw.choice(_FEEDBACK[language]), "satisfaction": str(draw.randrange(1, 6))}
    return row


def _identity_number(fake: Faker) -> str:
    """A resident identity number; Faker draws counties that python-stdnum does not know, so draw until one is."""
    while True:
        number = str(fake.ssn())
        try:
            if ric.is_valid(number):
                return number
        except LookupError:  # an unknown county
            continue
