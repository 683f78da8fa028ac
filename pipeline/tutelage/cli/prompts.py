"""`tutelage prompts`: what each side is told, and proof that it may be told that."""

import click

from tutelage.errors import RunFailed


@click.group("prompts", epilog="Example: tutelage prompts show teacher/feedback.j2")
def command() -> None:
    """Show and lint the prompt templates."""


@command.command("show", epilog="Example: tutelage prompts show student/system.j2")
@click.argument("name", required=False)
@click.option("--prompts", "own", default="", metavar="DIR", help="Templates that replace ours.")
def show(name: str | None, own: str) -> None:
    """List the templates with the variables of each, or print one."""
    from tutelage import templates

    if name:
        click.echo(templates.source(name, own)[0].rstrip())
        return
    for each in templates.names(own):
        named = ", ".join(sorted(templates.variables(each, own))) or "nothing"
        click.echo(f"{each:28} {templates.view_of(each).__name__:12} names {named}")


@command.command("lint", epilog="Example: tutelage prompts lint --prompts my-prompts")
@click.option("--prompts", "own", default="", metavar="DIR", help="Templates that replace ours.")
def lint(own: str) -> None:
    """Check that every template compiles and names only what its side may see."""
    from tutelage import templates

    faults = templates.lint(own)
    for fault in faults:
        click.echo(fault)
    if faults:
        raise RunFailed(f"{len(faults)} of {len(templates.names(own))} templates have faults")
    click.echo(f"{len(templates.names(own))} templates, no fault")
