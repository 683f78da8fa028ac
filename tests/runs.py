"""Runs whose dialogues say what a test wants: a journal written by hand, published for real."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders import finished
from tutelage import contract
from tutelage import settings as settings_room
from tutelage.flow import beam_options, publish
from tutelage.flow.execution import execute
from tutelage.session import card, publication
from tutelage.settings import Settings
from tutelage.shards import Journal, RunFolder


@dataclass(frozen=True)
class Said:
    """One solved dialogue: who it is, and what its student said."""

    key: str
    text: str
    problem: str = ""
    """Its own where empty."""
    arm: str = "sml"

    @property
    def asked(self) -> str:
        """Id of the problem."""
        return self.problem or f"p-{self.key}"


def words(count: int, seed: int) -> list[str]:
    """Random words."""
    rng = random.Random(seed)
    return [f"w{rng.randrange(50_000)}" for _ in range(count)]


def scripted(**options: Any) -> Settings:
    """Settings of a run that no engine plays."""
    corpora = options.pop("corpora", ("starter",))
    engines = {"student__engine": "scripted", "teacher__engine": "scripted"}
    return settings_room.load(corpora=corpora, **(engines | options))


def journal(folder: RunFolder, said: Iterable[Said], settings: Settings) -> None:
    """One more session's journal file, as if these dialogues had just been played."""
    folder.create()
    made = contract.row(finished(["It is 4", "It is 5"]), contract.Stamp("a-run"))
    file = Journal(folder.journal)
    for one in said:
        messages = [dict(message) for message in made["messages"]]
        messages[-1]["content"] = one.text
        row = made | {
            "dialogue_id": one.key,
            "group_id": f"{one.asked} {one.arm}",
            "problem_id": one.asked,
            "arm": one.arm,
            "messages": messages,
        }
        file.append(one.key, "kept", row)
    file.close()
    folder.write_json("run.json", {"run_id": "a-run", "settings": settings.model_dump(mode="json")})


def published(
    folder: RunFolder,
    problems: int,
    settings: Settings,
    beam: Sequence[str] = (),
    build: Any = publish.build,
    run_id: str = "a-run",
) -> dict[str, Any]:
    """Publishes the journal; the manifest."""
    folder.write_json("journal/input.json", {"rows": problems})
    publication.prepare(folder)
    execute(beam_options.parse(beam), build, settings, folder, run_id)
    publication.promote(folder)
    manifest = folder.read_json("manifest.json")
    folder.write_text("README.md", card.render(settings, manifest, folder))
    return manifest


def lone(root: Path, said: Sequence[Said], **options: Any) -> dict[str, Any]:
    """A run of these dialogues, published in one go; the manifest."""
    arms = tuple(dict.fromkeys(one.arm for one in said))
    problems = len({one.asked for one in said})
    settings = scripted(arms=arms, samples=len(said) // (problems * len(arms)), **options)
    folder = RunFolder(root)
    journal(folder, said, settings)
    return published(folder, problems, settings)
