"""What a run reads. The command opens it once, before anything heavy is imported.

Workers on other machines do not see the files of this one. A worker that finds nothing at a path, or
another file, would fail hours later, or worse, would not fail: an empty folder looks like a new run. So
local paths are refused before anything starts, unless the user says that all machines see the same
files (`flow.shared_files`); then paths are made absolute, and workers check the sizes of corpora.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tutelage import models
from tutelage.corpora import Corpus, open_corpus
from tutelage.corpora.files import Files
from tutelage.corpora.paths import is_url
from tutelage.errors import CorpusError, SettingsError
from tutelage.session import pins
from tutelage.session.evaluation_sets import Sets, open_sets
from tutelage.session.pins import Pins
from tutelage.settings import Settings
from tutelage.shards import RunFolder

_NAMED = 4


@dataclass(frozen=True, slots=True)
class Inputs:
    """What workers read, besides the folder of the run."""

    corpora: list[Corpus]
    evaluations: Sets
    settings: Settings
    """With the folder of templates, folders of models, and commits of models on the hub."""
    pins: Pins
    """Stored in `run.json`."""

    def pinned(self) -> "Inputs":
        """The same with absolute paths, and with the sizes of the corpora's files."""
        update: dict[str, Any] = {}
        if self.settings.prompts:
            update["prompts"] = str(Path(self.settings.prompts).expanduser().absolute())
        for side in ("student", "teacher", "judge"):
            player = getattr(self.settings, side)
            if _is_folder(player.model):
                update[side] = player.model_copy(update={"model": models.resolve(player.model)})
        return Inputs(
            [_pinned(corpus) for corpus in self.corpora],
            [(name, _pinned(corpus)) for name, corpus in self.evaluations],
            self.settings.model_copy(update=update),
            self.pins,
        )


def open_inputs(settings: Settings, folder: RunFolder) -> Inputs:
    """Opens the corpora and the evaluation sets, for the run in a folder.

    Raises:
        ModelError: the hub has no such model.
        CorpusError: no corpus was named, or one cannot be read.
    """
    known = pins.pins(settings, folder)
    corpora = [
        open_corpus(known.get(spec, spec), settings.map, settings.format, settings.longest_row)
        for spec in settings.corpora
    ]
    if not corpora:
        raise CorpusError("no corpus was named: try `starter`, or see `tutelage corpus list`")
    sets = open_sets(settings.decontaminate.paths)
    return Inputs(corpora, sets, pins.pinned(settings, known), known)


def check_reachable(inputs: Inputs, out: str, runner: str) -> None:
    """Refuses files that only this machine has.

    Args:
        inputs: what workers are to read.
        out: the run, as the person named it.
        runner: name of the runner.

    Raises:
        SettingsError: workers would not see a file, and `flow.shared_files` is not set.
    """
    if inputs.settings.flow.shared_files:
        return
    local = [f"--out {out}"] if not is_url(out) or out.startswith("file://") else []
    local += list(_local(inputs))[:_NAMED]
    if local:
        raise SettingsError(
            f"the workers of {runner} do not see the files of this machine ({'; '.join(local)}): "
            "name them by URLs such as gs://bucket/path, or, where all machines see the same files, "
            "say --set flow.shared_files=true"
        )


def _local(inputs: Inputs) -> Iterator[str]:
    for kind, corpora in (
        ("corpus", inputs.corpora),
        ("evaluation set", [corpus for _, corpus in inputs.evaluations]),
    ):
        for corpus in corpora:
            if isinstance(corpus, Files):
                yield from (f"{kind} {path}" for path in corpus.paths if not is_url(path))
    if inputs.settings.prompts:
        yield f"prompts {inputs.settings.prompts}"
    for side in ("student", "teacher", "judge"):
        if _is_folder(name := getattr(inputs.settings, side).model):
            yield f"{side}.model {name}"


def _is_folder(model: str) -> bool:
    return bool(model) and "://" not in model and Path(model).expanduser().is_dir()


def _pinned(corpus: Corpus) -> Corpus:
    return corpus.pinned() if isinstance(corpus, Files) else corpus
