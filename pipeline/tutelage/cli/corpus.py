"""`tutelage corpus`: list, show, check, make and shard problem corpora."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tutelage.corpora import Corpus
    from tutelage.corpora.check import Checked
    from tutelage.records import Problem

_SHOWN = 5


@click.group(epilog="Example: tutelage corpus show starter --limit 3")
def command() -> None:
    """List, check and show problem corpora.

    A corpus is `starter`, `reasoning-gym:NAME`, a file, a quoted glob or a URL. Files may be JSON
    lines, a JSON array or Parquet, compressed or not; their format is told from their rows, or
    forced as FORMAT=PATH.
    """


def _reading(function: Callable[..., None]) -> Callable[..., None]:
    """The options of every command that reads a corpus."""
    for option in (
        click.option("--limit", type=click.IntRange(1), help="Read no more rows than this."),
        click.option("--format", "form", default="", help="Force a format (see corpus list)."),
        click.option(
            "--map",
            "mapping",
            default="",
            metavar="KEY=FIELD,...",
            help="Fields of a file of no known format: statement=question,answer=gold.value",
        ),
    ):
        function = option(function)
    return function


def _open(spec: str, mapping: str, form: str) -> "Corpus":
    from tutelage.corpora import open_corpus
    from tutelage.corpora.generic import parse_mapping

    return open_corpus(spec, parse_mapping(mapping), form)


@command.command(name="list", epilog="Example: tutelage corpus list --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
def list_(as_json: bool) -> None:
    """List the formats that files are read in, and the corpora that are made."""
    from tutelage import corpora

    rows = [
        {"name": name, "kind": "made", "reads": corpora.load(name, corpora.GENERATORS, "").makes}
        for name in corpora.GENERATORS
    ]
    for name in corpora.FORMATS:
        form = corpora.load(name, corpora.FORMATS, "format")()
        rows.append({"name": name, "kind": "file", "reads": form.reads})
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['name']:<17} {row['kind']:<5} {row['reads']}")


@command.command(epilog="Example: tutelage corpus show gsm8k_train.jsonl --limit 3")
@click.argument("spec")
@_reading
def show(spec: str, limit: int | None, form: str, mapping: str) -> None:
    """Print the first problems of a corpus; what no student may see is marked."""
    for row in islice(_open(spec, mapping, form).rows(), limit or 3):
        if row.problem is None:
            click.secho(f"row {row.index}: {row.failure}", fg="red", bold=True)
            click.echo(f"  {row.reason}\n")
        else:
            _print(row.index, row.problem)


def _print(index: int, problem: "Problem") -> None:
    facts = f"{problem.domain}, {problem.source}, {problem.licence}, {problem.split}"
    click.secho(f"row {index}: {problem.problem_id} ({facts})", bold=True)
    click.echo(_indented(problem.statement, "  "))
    for number, shard in enumerate(problem.hint_shards, 1):
        click.echo(_indented(shard, f"  shard {number}: "))
    parts = {"answer": problem.gold.value, "solution": problem.solution}
    if problem.gold.kind == "tests":
        tests = json.loads(problem.gold.tests_json)
        parts = {"reference": problem.gold.value, **{key: _flat(tests[key]) for key in tests}}
    for name, value in parts.items():
        if value:
            click.secho(f"  privileged {name}:", fg="yellow")
            click.echo(_indented(value, "    "))
    click.echo()


def _flat(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(item if isinstance(item, str) else json.dumps(item) for item in value)
    return str(value)


def _indented(text: str, margin: str) -> str:
    lines = text.splitlines()[:40] or [""]
    return "\n".join([margin + lines[0], *(" " * len(margin) + line for line in lines[1:])])


@command.command(epilog="Example: tutelage corpus check svamp.json --limit 200")
@click.argument("spec")
@_reading
@click.option("--json", "as_json", is_flag=True, help="One JSON object with every failure.")
@click.option("--timeout", default=5.0, show_default=True, help="Seconds for one judgement.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1))
@click.option(
    "--verifier", default="", metavar="NAME", help="For all rows: a name or module:Class."
)
@click.option(
    "--thorough",
    is_flag=True,
    help="Also judge near misses of every answer (a digit, a sign, a bracket changed) and sentences "
    "that state it, which the leak gate must find.",
)
@click.pass_context
def check(
    ctx: click.Context,
    spec: str,
    limit: int | None,
    form: str,
    mapping: str,
    as_json: bool,
    timeout: float,
    workers: int,
    verifier: str,
    thorough: bool,
) -> None:
    """Judge every gold answer, which must pass, and a mutant of it, which must fail.

    Exit status 1 if any gold is not judged correct, if any mutant is, or if no row is a problem.
    Rows that are no problem are counted by their class, and fail nothing.
    """
    from tutelage.corpora.check import check as checked
    from tutelage.leaks import find_leak
    from tutelage.records import Leak, Problem
    from tutelage.verifiers import VerifierPool

    def leak_of(problem: Problem, message: str) -> Leak:
        return find_leak(
            problem.domain, problem.gold, problem.statement, [], message, problem.solution
        )

    corpus = _open(spec, mapping, form)
    counts: Counter[str] = Counter()
    failures: list[dict[str, Any]] = []
    with VerifierPool(timeout=timeout, workers=workers, verifier=verifier) as pool:
        finder = leak_of if thorough else None
        for result in checked(islice(corpus.rows(), limit), pool.verify, workers, finder):
            _count(counts, result)
            failures += _failures(result)
    if as_json:
        click.echo(json.dumps({"corpus": spec, **counts, "failures": failures}, indent=2))
    else:
        _report(spec, counts, failures)
    if failures or not counts["problems"]:
        ctx.exit(1)


def _count(counts: Counter[str], result: "Checked") -> None:
    counts["rows"] += 1
    if result.row.problem is None:
        counts[f"no problem: {result.row.failure}"] += 1
        return
    counts["problems"] += 1
    kinds = {trial.kind for trial in result.trials}
    counts.update(f"{kind} absent" for kind in {"gold", "mutant"} - kinds)
    counts.update(f"{trial.kind} {trial.status}" for trial in result.trials)


def _failures(result: "Checked") -> list[dict[str, Any]]:
    problem = result.row.problem
    return [
        {
            "row": result.row.index,
            "problem_id": problem.problem_id if problem else "",
            "answer": trial.kind,
            "message": trial.message,
            "status": trial.status,
            "reason": trial.reason,
            "extracted": trial.extracted,
            "gold": problem.gold.value if problem else "",
        }
        for trial in result.trials
        if not trial.passes
    ]


def _report(spec: str, counts: Counter[str], failures: list[dict[str, Any]]) -> None:
    click.echo(f"{spec}: " + ", ".join(f"{name} {counts[name]}" for name in sorted(counts)))
    for failure in failures[:_SHOWN]:
        reason = " ".join(failure["reason"].split())[:200]
        click.secho(
            f"  row {failure['row']} {failure['problem_id']}: {failure['answer']} judged "
            f"{failure['status']}: {reason}",
            fg="red",
        )
    if len(failures) > _SHOWN:
        click.echo(f"  and {len(failures) - _SHOWN} more: see them all with --json")


@command.command(epilog="Example: tutelage corpus make starter --size 500 --out problems.jsonl")
@click.argument("spec")
@click.option("--size", type=click.IntRange(1), help="How many problems, where the corpus is made.")
@click.option("--seed", type=click.IntRange(0), help="Its seed.")
@_reading
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to write.")
def make(
    spec: str,
    size: int | None,
    seed: int | None,
    limit: int | None,
    form: str,
    mapping: str,
    out: Path,
) -> None:
    """Write the problems of a corpus as JSON lines (schemas/problem.v1.json)."""
    from tutelage.corpora import GENERATORS
    from tutelage.corpora.native import written
    from tutelage.errors import CorpusError

    options = [
        f"{key}={value}" for key, value in (("size", size), ("seed", seed)) if value is not None
    ]
    if options and spec.partition("?")[0].partition(":")[0] not in GENERATORS:
        raise CorpusError(
            f"--size and --seed go with {', '.join(GENERATORS)}: use --limit for a file"
        )
    if options:
        spec += ("&" if "?" in spec else "?") + "&".join(options)
    corpus = _open(spec, mapping, form)
    dead: Counter[str] = Counter()
    kept = 0
    with _writing(out) as write:
        for row in islice(corpus.rows(), limit):
            if row.problem is None:
                dead[row.failure] += 1
            else:
                kept += 1
                write(written(row.problem))
    click.echo(f"{out}: {kept} problems" + _listed(dead, "no problem"))


@command.command(epilog="Example: tutelage corpus shard svamp.json --out shards.jsonl")
@click.argument("spec")
@_reading
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to write.")
@click.pass_context
def shard(
    ctx: click.Context, spec: str, limit: int | None, form: str, mapping: str, out: Path
) -> None:
    """Cut fully specified problems into shards, the question first.

    By rule, a sentence a shard. Every number and content word of a statement must be in its
    shards as often as in the statement; a problem of which that is not true, or that is a single
    sentence, is refused with the reason. Exit status 1 if none is left.
    """
    from tutelage.corpora.cuts import cut
    from tutelage.corpora.native import written
    from tutelage.errors import BadRow

    corpus = _open(spec, mapping, form)
    refused: Counter[str] = Counter()
    kept = 0
    with _writing(out) as write:
        for row in islice(corpus.rows(), limit):
            try:
                if row.problem is None:
                    raise BadRow(row.failure, row.reason)
                write(written(cut(row.problem)))
                kept += 1
            except BadRow as error:
                refused[error.failure] += 1
                if sum(refused.values()) <= _SHOWN:
                    click.echo(
                        f"row {row.index} refused, {error.failure}: {error.reason}", err=True
                    )
    click.echo(f"{out}: {kept} problems in shards" + _listed(refused, "refused"))
    if not kept:
        ctx.exit(1)


def _listed(counts: Counter[str], what: str) -> str:
    words = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    return f"; {what}: {words}" if words else ""


@contextmanager
def _writing(out: Path) -> Iterator[Callable[[str], None]]:
    """Writes lines to a temporary name and renames at the end, so that a file is whole or absent.

    Raises:
        OutputError: the place cannot be written.
    """
    from tutelage.errors import OutputError

    partial = out.with_name(f".{out.name}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as stream:
            yield lambda line: print(line, file=stream)
        partial.replace(out)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"cannot write {out} ({reason}): choose another place") from error
    finally:
        with suppress(OSError):
            partial.unlink()
