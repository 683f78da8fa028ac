"""Each how-to runs as it stands, and is short; `tutelage new` writes one that runs, too."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tutelage import corpora, engines, howto, settings
from tutelage.cli import cli
from tutelage.corpora.check import check
from tutelage.errors import Mistake
from tutelage.records import Chat, Gold, Problem, Request, Sampling
from tutelage.verifiers import VerifierPool

LINES = 25
PROBLEM = Problem(
    "p", "math", "test", "CC0-1.0", "How much is 3 + 4?", Gold("answer", "7"), "3 + 4 = 7"
)


@pytest.mark.parametrize("kind", howto.KINDS)
def test_a_howto_is_short(kind: str) -> None:
    text = (Path(howto.__file__).parent / f"{kind}.py").read_text()
    assert len(text.strip().splitlines()) <= LINES


def own(kind: str, name: str) -> str:
    """Writes one into the current folder by the command; its dotted name."""
    written = CliRunner().invoke(cli, ["new", kind, name])
    assert written.exit_code == 0, written.output
    own_class = "".join(part.capitalize() for part in name.split("_"))
    assert f"{name}.py has a working {kind}, {own_class}." in written.output
    return f"{name}:{own_class}"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_corpus() -> None:
    for name in ("tutelage.howto.corpus:Sums", own("corpus", "my_sums")):
        corpus = corpora.open_corpus(f"{name}?size=7")
        rows = list(corpus.rows())
        assert [row.index for row in rows] == list(range(7))
        assert sorted(r.index for part in range(3) for r in corpus.rows(part, 3)) == list(range(7))
        with VerifierPool() as pool:
            for checked in check(rows, pool.verify):
                statuses = {trial.kind: trial.status for trial in checked.trials}
                assert statuses == {"gold": "correct", "mutant": "incorrect"}


def test_a_verifier() -> None:
    for name in ("tutelage.howto.verifier:LastNumber", own("verifier", "my_verifier")):
        with VerifierPool(verifier=name) as pool:
            assert pool.verify(PROBLEM, "3 + 4 = 7").status == "correct"
            assert pool.verify(PROBLEM, "7, or 8").status == "incorrect"
            assert pool.verify(PROBLEM, "I do not know").reason == "no number in the message"


async def test_an_engine() -> None:
    chat: Chat = (("user", PROBLEM.statement),)
    for name in ("tutelage.howto.engine:Guesser", own("engine", "my_engine")):
        chosen = settings.load("", [f"student.engine={name}"])
        engine = engines.build(chosen.student, chosen)
        request = Request("student", chat, Sampling(), 1, None)  # type: ignore[arg-type]
        reply = await engine.reply(request)
        assert reply.text in ("The answer is 3.", "The answer is 4.")
        assert await engine.reply(request) == reply, "a seed says the same again"
        engine.close()


@pytest.mark.parametrize(
    ("name", "words"), [("my-corpus", "wanted a module's name"), ("there", "is there already")]
)
def test_a_name_that_cannot_be_is_one_line(name: str, words: str) -> None:
    Path("there.py").write_text("")
    with pytest.raises(Mistake, match=words):
        CliRunner().invoke(cli, ["new", "corpus", name], catch_exceptions=False)
