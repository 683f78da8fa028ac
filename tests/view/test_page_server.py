"""The server of the page: who is served, what it returns, and that new rows appear."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from played import Played, Said
from tables import published, row
from tutelage.cli import cli
from tutelage.errors import Mistake
from tutelage.shards import Journal, RunFolder, read_rows
from tutelage.view import marks, static
from tutelage.view.app import app
from tutelage.view.rows import Query, Rows


@pytest.fixture
def client(run: str) -> TestClient:
    return TestClient(app(Rows([run]), "secret"), headers={"X-Token": "secret"})


def rows(client: TestClient, **params: Any) -> list[str]:
    return [row["dialogue_id"] for row in client.get("/api/rows", params=params).json()["rows"]]


@pytest.mark.parametrize("path", ["/", "/api/state", "/api/rows", "/api/dialogue?id=d3-sml-0"])
def test_nothing_is_served_without_the_token(path: str, client: TestClient):
    for headers in ({"X-Token": ""}, {"X-Token": "secreT"}):
        reply = client.get(path, headers=headers)
        assert reply.status_code == 403 and "It is" not in reply.text
    reply = client.post("/api/marks", headers={"X-Token": ""}, json={"a": "keep"})
    assert reply.status_code == 403


def test_requests_under_another_host_name_are_refused(client: TestClient):
    assert client.get("/?token=secret", headers={"Host": "evil.example"}).status_code == 421
    assert client.get("/?token=secret").status_code == 200


def test_the_page_may_load_nothing_from_elsewhere(client: TestClient):
    reply = client.get("/?token=secret")
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert not re.search(r"https?://", reply.text)
    for name in ("app.js", "app.css", "preact.js"):
        assert client.get(f"/page/{name}").status_code == 200
    assert client.get("/page/page.html").status_code == 404
    assert client.get("/page/..%2Fapp.py").status_code == 404


def test_rows_are_paged_sorted_filtered_and_searched(client: TestClient):
    first = client.get("/api/rows").json()
    assert (first["total"], len(first["rows"])) == (86, 50)
    assert len(rows(client, offset="50")) == 36
    assert rows(client, f="how:turn 2") == ["d3-sml-0", "d6-sml-0"]
    assert rows(client, f="cut:1") == ["d6-sml-0"]
    assert rows(client, search="OFF BY THREE") == ["d3-sml-0"]
    assert rows(client, search="التفاحات") == ["d5-sml-0"]
    assert rows(client, where="outcome.status = 'exhausted'") == ["d3-sml-1"]
    assert rows(client, sort="turns", desc="1")[0] in {"d3-sml-0", "d3-sml-1", "d6-sml-0"}
    facets = client.get("/api/facets", params={"f": "arm:sml"}).json()
    assert dict(facets["how"]) == {"turn 1": 82, "turn 2": 2, "exhausted": 1}


@pytest.mark.parametrize(
    "where",
    ["1 = 1) OR (1", "dialogue_id; DROP TABLE light", "nothing > 1",
     "EXISTS (SELECT 1 FROM read_text('/etc/passwd'))"],
)  # fmt: skip
def test_an_invalid_condition_is_one_line(where: str, client: TestClient):
    reply = client.get("/api/rows", params={"where": where})
    assert reply.status_code == 400 and "\n" not in reply.json()["error"]
    assert len(rows(client)) == 50


def test_a_dialogue_comes_whole_and_its_problem_with_all_arms(client: TestClient):
    row = client.get("/api/dialogue", params={"id": "d3-sml-0"}).json()
    assert [m["content"] for m in row["messages"]][-1] == "It is 6"
    assert row["privileged_context"] and "token_ids" not in row["trail"][-1]
    all_ = client.get("/api/problem", params={"id": "p3"}).json()
    assert [(r["arm"], r["sample"]) for r in all_] == [("retry", 0), ("sml", 0), ("sml", 1)]
    spelled = client.get("/api/tokens", params={"id": "d3-sml-0"}).json()
    assert spelled[-1] == [["5 ", -0.5], ["6 ", pytest.approx(-0.51)], ["7 ", pytest.approx(-0.52)]]
    assert client.get("/api/dialogue", params={"id": "x"}).status_code == 400


def test_marks_become_a_filter(client: TestClient, run: str):
    reply = client.post("/api/marks", json={"d3-sml-0": "drop", "d4-sml-0": "drop", "x": "?"})
    assert reply.json()["command"].startswith(f"tutelage filter {run} --where ")
    condition = (Path(run) / "marks.sql").read_text("utf-8")
    assert len(rows(client, where=condition)) == 50
    assert "d3-sml-0" not in rows(client, where=condition)
    assert client.get("/api/state").json()["marks"] == {"d3-sml-0": "drop", "d4-sml-0": "drop"}
    assert marks.condition({"a": "keep", "b'": "drop"}) == "dialogue_id IN ('a')"
    for bad in ("[]", "{", "{}"):
        assert client.post("/api/marks", content=bad).status_code == 400


def test_marks_over_several_runs_filter_them_all(tmp_path: Path):
    runs = [published(tmp_path / f"run {n}", [row(f"d{n}"), row(f"e{n}")]) for n in range(2)]
    both = TestClient(
        app(Rows([str(run) for run in runs]), "secret"), headers={"X-Token": "secret"}
    )
    saved = both.post("/api/marks", json={"d0": "keep", "e1": "keep"}).json()["command"]
    _, *words = shlex.split(saved)
    assert words[:3] == ["filter", *map(str, runs)]
    words[4] = (runs[0] / "marks.sql").read_text("utf-8")
    words[-1] = str(tmp_path / words[-1])
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert {kept["dialogue_id"] for kept in read_rows(words[-1])} == {"d0", "e1"}


def test_new_rows_of_a_playing_run_appear(tmp_path: Path):
    folder = RunFolder(tmp_path / "live")
    folder.create()
    folder.write_json("run.json", {"run_id": "a-run", "settings": {}})
    table = Rows([str(folder.root)])
    assert table.live and table.page(Query())["total"] == 0
    journal = Journal(folder.journal)
    for n in range(3):
        row = Played(n, [Said(f"It is {2 * n}", right=True)]).row("all_student", "")
        journal.append(row["dialogue_id"], "kept", row)
        assert table.refresh() and table.page(Query())["total"] == n + 1
        assert not table.refresh()
    journal.close()
    assert table.page(Query(search="it is"))["total"] == 3


def test_a_page_in_one_file_holds_its_dialogues_as_data(run: str, tmp_path: Path):
    target = tmp_path / "page.html"
    assert static.write([run], str(target), 5, "problem_id IN ('p3', 'p4')") == 4
    text = target.read_text("utf-8")
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert data and "<" not in data[1]
    assert len(json.loads(data[1])["rows"]) == 4
    assert text.count("<script") == 3 and "default-src 'none'" in text
    with pytest.raises(Mistake, match="no dialogue"):
        static.write([run], str(target), 5, "arm = 'blind'")


def test_a_folder_that_is_not_a_run_is_refused(tmp_path: Path):
    with pytest.raises(Mistake, match="is not a run"):
        Rows([str(tmp_path)])


def test_a_few_dialogues_are_shown_before_the_long_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    from tutelage.cli import main

    given = ["generate", "starter", "--engine", "scripted", "--out", str(tmp_path / "run")]
    with pytest.raises(SystemExit) as ended:
        main([*given, "--samples", "4", "--preview", "3", "--quiet"])
    assert ended.value.code == 0
    page = (tmp_path / "run.preview" / "preview.html").read_text("utf-8")
    assert page.count('"dialogue_id"') == 3
    assert "3 dialogues to look at" in capsys.readouterr().out
    assert not (tmp_path / "run").exists()
