"""The same as the command line, for notebooks and programs: `import tutelage as tt`.

    run = tt.generate("starter", limit=100, out="outputs/first")
    run.manifest["dialogues"]                        # what is in it
    for row in run.rows("outcome.solved_turn = 2"):  # dicts, streamed
        ...
    run.table().execute("SELECT outcome.status, count(*) FROM dialogues GROUP BY ALL").fetchall()
    late = run.filter(solved_turn=(2, 4), out="outputs/late")
    late.export("trl-sft", "late.parquet")
    model = tt.train_sft(late, out="outputs/late-sft")

Options are the command line's, with `_` for `-`; any setting is given by its dotted key in
`settings`, as to `--set`. A person's mistake is a `tt.Mistake`.
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
            Mistake: the run is not published, or `where` is no SQL condition over its columns.
        """
        from tutelage.shards import read_rows

        return read_rows(self.path, columns, where, splits)

    def table(self) -> Any:
        """A DuckDB connection in which the view `dialogues` is the whole run."""
        from tutelage.shards import table

        return table(self.path)

    def filter(self, *, out: PathLike, **rules: Any) -> "Run":
        """The dialogues that one wants, as another run: `filter`'s options, such as `solved=True`,
        `solved_turn=(2, 4)`, `where=("len(statement) > 200",)`, `no_leaks=True`.

        Raises:
            Mistake: there is no such rule, or `out` holds something.
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
        """Writes the run as another trainer reads it: `export`'s options.

        Raises:
            Mistake: nobody is called so, or the taker cannot have what is asked.
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
    """Generates what is still missing of a run, publishes it and returns it.

    Args:
        corpora: as on the command line: `starter`, a path, a glob, a URL.
        out: folder or URL of the run; a name by corpus and settings in `outputs/` where empty.
        settings: any setting by its dotted key, such as `{"student.temperature": 0.3}`.
        beam: Beam's options, such as `["--direct_num_workers=4"]`.
        options: `limit`, `samples`, `turns`, `seed`, `arms`, `config`, ...

    Raises:
        Mistake: something is not what it should be; nothing was generated.
        RunFailed: it ended badly; what was finished is safe, and the same call goes on.
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
    """A run that was generated or derived before.

    Raises:
        Mistake: there is no run.
    """
    from tutelage.shards.folder import existing

    existing(os.fspath(path))
    return Run(os.fspath(path))


def train_sft(run: Run | PathLike, out: PathLike, **options: Any) -> Path:
    """Trains on the solved dialogues; the folder of the trained model (`train sft`'s options).

    Raises:
        Mistake: the run, the model or an option is not what it should be.
    """
    return _train("sft", run, out, options)


def train_rl(run: Run | PathLike, out: PathLike, **options: Any) -> Path:
    """Trains on whole groups by GRPO; the folder of the trained model (`train rl`'s options)."""
    return _train("rl", run, out, options)


def _train(
    kind: Literal["sft", "rl"], run: Run | PathLike, out: PathLike, options: dict[str, Any]
) -> Path:
    from tutelage.train import loop
    from tutelage.train.recipe import recipe

    path = run.path if isinstance(run, Run) else os.fspath(run)
    loop.train(recipe(kind, (path,), os.fspath(out), **options), lambda event, figures: None)
    return Path(out) / "last"
