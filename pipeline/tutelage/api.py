"""The commands as Python functions, for notebooks and programs: `import tutelage as tt`.

    run = tt.generate("starter", limit=100, out="outputs/first")
    run.manifest["dialogues"]                        # what is in it
    for row in run.rows("outcome.solved_turn = 2"):  # dicts, streamed
        ...
    run.table().execute("SELECT outcome.status, count(*) FROM dialogues GROUP BY ALL").fetchall()
    late = run.filter(solved_turn=(2, 4), out="outputs/late")
    late.export("trl-sft", "late.parquet")
    model = tt.train_sft(late, out="outputs/late-sft")

Options are those of the command line, with `_` for `-`. `settings` takes any setting by its dotted
key, as `--set` does. A user's mistake raises `tt.Mistake`. What the commands do is not here; each
function calls the same code as its command.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tutelage.errors import Mistake, TutelageError

if TYPE_CHECKING:
    from tutelage.exports.exporting import Report

__all__ = ["Mistake", "Run", "TutelageError", "generate", "open_run", "train_rl", "train_sft"]

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Run:
    """A published run: a folder, or a URL in an object store."""

    path: str

    @property
    def manifest(self) -> dict[str, Any]:
        """What is in the run, and the account of its inputs (`schemas/manifest.v1.json`)."""
        from tutelage.shards.folder import existing

        return existing(self.path).read_json("manifest.json")

    @property
    def figures(self) -> dict[str, Any]:
        """The figures of `tutelage inspect --json`, derived from the shards."""
        from tutelage.shards.figures import figures

        return figures(self.path)

    def rows(
        self, where: str = "", columns: Sequence[str] | None = None, splits: Sequence[str] = ()
    ) -> Iterator[dict[str, Any]]:
        """Dialogues as dicts (`schemas/README.md` has the columns), streamed in the order of files.

        Raises:
            Mistake: the run is not published, or `where` is not an SQL condition on its columns.
        """
        from tutelage.shards import read_rows

        return read_rows(self.path, columns, where, splits)

    def table(self) -> Any:
        """A DuckDB connection whose view `dialogues` contains all rows of the run."""
        from tutelage.shards import table

        return table(self.path)

    def filter(self, *, out: PathLike, **rules: Any) -> "Run":
        """Writes a selection of the dialogues as another run and returns it.

        `rules` are the options of `filter`, such as `solved=True`, `solved_turn=(2, 4)`,
        `where=("len(statement) > 200",)`, `no_leaks=True`.

        Raises:
            Mistake: there is no such rule, or `out` is not empty.
        """
        from tutelage.derive import filter as filtering
        from tutelage.derive.rules import Choice

        try:
            choice = Choice(**rules)
        except TypeError as error:
            raise Mistake(f"filter: {error}") from None
        filtering.write_filtered(filtering.plan([self.path], choice), os.fspath(out))
        return Run(os.fspath(out))

    def export(self, to: str, out: PathLike, **options: Any) -> "Report":
        """Writes the run in the format of another trainer. Takes the options of `export`.

        Raises:
            Mistake: there is no trainer `to`, or its format cannot express what was asked for.
        """
        from tutelage.exports.exporting import Request, export

        return export(Request(run=self.path, to=to, out=os.fspath(out), **options))


def generate(
    *corpora: str,
    out: PathLike = "",
    settings: Mapping[str, Any] | None = None,
    beam: Sequence[str] = (),
    resume: Literal["auto", "never", "always"] = "auto",
    **options: Any,
) -> Run:
    """Generates the dialogues that a run still lacks, publishes the run and returns it.

    Args:
        corpora: as on the command line: `starter`, a path, a glob, a URL.
        out: folder or URL of the run; if empty, a folder in `outputs/` named by corpus and settings.
        settings: any setting by its dotted key, such as `{"student.temperature": 0.3}`.
        beam: Beam's options, such as `["--direct_num_workers=4"]`.
        resume: `auto` begins or continues a run, `never` only begins, `always` only continues one.
        options: `limit`, `samples`, `turns`, `seed`, `arms`, `config`, ...

    Raises:
        Mistake: an argument or setting is wrong; nothing was generated.
        RunFailed: the run failed; finished dialogues are safe, and the same call continues it.
    """
    from tutelage import settings as settings_room
    from tutelage.flow import run

    config = options.pop("config", "")
    keys = {key.replace(".", "__"): value for key, value in (settings or {}).items()}
    chosen = settings_room.load(config, corpora=corpora, **options, **keys)
    folder = os.fspath(out) or f"outputs/{chosen.name()}"
    run(chosen, folder, beam, resume=resume)
    return Run(folder)


def open_run(path: PathLike) -> Run:
    """Opens a run that was generated or derived before.

    Raises:
        Mistake: there is no run at `path`.
    """
    from tutelage.shards.folder import existing

    existing(os.fspath(path))
    return Run(os.fspath(path))


def train_sft(run: Run | PathLike, out: PathLike, **options: Any) -> Path:
    """Trains on the solved dialogues and returns the folder of the model (options of `train sft`).

    Raises:
        Mistake: the run, the model or an option is wrong.
    """
    return _train("sft", run, out, options)


def train_rl(run: Run | PathLike, out: PathLike, **options: Any) -> Path:
    """Trains on whole groups by GRPO and returns the folder of the model (options of `train rl`)."""
    return _train("rl", run, out, options)


def _train(
    kind: Literal["sft", "rl"], run: Run | PathLike, out: PathLike, options: dict[str, Any]
) -> Path:
    from tutelage.train import loop
    from tutelage.train.model import release
    from tutelage.train.recipe import recipe

    path = run.path if isinstance(run, Run) else os.fspath(run)
    try:
        loop.train(recipe(kind, (path,), os.fspath(out), **options), lambda event, figures: None)
    finally:
        release()  # for the next call, which may start vLLM
    return Path(out) / "last"
