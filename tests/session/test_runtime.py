"""What a process shares while it plays."""

import gc
from pathlib import Path

import pytest

from tutelage import settings
from tutelage.session.runtime import Runtime
from tutelage.shards import RunFolder


@pytest.mark.parametrize("frozen", [0, 7])
def test_the_collector_is_spared_while_a_run_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frozen: int
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(gc, "get_freeze_count", lambda: frozen)
    monkeypatch.setattr(gc, "freeze", lambda: calls.append("freeze"))
    monkeypatch.setattr(gc, "unfreeze", lambda: calls.append("unfreeze"))
    scripted = settings.load(student__engine="scripted", teacher__engine="scripted")
    before = gc.get_threshold()
    with (
        Runtime.shared(scripted, RunFolder(tmp_path)),
        Runtime.shared(scripted, RunFolder(tmp_path)),
    ):
        assert (gc.get_threshold() == before) == bool(frozen)
    assert gc.get_threshold() == before
    assert calls == ([] if frozen else ["freeze", "unfreeze"])
