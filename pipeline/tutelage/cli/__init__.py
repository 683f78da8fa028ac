"""The command line: one file a command, imported only when it is called.

Exit status: 0 done, 1 ran and failed, 2 the person's mistake (one line, no traceback),
130 interrupted.
"""

import gc
import importlib
import logging
import os
import sys
import traceback
from typing import Any

import click

from tutelage import __version__
from tutelage.controls import harmless
from tutelage.errors import Mistake, TutelageError

COMMANDS = {
    "generate": "Turn problems into verified teacher-student dialogues.",
    "plan": "Say beforehand what a run takes: calls, tokens, hours, storage, cost.",
    "launch": "Generate on many machines: Dataflow, by a kind of GPU.",
    "show": "Print dialogues of a run.",
    "inspect": "Count a run: outcomes, turns, tokens, leaks, balance.",
    "filter": "Keep the dialogues one wants, as a run.",
    "merge": "Put runs together, near-duplicates marked.",
    "reverify": "Judge a run anew, and say what changed.",
    "republish": "Other splits, duplicates or loss for a run.",
    "corpus": "List, check and show problem corpora.",
    "prompts": "Show and lint the prompt templates.",
    "model": "Fetch the bundled model and list what is there.",
    "dedup": "Mark near-duplicates in runs, Parquet or JSONL.",
    "leak": "Look for the answer in messages of your own.",
    "view": "Browse runs in a local page: search, read, compare, mark.",
    "export": "Write a run as other trainers read it: TRL, verl, SkyRL, OpenAI, ...",
    "push": "Put a run on the Hugging Face hub.",
    "train": "Train a student on a run: SFT or RL.",
    "evaluate": "Does it teach? Models under the method and its controls, in one report.",
    "replicate": "The paper's claims, tried again in a toy world or on a real model.",
    "rounds": "Online RL: generate, train, measure, and again.",
    "verify": "Judge answers of your own with the verifiers.",
    "new": "Begin a corpus, a verifier or an engine of your own.",
    "where": "Print where models, prompts, schemas and caches lie.",
}
"""Name of each command, which is also its module in this room, and its line in `--help`."""
_YOUNG = 100_000
"""New objects after which Python looks for garbage, instead of 700: libraries make a million objects
when they are imported, and none is garbage."""


class _Lazy(click.Group):
    """A group whose commands are modules, imported when first needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"tutelage.cli.{name}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _mute()  # whoever read our output has had enough, such as `head`
            return 0

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with: tutelage generate starter --limit 100 --out outputs/first",
)
@click.version_option(__version__, prog_name="tutelage")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Turn static, verifiable problems into teacher-student dialogues that train models."""
    level = logging.DEBUG if debug else logging.WARNING
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", force=True)
    # Beam logs the traceback of what it raises anyway; one line of it is enough.
    logging.getLogger("apache_beam").setLevel(logging.WARNING if debug else logging.CRITICAL)


def main(args: list[str] | None = None) -> None:
    """Entry point of the `tutelage` script; ends the process with the documented status."""
    given = sys.argv[1:] if args is None else args
    debug = "--debug" in given
    gc.set_threshold(_YOUNG)
    # pydantic would read the metadata of all installed packages to find plug-ins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        code = cli.main(args=given, prog_name="tutelage", standalone_mode=False)
    except click.exceptions.Abort:
        _end("interrupted", 130, debug)
    except KeyboardInterrupt:
        _end("interrupted", 130, debug)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(2)
    except click.ClickException as error:
        where = getattr(error, "ctx", None)
        hint = f" (try: {where.command_path} --help)" if where else ""
        _end(f"error: {error.format_message()}{hint}", 2, debug)
    except Mistake as error:
        _end(f"error: {error}", 2, debug)
    except TutelageError as error:
        _end(f"failed: {error}", 1, debug)
    except OSError as error:
        _mute()  # or what is left to be written would fail once more
        _end(f"failed: {error}", 1, debug)
    sys.exit(code if isinstance(code, int) else 0)


def _mute() -> None:
    """From here on, standard output goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(message: str, status: int, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    click.echo(harmless(" ".join(message.split())), err=True)
    sys.exit(status)
