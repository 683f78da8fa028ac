import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from tutelage.cli.dedup import command
from tutelage.dedup import Scheme
from tutelage.dedup.annotate import annotate
from tutelage.dedup.tables import chain, open_table
from tutelage.errors import Mistake

LONG = " ".join(f"w{i}" for i in range(80))
ROWS: list[dict[str, Any]] = [
    {"id": "b", "text": LONG, "n": 1, "when": "2024-01-01", "tags": ["x"]},
    {"id": "c", "text": LONG.upper(), "n": 2, "when": "2024-01-02", "tags": []},
    {"id": "a", "text": LONG + " more", "n": 3, "when": "later", "tags": None},
    {
        "id": "e",
        "text": "something else entirely, of a few words",
        "n": 4.5,
        "when": None,
        "extra": {"k": 1},
    },
    {"id": "d", "text": None, "n": 5},
]
TWINS = [("b", "a"), ("c", "a"), ("a", None), ("e", None), ("d", None)]


def _write(path: Path, rows: list[dict[str, Any]], broken: str = "") -> str:
    data = "".join(json.dumps(row) + "\n" for row in rows) + broken
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(data.encode()))
    else:
        path.write_text(data)
    return str(path)


def _mark(out: Path, *files: str, **options: Any) -> dict[str, Any]:
    return annotate([open_table(file) for file in files], str(out), Scheme(), **options)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.parquet", "odd.name"])
def test_marks(tmp_path: Path, name: str) -> None:
    manifest = _mark(tmp_path / "out", _write(tmp_path / name, ROWS), id="id")
    stem = name.split(".")[0]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "manifest.json",
        f"{stem}.parquet",
    ]
    table = pq.read_table(tmp_path / "out" / f"{stem}.parquet")
    rows = table.to_pylist()
    assert [(row["id"], row["duplicate_of"]) for row in rows] == TWINS
    assert [row["cluster_id"] for row in rows] == ["a", "a", "a", "e", "d"]
    for row, given in zip(rows, ROWS, strict=True):
        for key, value in given.items():
            if name != "rows.parquet" or key != "extra":  # from_pylist takes the first row's keys
                assert row[key] == value
    assert manifest == json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["rows"] == 5 and manifest["without_text"] == 1
    assert manifest["counts"]["exact"] + manifest["counts"]["near"] == 2
    assert manifest["inputs"][0]["output"] == f"{stem}.parquet"
    assert manifest["scheme"]["num_perm"] == 128


def test_without_ids_rows_are_numbered_through_all_files(tmp_path: Path) -> None:
    files = [_write(tmp_path / "one.jsonl", ROWS), _write(tmp_path / "two.parquet", ROWS)]
    _mark(tmp_path / "out", *files)
    one, two = (pq.read_table(tmp_path / "out" / f"{n}.parquet") for n in ("one", "two"))
    assert one.schema.field("duplicate_of").type == pa.int64()
    assert one.column("duplicate_of").to_pylist() == [None, 0, 0, None, None]
    assert two.column("duplicate_of").to_pylist() == [0, 0, 0, 3, None]
    assert two.column("cluster_id").to_pylist() == [0, 0, 0, 3, 9]


def test_numbers_as_ids_sort_as_numbers(tmp_path: Path) -> None:
    rows = [{"id": 10, "text": LONG}, {"id": 9, "text": LONG}]
    _mark(tmp_path / "out", _write(tmp_path / "rows.jsonl", rows), id="id")
    assert pq.read_table(tmp_path / "out" / "rows.parquet").column("duplicate_of").to_pylist() == [
        9,
        None,
    ]


def test_chat_messages_are_a_text(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": LONG}, {"role": "assistant", "content": "yes"}]
    other = [{"role": "user", "content": "no"}]
    rows = [{"messages": chat}, {"messages": other}, {"messages": chat}, {"messages": None}]
    for name in ("rows.jsonl", "rows.parquet"):
        out = tmp_path / f"out-{name}"
        _mark(out, _write(tmp_path / name, rows), text="messages")
        table = pq.read_table(out / "rows.parquet")
        assert table.column("duplicate_of").to_pylist() == [None, None, 0, None]
        assert table.column("messages").to_pylist() == [row["messages"] for row in rows]


def test_marking_again_replaces_the_marks(tmp_path: Path) -> None:
    _mark(tmp_path / "one", _write(tmp_path / "rows.jsonl", ROWS), id="id")
    _mark(tmp_path / "two", str(tmp_path / "one" / "rows.parquet"), id="id")
    one, two = (pq.read_table(tmp_path / n / "rows.parquet") for n in ("one", "two"))
    assert one.equals(two)


def test_two_files_of_one_name(tmp_path: Path) -> None:
    for folder in "xy":
        (tmp_path / folder).mkdir()
    files = [_write(tmp_path / folder / "rows.jsonl", ROWS) for folder in "xy"]
    manifest = _mark(tmp_path / "out", *files)
    assert [one["output"] for one in manifest["inputs"]] == [
        "00000-rows.parquet",
        "00001-rows.parquet",
    ]


def test_blocks_threads_and_types_that_widen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that lie many blocks apart, a column that some blocks lack, integers before decimals."""
    monkeypatch.setattr("tutelage.dedup.tables._BLOCK", 400)
    rows: list[dict[str, Any]] = [
        {
            "text": f"row {i % 50} of fifty, each with words of its own: {i % 50 * 7}",
            "n": i if i < 90 else i / 4,
        }
        | ({"late": "2024-01-01"} if i > 80 else {})
        for i in range(100)
    ]
    file = _write(tmp_path / "rows.jsonl", rows)
    _mark(tmp_path / "one", file, threads=1)
    _mark(tmp_path / "three", file, threads=3)
    table = pq.read_table(tmp_path / "one" / "rows.parquet")
    assert table.column("duplicate_of").to_pylist() == [None] * 50 + [*range(50)]
    assert table.column("n").to_pylist() == [row["n"] for row in rows]
    assert table.column("late").to_pylist() == [row.get("late") for row in rows]
    for name in ("rows.parquet", "manifest.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "three" / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "rows", "broken", "options", "said"),
    [
        ("r.jsonl", ROWS, "", {"text": "txt"}, "no column 'txt', the nearest is 'text'"),
        ("r.parquet", ROWS, "", {"text": "texts"}, "no column 'texts', the nearest is 'text'"),
        ("r.jsonl", ROWS, "", {"id": "idd"}, "the nearest is 'id'"),
        ("r.jsonl", ROWS, "", {"text": "n"}, "'n' holds double: wanted text"),
        ("r.jsonl", ROWS, "", {"id": "tags"}, "wanted ids that are text or whole numbers"),
        ("r.jsonl", ROWS, "", {"id": "when"}, "is empty in some rows"),
        ("r.jsonl", [*ROWS, ROWS[1]], "", {"id": "id"}, "id 'c' comes twice, in rows 1 and 5"),
        ("r.jsonl", [], "", {}, "no rows in"),
        ("r.jsonl.gz", [], "", {}, "no rows in"),
        ("r.jsonl", ROWS, '{"text": "cut off\n', {}, "line 6 is not JSON"),
        ("r.jsonl", ROWS, "[1, 2]\n", {}, "line 6: wanted an object"),
        ("r.jsonl", [{"text": 1}, {"text": "x"}], "", {}, "make it one type"),
        ("r.jsonl", ROWS, '{"text": "a", "text": "b"}\n', {}, "twice in row 5"),
        ("r.jsonl", ROWS, '{"text": "a \\ud800 b"}\n', {}, "line 6 has half a surrogate pair"),
    ],
)
def test_mistakes(
    tmp_path: Path,
    name: str,
    rows: list[dict[str, Any]],
    broken: str,
    options: dict[str, str],
    said: str,
) -> None:
    file = _write(tmp_path / name, rows, broken)
    with pytest.raises(Mistake) as raised:
        _mark(tmp_path / "out", file, **options)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"text": "caf\xe9"}', "line 2 is not UTF-8 (byte 0xe9 at 13): convert"),
        (b'{"text": "x", "other": ["caf\xe9"]}', "line 2 is not UTF-8"),
        (b'{"text": "x", "caf\xe9": 1}', "line 2 is not UTF-8"),
        ('{"text": "x"}'.encode("utf-16"), "line 2 is not UTF-8 (byte 0xff at 0)"),
    ],
)
def test_json_that_is_not_utf_8(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "r.jsonl").write_bytes('{"text": "café"}\n'.encode() + content + b"\n")
    with pytest.raises(Mistake) as raised:
        _mark(tmp_path / "out", str(tmp_path / "r.jsonl"))
    assert said in str(raised.value) and "one type" not in str(raised.value)


def test_parquet_that_is_not_utf_8(tmp_path: Path) -> None:
    raw = pa.array([b"caf\xe9", b"x"])
    text = pa.Array.from_buffers(pa.string(), 2, raw.buffers())
    chats = pa.ListArray.from_arrays([0, 1, 2], pa.StructArray.from_arrays([text], ["content"]))
    pq.write_table(pa.table({"text": text, "chats": chats}), tmp_path / "r.parquet")
    for options in ({}, {"text": "chats"}, {"text": "chats", "id": "text"}):
        with pytest.raises(Mistake, match=r"'(text|chats)' holds text that is not UTF-8"):
            _mark(tmp_path / "out", str(tmp_path / "r.parquet"), **options)


@pytest.mark.parametrize("names", [["text", "n", "n"], ["text", "text", "n"]])
def test_two_columns_of_one_name(tmp_path: Path, names: list[str]) -> None:
    table = pa.table([pa.array(["a", "b"])] * 3, names=names)
    pq.write_table(table, tmp_path / "r.parquet")
    twice = names[1]
    with pytest.raises(Mistake, match=f"has 2 columns named '{twice}': rename"):
        _mark(tmp_path / "out", str(tmp_path / "r.parquet"))


@pytest.mark.parametrize(
    "kind",
    [pa.uint64(), pa.int32(), pa.uint8(), pa.large_string(), pa.dictionary("int8", "string")],
)
def test_marks_are_of_the_type_of_the_ids(tmp_path: Path, kind: pa.DataType) -> None:
    high = 2**63 if kind == pa.uint64() else 0
    ids = [high + 3, high + 2, high + 1]
    values = ids if pa.types.is_integer(kind) else [str(name) for name in ids]
    column = pa.array(values, kind) if pa.types.is_integer(kind) else pa.array(values).cast(kind)
    pq.write_table(pa.table({"id": column, "text": [LONG, LONG, "x"]}), tmp_path / "r.parquet")
    _mark(tmp_path / "out", str(tmp_path / "r.parquet"), id="id")
    made = pq.read_table(tmp_path / "out" / "r.parquet")
    assert made.column("duplicate_of").to_pylist() == [values[1], None, None]
    assert made.column("cluster_id").to_pylist() == [values[1], values[1], values[2]]
    told = kind.value_type if pa.types.is_dictionary(kind) else kind
    assert made.schema.field("cluster_id").type == made.schema.field("duplicate_of").type == told


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        ([pa.array([7], pa.int32()), pa.array([2**40], pa.int64())], pa.int64()),
        ([pa.array([7], pa.int32()), pa.array([2**63], pa.uint64())], pa.uint64()),
        ([pa.array(["a"]), pa.array(["b"], pa.large_string())], pa.large_string()),
        ([pa.array([-7]), pa.array([2**63], pa.uint64())], None),
    ],
)
def test_ids_of_two_types_get_one_that_holds_both(
    tmp_path: Path, ids: list[pa.Array], kind: pa.DataType | None
) -> None:
    files = []
    for name, column in zip("ab", ids, strict=True):
        files.append(str(tmp_path / f"{name}.parquet"))
        pq.write_table(pa.table({"id": column, "text": [LONG]}), files[-1])
    if kind is None:
        with pytest.raises(Mistake, match="make them text"):
            _mark(tmp_path / "out", *files, id="id")
        return
    _mark(tmp_path / "out", *files, id="id")
    for name, twin in (("a", None), ("b", ids[0][0].as_py())):
        made = pq.read_table(tmp_path / "out" / f"{name}.parquet")
        assert made.schema.field("duplicate_of").type == kind
        assert made.column("duplicate_of").to_pylist() == [twin]


def test_an_empty_parquet_file(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "r.parquet")
    with pytest.raises(Mistake, match="no rows in"):
        _mark(tmp_path / "out", str(tmp_path / "r.parquet"))


@pytest.mark.parametrize(
    "content", [b"PAR1 but no more than that", b"\x1f\x8bbroken gzip", b"\x00\x01\x02\x03"]
)
def test_files_that_are_none_of_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(Mistake, match="file"):
        _mark(tmp_path / "out", str(tmp_path / "file"))


def test_places_that_are_none(tmp_path: Path) -> None:
    file = _write(tmp_path / "rows.jsonl", ROWS)
    with pytest.raises(Mistake, match=r"no such file: .*missing"):
        open_table(str(tmp_path / "missing.jsonl"))
    with pytest.raises(Mistake, match="folder"):
        open_table(str(tmp_path))
    with pytest.raises(Mistake, match="cannot read nowhere://x"):
        open_table("nowhere://x/rows.jsonl")
    with pytest.raises(Mistake, match="new or empty"):
        _mark(tmp_path, file)
    with pytest.raises(Mistake, match="cannot write"):
        _mark(Path(file) / "out", file)


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    file = _write(tmp_path / "rows.jsonl", ROWS)

    def shorten(stage: str, done: int, total: int) -> None:
        if stage == "compared":
            _write(tmp_path / "rows.jsonl", ROWS[:2])

    with pytest.raises(Mistake, match="changed while it was read"):
        _mark(tmp_path / "out", file, progress=shorten)
    assert not (tmp_path / "out" / "rows.parquet").exists()


def test_command(tmp_path: Path) -> None:
    file = _write(tmp_path / "rows.jsonl", ROWS)
    made = CliRunner().invoke(command, [file, "--id", "id", "--out", str(tmp_path / "out")])
    assert made.exit_code == 0, made.output
    assert "5 rows: 1 exact and 1 near duplicates, 3 stay, 1 clusters" in made.output
    assert (tmp_path / "out" / "rows.parquet").exists()


def test_command_with_a_threshold_at_which_only_copies_count(tmp_path: Path) -> None:
    file = _write(tmp_path / "rows.jsonl", ROWS)
    options = ["--threshold", "1.0", "--out", str(tmp_path / "out")]
    made = CliRunner().invoke(command, [file, *options])
    assert "1 exact and 0 near" in made.output
    wrong = CliRunner().invoke(command, [file, "--threshold", "7", "--out", str(tmp_path / "no")])
    assert isinstance(wrong.exception, Mistake) and not (tmp_path / "no").exists()


def test_rows_are_compared_within_a_column(tmp_path: Path) -> None:
    kinds = ["x", "y", "x", "y", None, None]
    rows = [{"id": f"r{i}", "text": LONG, "kind": kind} for i, kind in enumerate(kinds)]
    for name in ("rows.jsonl", "rows.parquet"):
        out = tmp_path / f"out-{name}"
        manifest = _mark(out, _write(tmp_path / name, rows), id="id", within="kind")
        table = pq.read_table(out / "rows.parquet")
        assert table.column("duplicate_of").to_pylist() == [None, None, "r0", "r1", None, "r4"]
        assert (manifest["within"], manifest["counts"]["exact"]) == ("kind", 3)


def test_names_tell_equal_ids_of_two_tables_apart(tmp_path: Path) -> None:
    one = [{"id": "b", "text": LONG}, {"id": "c", "text": "alone here"}]
    two = [{"id": "a", "text": LONG + " x"}, {"id": "b", "text": LONG}, {"id": "c", "text": "b"}]
    files = [_write(tmp_path / "one.parquet", one), _write(tmp_path / "two.parquet", two)]
    _mark(tmp_path / "out", *files, id="id", named=True)
    made = [pq.read_table(tmp_path / "out" / f"{name}.parquet") for name in ("one", "two")]
    assert [table.column("duplicate_of").to_pylist() for table in made] == [
        ["two/a", None],
        [None, "two/a", None],
    ]
    assert [table.column("cluster_id").to_pylist() for table in made] == [
        ["two/a", "one/c"],
        ["two/a", "two/a", "two/c"],
    ]


def test_of_one_id_in_two_tables_the_first_stays(tmp_path: Path) -> None:
    files = [_write(tmp_path / f"{n}.parquet", [{"id": "a", "text": LONG}]) for n in ("z", "y")]
    _mark(tmp_path / "out", *files, id="id", named=True)
    assert pq.read_table(tmp_path / "out" / "z.parquet").column("duplicate_of")[0].as_py() is None
    assert pq.read_table(tmp_path / "out" / "y.parquet").column("duplicate_of")[0].as_py() == "z/a"


def test_several_files_as_one_table(tmp_path: Path) -> None:
    files = [
        _write(tmp_path / "1.parquet", [{"id": "b", "text": LONG}]),
        _write(tmp_path / "2.parquet", [{"id": "a", "text": LONG}, {"id": "c", "text": "other"}]),
    ]
    manifest = annotate([chain("the/whole", files)], str(tmp_path / "out"), Scheme(), id="id")
    table = pq.read_table(tmp_path / "out" / "whole.parquet")
    assert table.column("id").to_pylist() == ["b", "a", "c"]
    assert table.column("duplicate_of").to_pylist() == ["a", None, None]
    assert manifest["inputs"] == [{"file": "the/whole", "rows": 3, "output": "whole.parquet"}]
    with pytest.raises(Mistake, match="no rows in the/hole"):
        chain("the/hole", [])
