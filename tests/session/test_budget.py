"""A run that has spent its tokens stops in good order, and goes on when it is given more."""

import asyncio
from pathlib import Path

import pytest

from tutelage import settings
from tutelage.engines.scripted import Scripted
from tutelage.errors import RunFailed
from tutelage.flow import run
from tutelage.records import Reply, Request
from tutelage.session import budget, telemetry
from tutelage.shards.journal import done


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Scripted.reply

    async def slow(engine: Scripted, request: Request) -> Reply:
        await asyncio.sleep(0.02)
        return await real(engine, request)

    monkeypatch.setattr(Scripted, "reply", slow)
    monkeypatch.setattr(Scripted, "capacity", 4)
    monkeypatch.setattr(telemetry, "_BEAT_S", 0.05)
    monkeypatch.setattr(budget, "_LOOK_S", 0.05)


def scripted(tokens: int) -> settings.Settings:
    return settings.load(
        corpora=("starter?size=300",),
        student__engine="scripted",
        teacher__engine="scripted",
        driver__budget_tokens=tokens,
        driver__concurrency=4,
    )


def test_a_budget_stops_a_run_that_goes_on_with_more(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(RunFailed, match=r"the budget of 2,000 tokens is spent .*--budget-tokens"):
        run(scripted(2000), str(out))
    first = len(done(out / "journal"))
    assert 0 < first < 300
    manifest = run(scripted(10**9), str(out))
    assert manifest["balance"]["kept"] == 300


def test_no_budget_watches_nothing(tmp_path: Path) -> None:
    with budget.watched(None, 0, pytest.fail):  # type: ignore[arg-type]
        pass
