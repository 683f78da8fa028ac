"""A person's SQL condition can read the rows and nothing else."""

import pytest

from tables import published, row
from tutelage.errors import Mistake
from tutelage.shards import read_rows, sql


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a*b[c]") / "run"
    return published(folder, [row(f"d{i}", group=f"g{i // 2}", sample=i % 2) for i in range(8)])


@pytest.mark.parametrize(
    "text",
    [
        "1=1; DROP TABLE x",
        "1=1) OR (1=1",
        "1=1) UNION SELECT * FROM dialogues --",
        "1=1 /*",
        " ",
        "dialogue_id IN (SELECT content FROM read_text('/etc/passwd'))",
        "dialogue_id IN (SELECT column0 FROM read_csv('/etc/passwd'))",
        "dialogue_id IN (SELECT x FROM '/etc/passwd' t(x))",
        "dialogue_id IN (SELECT file FROM glob('/*') t(file))",
        "EXISTS (SELECT * FROM duckdb_settings())",
        "EXISTS (SELECT * FROM information_schema.tables)",
        "EXISTS (SELECT * FROM query('SELECT 1'))",
        "EXISTS (SHOW TABLES)",
        "dialogue_id IN (WITH q AS (SELECT * FROM read_text('/etc/passwd')) SELECT content FROM q)",
        "ATTACH 'x.db'",
        "INSTALL httpfs",
        "COPY dialogues TO 'x.csv'",
        "PRAGMA version",
        "SET memory_limit = '1TB'",
        "count(*) > 1",
        "sample = $1",
        "NOT " * 4000 + "true",
        "statement",
    ],
)
def test_anything_but_a_condition_is_one_line(run, text):
    with pytest.raises(Mistake) as told:
        list(read_rows(str(run), where=text))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("sample = 1 -- of each group", 4),
        ("group_id IN (SELECT group_id FROM dialogues WHERE dialogue_id = 'd3')", 2),
        ("'5' IN (SELECT unnest(string_split(gold.value, ',')))", 8),
        ("len(list_filter(trail, lambda t: t.verdict.status = 'correct')) = 1", 8),
        ("group_id IN (WITH q AS (SELECT min(group_id) AS g FROM dialogues) SELECT g FROM q)", 2),
        ("NULL", 0),
    ],
)
def test_conditions_of_every_kind_are_accepted(run, text, found):
    assert len(list(read_rows(str(run), where=text))) == found


def test_the_connection_itself_is_locked(run):
    path = next((run / "shards").rglob("*.parquet"))
    connection = sql.connect([path])
    for statement in (
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_parquet('/nowhere/*.parquet')",
        "ATTACH '/tmp/x.db'",
        f"COPY (SELECT 1) TO '{path}.csv'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
    ):
        with pytest.raises(Mistake):
            list(sql.selected(connection, statement))
    local = connection  # noqa: F841, a Python variable is no table either
    with pytest.raises(Mistake):
        list(sql.selected(connection, "SELECT * FROM local"))


def test_rows_are_numbered_through_the_files(tmp_path):
    published(tmp_path, [row(f"d{i:02d}", group=f"g{i:02d}") for i in range(11)], rows_a_file=4)
    files = sorted((tmp_path / "shards").rglob("*.parquet"))
    assert len(files) == 3
    found = sql.selected(sql.connect(files), "SELECT row_index, dialogue_id FROM numbered")
    assert [one for batch in found for one in batch.to_pylist()] == [
        {"row_index": i, "dialogue_id": f"d{i:02d}"} for i in range(11)
    ]


def test_a_group_is_read_completely_or_not_at_all(run):
    where = sql.whole_groups("dialogue_id <> 'd3'")
    assert [r["dialogue_id"] for r in read_rows(str(run), where=where)] == [
        name for name in (f"d{i}" for i in range(8)) if name not in ("d2", "d3")
    ]
    with pytest.raises(Mistake):
        sql.whole_groups("1=1) OR (1=1")
