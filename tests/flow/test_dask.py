"""The whole graph on a second engine, Dask, which Beam's local runner has nothing in common with."""

import pytest

from runs import scripted
from tutelage.flow import run

UNLIKE = ("journal", "logs", "telemetry.json", "run.json")


PATIENT = {
    "distributed.comm.timeouts.connect": "600s",
    "distributed.comm.timeouts.tcp": "600s",
    "distributed.scheduler.worker-ttl": None,
}
"""A busy machine makes workers slow to answer, which Dask takes for their death."""


def test_dask_gives_the_same_bytes(tmp_path):
    pytest.importorskip("distributed", reason="apache-beam[dask] is not installed")
    import dask

    settings = {"limit": 12, "samples": 2, "splits__ratios": {"train": 0.8, "test": 0.2}}
    run(scripted(**settings), str(tmp_path / "near"))
    with dask.config.set(PATIENT):
        run(
            scripted(**settings, sets=["flow.shared_files=true"]),
            str(tmp_path / "far"),
            ("--runner=DaskRunner", "--dask_npartitions=2"),
        )
    names = {
        path.relative_to(tmp_path / "near")
        for path in (tmp_path / "near").rglob("*")
        if path.is_file()
    }
    names = {name for name in names if name.parts[0] not in UNLIKE}
    assert len(names) >= 5
    for name in sorted(names):
        assert (tmp_path / "far" / name).read_bytes() == (tmp_path / "near" / name).read_bytes()
