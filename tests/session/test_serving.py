"""One server for all players on vLLM, the reader among them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tutelage import settings
from tutelage.errors import SettingsError
from tutelage.session import serving as room
from tutelage.shards import RunFolder


@contextmanager
def _server(*_: Any, **__: Any) -> Iterator[Any]:
    yield SimpleNamespace(url="http://127.0.0.1:1/v1")


def test_the_reader_is_served_with_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tutelage.engines.launch.VllmServer", _server)
    monkeypatch.setattr("tutelage.engines.supervisor.Supervisor", _server)
    chosen = settings.load("", ["student.model=a/b"])
    with room.serving(chosen, RunFolder(tmp_path), print, print) as served:
        assert {served.student.engine, served.teacher.engine, served.judge.engine} == {"server"}
    other = settings.load("", ["student.model=a/b", "judge.model=c/d"])
    with (
        pytest.raises(SettingsError, match="two models"),
        room.serving(other, RunFolder(tmp_path), print, print),
    ):
        pass
