"""`tutelage inspect`: runs in figures."""

from typing import Any

import click

from tutelage.cli.terminal import shortened, width
from tutelage.controls import harmless

_BLOCKS = "▁▂▃▄▅▆▇█"
Tree = dict[str, Any]


@click.command(
    "inspect",
    epilog="Example: tutelage inspect outputs/first outputs/second --html report.html",
)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--json", "as_json", is_flag=True, help="Every figure, as JSON.")
@click.option("--html", default="", metavar="FILE", help="Write a page with plots, in one file.")
@click.option("--png", default="", metavar="FILE", help="Write the curves as a picture.")
def command(runs: tuple[str, ...], as_json: bool, html: str, png: str) -> None:
    """Count runs: outcomes, turns, tokens, leaks, balance, with 95 % intervals.

    Every figure comes from the shards; of a run that is still playing, from what has ended so far.
    Several runs stand side by side, with the difference between them on the problems that they
    share, and arms with their lift over retry, at equal turns and at equal tokens.
    """
    import json
    from pathlib import Path

    from tutelage.inspection.comparison import tree
    from tutelage.inspection.counting import inspected
    from tutelage.shards.folder import writing

    inspections = [inspected(run, label) for run, label in zip(runs, _labels(runs), strict=True)]
    for run in inspections:
        if run.note:
            click.echo(f"{harmless(run.label)}: {run.note}", err=True)
    compared = tree(inspections)
    if html or png:
        from tutelage.inspection import page

        for file, write in ((html, _page), (png, page.save_png)):
            if file:
                with writing(Path(file)):
                    write(compared, Path(file))
                click.echo(f"written to {file}", err=True)
    if as_json:
        figures = [run.figures for run in inspections]
        printed = figures[0] | compared if len(runs) == 1 else compared | {"figures": figures}
        click.echo(json.dumps(printed, indent=2))
    elif len(runs) == 1:
        _one(runs[0], inspections[0].figures, compared)
    else:
        _several(compared)
    if not as_json:
        _differences(compared)


def _page(tree: Tree, file: Any) -> None:
    from tutelage.inspection.page import render

    file.write_text(render(tree), "utf-8")


def _labels(runs: tuple[str, ...]) -> list[str]:
    """The last part of each name; the whole where two would be alike."""
    names = [run.rstrip("/").rpartition("/")[2] or run for run in runs]
    return names if len(set(names)) == len(names) else list(runs)


def _one(run: str, figures: Tree, compared: Tree) -> None:
    balance, dialogues, took = figures["balance"], figures["dialogues"], figures["telemetry"]
    click.echo(f"run {figures['run_id']} in {run}")
    click.echo(
        f"problems   {balance['input']} in = {balance['kept']} kept + {balance['filtered']} "
        f"filtered + {balance['duplicate']} duplicate + {balance['dead']} dead"
    )
    click.echo(f"dialogues  {dialogues['kept']} kept, {dialogues['dead']} dead")
    if derived := figures.get("derived"):
        from tutelage.cli.deriving import account

        parents = ", ".join(parent["name"] for parent in derived["parents"])
        click.echo(harmless(f"derived    by {derived['operation']} from {parents}"))
        click.echo(harmless(account({"derived": derived})))
    for source in figures["sources"]:
        words = f"{source['source']} ({source['domain']}, {source['licence']})"
        click.echo(harmless(f"source     {words}: {source['dialogues']} dialogues"))
    for maker in figures["makers"]:
        prompts = " ".join(maker[f"{side}_prompt"][:8] or "-" for side in ("student", "teacher"))
        click.echo(
            harmless(
                f"made by    student {maker['student']}, teacher {maker['teacher']}, "
                f"prompts {prompts}: {maker['dialogues']} dialogues"
            )
        )
    for line in compared["conditions"]:
        _arm(line["arm"], figures["arms"][line["arm"]], line)
    if took:
        click.echo(
            f"took       {took['generate_s']:.0f} s, {took['tokens_per_s']:.0f} tokens/s, "
            f"engine busy {took['engine_busy_share']:.0%} (last session)"
        )
    if plan := figures["plan"]:
        from tutelage.cli.plan import table
        from tutelage.session.estimate import Range

        click.echo("the plan made before, and the truth")
        ranges = {name: Range(**line["plan"]) for name, line in plan.items()}
        for words in table(ranges, {name: line["truth"] for name, line in plan.items()}):
            click.echo(f"  {words}")


def _arm(name: str, arm: Tree, line: Tree) -> None:
    total = arm["dialogues"]
    click.echo(harmless(f"arm {name}  {sparkline([point['value'] for point in line['curve']])}"))
    click.echo(
        f"  solved          {arm['solved']} of {total} ({arm['solve_rate']:.1%}), "
        f"mean return {arm['mean_return']:.3f}"
    )
    for turn, point in enumerate(line["curve"], 1):
        share = point["value"]
        between = f"[{point['low']:.1%}, {point['high']:.1%}]"
        click.echo(f"    by turn {turn:>2}    {share:6.1%} {between:<16} {'█' * round(share * 40)}")
    click.echo(
        f"  attempts        {arm.get('attempts', 0)}, {arm.get('unjudged', 0)} unjudged, "
        f"{arm.get('cut_at_length', 0)} cut at the length limit"
    )
    click.echo(
        f"  solved, flawed  {arm['solved_by_a_false_sum']} by a turn with a false sum, "
        f"{arm['solved_by_a_cut_turn']} by one that was cut"
    )
    click.echo(
        f"  repeat rate     {arm['repeat_rate']:.1%} of later attempts repeat a wrong answer"
    )
    click.echo(
        f"  groups          {arm['groups']}, {arm['groups_without_signal']} without a difference"
    )
    forms = ", ".join(f"{form} {count}" for form, count in arm.get("forms", {}).items())
    click.echo(harmless(f"  feedback        {forms or 'none'}"))
    click.echo(
        f"  leak gate       {arm['gated_with_a_leaking_draft']} of {arm['gated_messages']} messages "
        f"had a leaking draft ({arm['leak_rate_raw']:.2%}), {arm['leaks_that_stand']} leaks stand "
        f"({arm['leak_rate_residual']:.2%})"
    )
    if arm.get("drafts_read"):
        click.echo(
            f"  reader          {arm['drafts_read']} drafts read for "
            f"{arm['judge_prompt_tokens']} tokens ({arm['judge_cached_tokens']} from the cache) and "
            f"{arm['judge_completion_tokens']} written: {arm['answers_read']} name an answer, "
            f"{arm['leaks_read']} the right one; {arm['drafts_unread']} got no reply"
        )
    click.echo(f"  questions       {arm['questions']}, of which {arm['primed_turns']} primed")
    if arm.get("underspecified"):
        click.echo(
            f"  underspecified  {arm['underspecified']}, of which {arm['with_premature_attempt']} "
            "with an answer before all shards were out"
        )
    click.echo(f"  near-duplicates {arm['near_duplicates']}")
    click.echo(
        f"  length          {arm['median_tokens_written']} tokens written in the median dialogue, "
        f"{arm['tokens_written_by_nine_of_ten']} in nine of ten, {arm['most_tokens_written']} at most"
    )
    sides = [
        f"{side} {arm[f'{side}_prompt_tokens']} read ({arm[f'{side}_cached_tokens']} from the cache), "
        f"{arm[f'{side}_completion_tokens']} written"
        for side in ("student", "teacher", "judge", "donors")
        if side == "student" or arm[f"{side}_prompt_tokens"]
    ]
    click.echo(f"  tokens          {'; '.join(sides)}")


def _several(tree: Tree) -> None:
    """A line a figure, a column a run and arm."""
    from tutelage.inspection.comparison import NUMBERS, RATES

    lines = tree["conditions"]
    heads = [f"{line['model']} {line['arm']}" for line in lines]
    rows = [("", heads)]
    rows.append(("solved by turn", [sparkline([p["value"] for p in x["curve"]]) for x in lines]))
    rows += [
        (f"  by turn {turn + 1}", [_share(line["curve"][turn]) for line in lines])
        for turn in range(tree["turns"])
    ]
    rows += [(words, [_number(line["numbers"][words]) for line in lines]) for words in NUMBERS]
    for words in RATES:
        cells = [line["rates"].get(words) for line in lines]
        rows.append((words, [_share(cell) if cell else "-" for cell in cells]))
    rows += [
        ("seconds", [_number(_of(tree, line)["seconds"]) for line in lines]),
        ("tokens/s", [_number(_of(tree, line)["tokens_per_s"]) for line in lines]),
    ]
    first = max(len(words) for words, _ in rows)
    room = max(12, (width() - first) // len(lines) - 2)
    for words, cells in rows:
        shown = "  ".join(f"{shortened(cell, room):>{room}}" for cell in cells)
        click.echo(f"{words:<{first}}  {shown}".rstrip())


def _differences(tree: Tree) -> None:
    """Lifts over the control, and runs less the first one; and which runs are no fair sample."""
    from tutelage.evaluate.page import chance, interval

    named = [
        (line, f"{line['model']}: {line['arm']} over {line['over']}") for line in tree["lifts"]
    ]
    named += [
        (line, f"{line['model']} less {line['over']}, {line['arm']}")
        for line in tree["comparisons"]
    ]
    for line, words in named:
        last, equal = line["by_turn"][-1], line["equal_tokens"]
        click.echo(
            harmless(
                f"lift       {words}, {last['problems']} problems: "
                f"{interval(last, 'difference')} (p {chance(last['p'])}), at equal tokens "
                f"{interval(equal, 'difference')} (p {chance(equal['p'])})"
            )
        )

    for run in tree["runs"]:
        if run["selected_by"]:
            rules = ", ".join(run["selected_by"])
            click.echo(harmless(f"note       {run['run']} was filtered ({rules}): its shares are of "
                                "what was kept"))  # fmt: skip


def sparkline(shares: list[float]) -> str:
    """Shares in [0, 1] as a row of blocks.

    >>> sparkline([0.0, 0.5, 1.0])
    '▁▅█'
    """
    return "".join(_BLOCKS[min(7, int(8 * share))] for share in shares)


def _share(figure: Tree) -> str:
    share = f"{figure['value']:.1%}".replace("100.0%", "100%")
    return f"{share} [{100 * figure['low']:.0f}, {100 * figure['high']:.0f}]"


def _number(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"


def _of(tree: Tree, line: Tree) -> Tree:
    entry: Tree = next(run for run in tree["runs"] if run["run"] == line["model"])
    return entry
