"""`tutelage inspect`: a run in figures."""

from typing import Any

import click


@click.command("inspect", epilog="Example: tutelage inspect outputs/demo --json")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Every figure, as JSON.")
def command(run: str, as_json: bool) -> None:
    """Count a run: outcomes, turns, tokens, leaks, balance. Every figure comes from its shards."""
    import json

    from tutelage.shards.figures import figures

    found = figures(run)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if found["state"] != "published":
        click.echo(f"{run} is {found['state']}: figures so far, from the journal", err=True)
    balance, dialogues, took = found["balance"], found["dialogues"], found["telemetry"]
    click.echo(f"run {found['run_id']} in {run}")
    click.echo(
        f"problems   {balance['input']} in = {balance['kept']} kept + {balance['filtered']} "
        f"filtered + {balance['duplicate']} duplicate + {balance['dead']} dead"
    )
    click.echo(f"dialogues  {dialogues['kept']} kept, {dialogues['dead']} dead")
    for source in found["sources"]:
        click.echo(
            f"source     {source['source']} ({source['domain']}, {source['licence']}): "
            f"{source['dialogues']} dialogues"
        )
    for name, arm in found["arms"].items():
        _arm(name, arm)
    if took:
        click.echo(
            f"took       {took['generate_s']:.0f} s, {took['tokens_per_s']:.0f} tokens/s, "
            f"engine busy {took['engine_busy_share']:.0%} (last session)"
        )


def _arm(name: str, arm: dict[str, Any]) -> None:
    total = arm["dialogues"]
    click.echo(f"arm {name}")
    click.echo(
        f"  solved          {arm['solved']} of {total} ({arm['solve_rate']:.1%}), "
        f"mean return {arm['mean_return']:.3f}"
    )
    for turn, share in arm["solved_by"].items():
        bar = "█" * round(share * 40)
        click.echo(f"    by turn {turn:>2}    {share:6.1%} {bar}")
    click.echo(
        f"  attempts        {arm['attempts']}, {arm['unjudged']} unjudged, "
        f"{arm['cut_at_length']} cut at the length limit"
    )
    click.echo(
        f"  repeat rate     {arm['repeat_rate']:.1%} of later attempts repeat a wrong answer"
    )
    click.echo(
        f"  groups          {arm['groups']}, {arm['groups_without_signal']} without a difference"
    )
    forms = ", ".join(f"{form} {count}" for form, count in arm["forms"].items())
    click.echo(f"  feedback        {forms or 'none'}")
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
    sides = [
        f"{side} {arm[f'{side}_prompt_tokens']} read ({arm[f'{side}_cached_tokens']} from the cache), "
        f"{arm[f'{side}_completion_tokens']} written"
        for side in ("student", "teacher", "judge", "donors")
        if side == "student" or arm[f"{side}_prompt_tokens"]
    ]
    click.echo(f"  tokens          {'; '.join(sides)}")
