"""A run that has spent its tokens stops in good order, and goes on when it is given more."""

import asyncio
from pathlib import Path

import pytest

from tutelage import settings
from tutelage.engines.scripted import Scripted
from tutelage.errors import RunFailed, SettingsError
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
    monkeypatch.setattr(telemetry, "_HEARTBEAT_S", 0.05)
    monkeypatch.setattr(budget, "_POLL_S", 0.05)


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


def test_a_budget_in_money_does_the_same(tmp_path: Path) -> None:
    sides = {"student__price_out": 100.0, "teacher__price_in": 50.0}
    chosen = settings.altered(scripted(0), driver__budget_usd=0.2, **sides)
    with pytest.raises(RunFailed, match=r"the budget of 0.20 USD is spent .*--budget-usd"):
        run(chosen, str(tmp_path / "run"))
    assert 0 < len(done(tmp_path / "run" / "journal")) < 300
    manifest = run(settings.altered(chosen, driver__budget_usd=10**6), str(tmp_path / "run"))
    assert manifest["balance"]["kept"] == 300


def test_what_tokens_cost() -> None:
    prices = {"student__price_out": 2.0, "teacher__price_in": 0.15, "teacher__price_out": 0.6}
    chosen = settings.altered(scripted(0), **prices)
    by_kind = {"teacher.prompt": 2_000_000, "teacher.completion": 500_000, "student.prompt": 10**9}
    assert budget.cost(by_kind, chosen) == pytest.approx(0.3 + 0.3)
    donors = {"donors.prompt": 1_000_000, "donors.completion": 1_000_000}
    assert budget.cost(donors, chosen) == pytest.approx(0.15 + 2.0)


def test_a_budget_in_money_wants_prices() -> None:
    with pytest.raises(SettingsError, match="price_in") as caught:
        settings.load("", ("driver.budget_usd=5",))
    assert "\n" not in str(caught.value)


def test_prices_and_budgets_are_no_part_of_what_a_run_is() -> None:
    dear = settings.altered(scripted(0), teacher__price_in=1.0, driver__budget_usd=3.0)
    assert dear.run_id() == scripted(0).run_id()


def test_no_budget_watches_nothing(tmp_path: Path) -> None:
    with budget.watched(None, scripted(0), pytest.fail):  # type: ignore[arg-type]
        pass
