"""The whole graph on a second engine, Dask, which Beam's local runner has nothing in common with."""

import json
import multiprocessing

import pytest

from runs import scripted
from tutelage.corpora import open_corpus
from tutelage.flow import run

UNLIKE = ("journal", "logs", "telemetry.json", "run.json")


PATIENT = {
    "distributed.comm.timeouts.connect": "600s",
    "distributed.comm.timeouts.tcp": "600s",
    "distributed.scheduler.worker-ttl": None,
    "distributed.worker.multiprocessing-method": "forkserver",
    "distributed.worker.profile.enabled": False,
}
"""A busy machine makes workers slow to answer, which Dask takes for their death. They are forks of
one process that has imported what they need.
"""


def test_dask_gives_the_same_bytes(tmp_path):
    """Also of what two processes find of an evaluation set: each looks at problems of its own."""
    pytest.importorskip("distributed", reason="apache-beam[dask] is not installed")
    import dask
    from distributed import Client
    from distributed.utils import get_mp_context

    evals = tmp_path / "evals.jsonl"
    known = [row.problem for row in open_corpus("starter?size=12").rows()][::3]
    lines = (
        {"question": p.statement, "answer": f"{p.solution}\n#### {p.gold.value}"} for p in known
    )
    evals.write_text("".join(json.dumps(line) + "\n" for line in lines))
    settings = {"limit": 12, "samples": 2, "splits__ratios": {"train": 0.8, "test": 0.2}}
    settings |= {"arms": ("sml", "single"), "decontaminate__paths": (str(evals),)}
    manifest = run(scripted(**settings), str(tmp_path / "near"))
    assert manifest["balance"]["filtered"] == len(known)
    with dask.config.set(PATIENT):
        get_mp_context()  # names what is imported before, once
        multiprocessing.set_forkserver_preload(["distributed.nanny", "tutelage.flow"])
        run(
            scripted(**settings, sets=["flow.shared_files=true"]),
            str(tmp_path / "far"),
            ("--runner=DaskRunner", "--dask_npartitions=2"),
        )
    assert [client.status for client in Client._instances if client.status != "closed"] == []
    names = {
        path.relative_to(tmp_path / "near")
        for path in (tmp_path / "near").rglob("*")
        if path.is_file()
    }
    names = {name for name in names if name.parts[0] not in UNLIKE}
    assert {name.parts[0] for name in names} >= {"shards", "rejects", "contamination.jsonl"}
    for name in sorted(names):
        assert (tmp_path / "far" / name).read_bytes() == (tmp_path / "near" / name).read_bytes()
