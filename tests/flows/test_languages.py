"""On the real stack: who is registered with Chinese is answered in Chinese, others as before; the audit has codes."""

from __future__ import annotations

import asyncio
import csv
import time
import uuid
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from keys.principal_keys import PrincipalKeys, dump_keys
from ops.audited import desk
from ops.commands import publish as publish_command
from ops.private_files import write_private
from ops.registry import register
from schemas.errors import TEXTS
from schemas.levels import Level
from schemas.locales import Locale
from tests.harness.aftermath import audit_events, by_command
from tests.harness.office import PURPOSE, Office, public
from tests.harness.workers import Worker

pytestmark = pytest.mark.flow

CANARY = "绝无此号九零二一"


async def _clerk(office: Office, locale: Locale | None) -> PrincipalKeys:
    """A new clerk, registered twice: the second time nobody says a language, and the first one stays."""
    keys = PrincipalKeys.generate(f"sys:clerk-{uuid.uuid4().hex[:6]}")
    async with desk(office.settings) as at:
        for named in (locale, None):
            await register(
                at,
                public(keys),
                roles=("collector",),
                department="retail",
                clearance=Level.CORE,
                person=False,
                now=int(time.time()),
                locale=named,
            )
    return keys


async def test_a_chinese_clerk_is_refused_in_chinese_and_an_english_one_in_english(
    office: Office, worker: Worker
) -> None:
    chinese, english = await _clerk(office, "zh-CN"), await _clerk(office, None)
    parts = {"subject": "subject-1", "purpose": PURPOSE, "legal_basis": "contract", "fields": {"phone": CANARY}}
    results = []
    for keys in (chinese, english):
        async with office.publisher(keys) as publisher, asyncio.timeout(30):
            results.append(await (await publisher.publish("collect", {"record": f"spoken-{keys.principal}", **parts})))
    ours, theirs = results
    assert (ours.code, ours.field) == (theirs.code, theirs.field) == ("DG-COL-002", "phone")
    assert ours.message == "字段的值不正确。（应为电话号码；非大陆号码须带国家代码）"
    assert ours.next_step == "请在来源处更正该值，然后重新发送这条记录。"
    assert (theirs.message or "").startswith(TEXTS["DG-COL-002"].sentence)
    assert theirs.next_step == TEXTS["DG-COL-002"].next_step
    assert CANARY not in f"{ours}{theirs}"
    events = by_command(await audit_events(office.settings))
    for result in results:
        (event,) = events[result.id].values()
        assert (event["status_code"], event["status_detail"]) == ("DG-COL-002", TEXTS["DG-COL-002"].sentence)


async def test_a_published_files_results_are_in_the_publishers_language(
    office: Office, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANGAN_LANG", "zh-CN")
    keys = await _clerk(office, "zh-CN")
    data, key, out = tmp_path / "customers.csv", tmp_path / "clerk.key", tmp_path / "out.csv"
    write_private(key, dump_keys(keys, None))
    data.write_text(f"客户编号,name,phone\n1,王小明,13912345678\n2,王小明,{CANARY}\n,王小明,13912345678\n", "utf-8")
    app = typer.Typer()
    publish_command.register(app)
    options = ["--as", str(key), "--home", str(office.settings.home), "--result", str(out), "--purpose", PURPOSE]
    more = ["--legal-basis", "contract", "--record-id-from", "客户编号"]
    done = await asyncio.to_thread(CliRunner().invoke, app, [str(data), *options, *more])
    assert done.exit_code == 1, done.output
    with out.open(encoding="utf-8-sig", newline="") as file:
        lines = {line["row"]: line for line in csv.DictReader(file)}
    assert lines["2"]["status"] == "accepted"
    assert lines["3"]["sentence"].startswith("字段的值不正确。")
    assert lines["3"]["next_step"].startswith("请在来源处更正该值")
    assert lines["4"]["code"] == "DG-PUB-006"
    assert lines["4"]["sentence"] == "用来生成编号的那一列在这一行是空的。（第 4 行）"
    assert CANARY not in out.read_text("utf-8") + done.output
