"""Renders the prompts in `prompts/`: sandboxed Jinja, in which an unknown variable is an error.

Types decide what a template can reveal. A student's template is rendered from a `StudentView`,
which has no privileged field; a teacher's from a `TeacherView`. `lint` proves this for every
template without rendering any. Templates may contain special tokens; the values filled into them
(problems, models' messages) may not, so that they cannot open a new role in a chat (`specials`).

This room does not decide who speaks when; `dialogue` does.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, Template, TemplateNotFound, meta
from jinja2 import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tutelage.errors import TemplateError
from tutelage.resources import folder
from tutelage.seeds import digest, fraction
from tutelage.specials import neutralise


@dataclass(frozen=True, slots=True)
class StudentView:
    """All variables of a student's template. Public fields only, by construction."""

    statement: str
    domain: str
    turns: int
    """Maximum number of student turns."""


@dataclass(frozen=True, slots=True)
class BlindView:
    """The unprivileged variables of a teacher's template; the arm `blind` has only these.

    It is not privileged that the attempt is wrong: the student is told so in every arm.
    """

    statement: str
    domain: str
    turns: int
    turn: int
    """The turn that the feedback is about, from 1."""
    history: tuple[tuple[str, str], ...]
    """(speaker, content) of every message after the problem, the newest attempt last."""
    attempt: str
    """The student's newest message."""
    act: str
    """`attempt` or `question`."""
    form: str
    """Requested form of feedback, such as `hint`; empty leaves it to the teacher."""


@dataclass(frozen=True, slots=True)
class TeacherView(BlindView):
    """All variables of a teacher's template, including the privileged ones."""

    extracted: str
    """The final answer as the verifier read it from the attempt."""
    reason: str
    """Why the verifier did not accept the attempt."""
    detail: str
    """Structured test result as JSON, for code; empty otherwise."""
    solution: str
    """The worked solution. Privileged."""
    answer: str
    """The final answer. Privileged."""


@dataclass(frozen=True, slots=True)
class LazyView:
    """All variables of the prompt for the model that plays a lazy user."""

    shard: str
    """The hint shard to be revealed."""
    newest: str
    """The student's newest message."""


@dataclass(frozen=True, slots=True)
class ReaderView:
    """All variables of the reader's templates. Public fields only; the dialogue comes before them."""

    speaker: str
    """`teacher`, or `student` for a Q-priming question or a turn whose move is to be classified."""
    draft: str
    """The message to be read."""
    expression: str
    """Whether a last step that is spelled out counts as an answer: `block` if so, `allow` if not."""


@dataclass(frozen=True, slots=True)
class HintView:
    """Variables of the worked-solution teacher's wordings. Holds no answer: see `engines.worked`."""

    turn: int
    form: str
    claim: str
    """The student's wrong step in the student's own words, or empty."""
    wrong: str
    """The result that the student gave for that step."""
    operation: str
    """`add`, `subtract`, `multiply`, `divide`, or empty."""
    left: str
    right: str
    first: str
    rest: str
    """`first` and `rest`: two easier parts of `right`, for the form `split`."""
    draw: float
    """In [0, 1): chooses the wording."""


View = StudentView | TeacherView | BlindView | LazyView | ReaderView | HintView
SIDES: dict[str, type[View]] = {
    "student": StudentView,
    "teacher": TeacherView,
    "question": TeacherView,
    "reader": ReaderView,
    "shared": StudentView,
}
"""Folder of `prompts/` -> the view that its templates are rendered from."""

VIEWS: dict[str, type[View]] = {
    "teacher/worked.j2": HintView,
    "teacher/blind.j2": BlindView,
    "teacher/blind_attempt.j2": BlindView,
    "teacher/lazy.j2": LazyView,
}
"""Templates that are rendered from another view than the rest of their folder."""


class _Environment(ImmutableSandboxedEnvironment):
    """Sandboxed, with two filters: `pick` chooses a wording by `draw`, `quoted` quotes a text."""


@cache
def _environment(own: str) -> _Environment:
    own_folders = [own] if own else []
    environment = _Environment(
        loader=FileSystemLoader([*own_folders, str(folder("prompts"))]),
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=False,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["pick"] = _pick
    environment.filters["quoted"] = _quoted
    return environment


@cache
def _template(name: str, own: str) -> Template:
    template = _environment(own).get_template(name)
    # Jinja copies them for each rendering, which takes most of its time if they are a ChainMap.
    template.globals = dict(template.globals)
    return template


def _pick(options: Sequence[str], draw: float) -> str:
    """One of `options`, by a number in [0, 1): `{{ ["No.", "Not yet."] | pick(draw) }}`."""
    return options[int(draw * len(options))]


def _quoted(text: str) -> str:
    """The text with `> ` before each line, so that nothing in it can end the quotation."""
    return "\n".join(f"> {line}" for line in text.splitlines() or [""])


def draw(*parts: str | int) -> float:
    """A reproducible number in [0, 1) for a view's `draw`, derived from `parts` by digest."""
    return fraction("wording", *parts)


@lru_cache(maxsize=4096)
def render(name: str, view: View, own: str = "") -> str:
    """The template `name`, such as `student/system.j2`, filled in from `view`.

    Results are cached, because a teacher's chat repeats all earlier turns of its dialogue.
    `own` is a folder of templates that replace ours by name; empty for none.

    Raises:
        TemplateError: there is no such template, it does not compile, or it names a variable that
            its view does not have.
    """
    expected = view_of(name)
    if type(view) is not expected:
        raise TemplateError(
            f"{name} is rendered from {expected.__name__}, got {type(view).__name__}"
        )
    try:
        return _template(name, own).render(_fields(view)).strip()
    except TemplateNotFound as error:
        raise TemplateError(f"no template {error.name!r} in {_folders(own)}") from None
    except JinjaError as error:
        raise TemplateError(_complaint(name, error)) from None


def view_of(name: str) -> type[View]:
    """The view that the template `name` is rendered from.

    Raises:
        TemplateError: the template is in a folder that has no view.
    """
    if name in VIEWS:
        return VIEWS[name]
    side = name.split("/", 1)[0]
    if side not in SIDES:
        raise TemplateError(f"{name} lies in none of {sorted(SIDES)}: no side may render it")
    return SIDES[side]


def names(own: str = "") -> list[str]:
    """The names of all templates, ours and those of the folder `own`, sorted."""
    return sorted(_environment(own).list_templates(extensions=["j2"]))


def source(name: str, own: str = "") -> tuple[str, Path]:
    """Text and file of a template. Raises `TemplateError` if it does not exist."""
    loader = _environment(own).loader
    assert loader is not None
    try:
        text, path, _ = loader.get_source(_environment(own), name)
    except TemplateNotFound:
        raise TemplateError(f"no template {name!r}; have {', '.join(names(own))}") from None
    return text, Path(str(path))


def variables(name: str, own: str = "") -> set[str]:
    """Variables that the template and the templates it includes use.

    Raises:
        TemplateError: it does not compile, or includes a template by a computed name.
    """
    text, _ = source(name, own)
    try:
        undeclared, includes = _parsed(name, text, own)
        used = set(undeclared)
        for included in includes:
            if included is None:
                raise TemplateError(
                    f"{name} includes a template by a computed name: name it plainly"
                )
            used |= variables(included, own)
    except JinjaError as error:
        raise TemplateError(_complaint(name, error)) from None
    return used


@lru_cache(maxsize=256)
def _parsed(name: str, text: str, own: str) -> tuple[frozenset[str], tuple[str | None, ...]]:
    """The variables that a template's text names, and the templates that it includes."""
    environment = _environment(own)
    tree = environment.parse(text, name)
    environment.compile(tree, name)
    undeclared = frozenset(meta.find_undeclared_variables(tree))
    return undeclared, tuple(meta.find_referenced_templates(tree))


def lint(own: str = "") -> list[str]:
    """One line for each template that does not compile or uses a variable its view does not have."""
    faults = []
    for name in names(own):
        try:
            allowed = {f.name for f in dataclasses.fields(view_of(name))}
            unknown = sorted(variables(name, own) - allowed)
        except TemplateError as error:
            faults.append(str(error))
            continue
        if unknown:
            has = ", ".join(sorted(allowed))
            faults.append(f"{name} names {', '.join(unknown)}; {view_of(name).__name__} has: {has}")
    return faults


def check(used: Sequence[str], own: str = "") -> None:
    """Checks, before a run begins, that the templates `used` exist and that all of them lint.

    Raises:
        TemplateError: lists every fault, on one line.
    """
    if own and not Path(own).is_dir():
        raise TemplateError(f"no folder of templates at {own}: correct --set prompts=...")
    for name in used:
        source(name, own)
    if faults := lint(own):
        raise TemplateError("; ".join(faults))


def fingerprint(used: Sequence[str], own: str = "") -> str:
    """Digest of the sources of the templates `used` and of all that they include."""
    texts: dict[str, str] = {}
    pending = list(used)
    while pending:
        name = pending.pop()
        if name not in texts:
            texts[name] = source(name, own)[0]
            pending += [included for included in _parsed(name, texts[name], own)[1] if included]
    return digest(*(part for name in sorted(texts) for part in (name, texts[name])))


def _fields(view: View) -> dict[str, Any]:
    return {f.name: _neutralised(getattr(view, f.name)) for f in dataclasses.fields(view)}


def _neutralised(value: Any) -> Any:
    if isinstance(value, str):
        return neutralise(value)[0]
    return tuple(map(_neutralised, value)) if isinstance(value, tuple) else value


def _folders(own: str) -> str:
    return f"{own} or {folder('prompts')}" if own else str(folder("prompts"))


def _complaint(name: str, error: JinjaError) -> str:
    line = getattr(error, "lineno", None)
    return f"template {name}{f', line {line}' if line else ''}: {error.message}"
