"""An example to begin with: a mapping file and three customers who do not exist, which any installation can try."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from schemas.errors import DanganError

MAPPING_NAME: Final = "example-map.toml"
TABLE_NAME: Final = "example-customers.csv"

_MAPPING: Final = """\
# Which column is which field, and what is the same for every row. Try it, sending nothing:
#   dangan publish example-customers.csv --map example-map.toml --as YOUR.key --dry-run
# docs/wire.md, sections 6 and 13, explains every member.

purpose = "account_service"         # a purpose of the field catalogue; it decides which fields may be given
legal_basis = "contract"            # consent, contract, legal_duty, vital_interest or public_duty
record_id_from = "客户编号"          # ids are derived from this column; its values stay secret
ignore = ["备注"]                    # columns that are not published

[columns]                           # column = field
"客户姓名" = "name"
"手机号" = "phone"
"城市" = "city"

[intake]                            # the circumstances of the collection, as your rule book demands them
channel = "business"
collector = { column = "采集人" }    # a column instead of a constant
happened_at = { column = "办理时间", utc_offset = "+08:00" }   # a spreadsheet's date or time

# What else a strict rule book asks for; take the comment signs away and put your own references in.
# use = "account"
# form = "retail@1"
# custodian = "person:custodian-01"
# [intake.notice]
# reference = "notice:2026-03"
# given_at = { column = "告知时间", utc_offset = "+08:00" }
# [intake.customer]
# type = "individual"
# business_type = "retail"
# segment = "ordinary"
# [consent]
# reference = { column = "同意书编号" }
# text_sha256 = "64 hexadecimal digits: the digest of the text that was agreed to"
# given_at = { column = "同意日期", utc_offset = "+08:00" }
# explicit = true
# retention_months = 60
"""
_TABLE: Final = """\
客户编号,客户姓名,手机号,城市,采集人,办理时间,备注
例-1,示例客户甲,13800138000,示例城,person:clerk-01,2025-03-03 09:15,不发布
例-2,示例客户乙,13800138001,示例城,person:clerk-01,2025-03-03 10:40,
例-3,示例客户丙,13800138002,示例城,person:clerk-02,2025-03-04,
"""


def write_example(folder: Path) -> tuple[Path, Path]:
    """Write the mapping file and the table into a folder; neither replaces a file.

    Raises:
        DanganError: DG-PUB-011.
    """
    files = (folder / MAPPING_NAME, folder / TABLE_NAME)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text, encoding in zip(files, (_MAPPING, _TABLE), ("utf-8", "utf-8-sig"), strict=True):
            with file.open("x", encoding=encoding, newline="") as out:  # Excel needs the mark to see UTF-8
                out.write(text)
    except OSError as error:
        raise DanganError("DG-PUB-011", field=str(folder), detail=error.strerror) from None
    return files
