"""Renders the prompts in `prompts/`: sandboxed Jinja, and a missing variable is an error.

What a template can say is decided by type. A student's template is rendered from a `StudentView`,
which has no privileged field to name; a teacher's from a `TeacherView`. `lint` proves it for every
template without rendering one. What is filled in can open no role of a chat (`specials`): a template
may hold special tokens, a problem or a model's words may not. This room does not decide who speaks
when; that is `dialogue`.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateNotFound, meta
from jinja2 import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tutelage.errors import TemplateError
from tutelage.resources import folder
from tutelage.seeds import digest, fraction
from tutelage.specials import neutralise


@dataclass(frozen=True, slots=True)
class StudentView:
    """All that a student's template can name. Public fields only, by construction."""

    statement: str
    domain: str
    turns: int
    """Student turns at most."""


@dataclass(frozen=True, slots=True)
class BlindView:
    """What a teacher's template can name that is not privileged; all of it in the arm `blind`.

    That the attempt is wrong is not privileged: every arm's student is told so.
    """

    statement: str
    domain: str
    turns: int
    turn: int
    """The turn that the feedback is on, from 1."""
    history: tuple[tuple[str, str], ...]
    """(speaker, content) of every message after the problem, the newest attempt last."""
    attempt: str
    """The newest student turn."""
    act: str
    """`attempt` or `question`."""
    form: str
    """Form of feedback that is wanted, such as `hint`; empty leaves it to the teacher."""


@dataclass(frozen=True, slots=True)
class TeacherView(BlindView):
    """All that a teacher's template can name, privileged fields included."""

    extracted: str
    """The final answer as the verifier read it from the attempt."""
    reason: str
    """Why the verifier said no."""
    detail: str
    """Structured test result as JSON, for code; empty otherwise."""
    solution: str
    """The worked solution. Privileged."""
    answer: str
    """The final answer. Privileged."""


@dataclass(frozen=True, slots=True)
class LazyView:
    """All that the model which words a lazy user's shard can name."""

    shard: str
    """The one shard to be given out."""
    newest: str
    """What the student said last."""


@dataclass(frozen=True, slots=True)
class ReaderView:
    """All that the reader's templates can name. Public fields only: the dialogue stands before."""

    speaker: str
    """`teacher`, or `student` for a question of Q-priming or a turn whose move is asked for."""
    draft: str
    """The one message that is read."""
    expression: str
    """Whether a last step that is spelled out counts as an answer: `block` if so, `allow` if not."""


@dataclass(frozen=True, slots=True)
class HintView:
    """What the worked-solution teacher's wording can name. Holds no answer: see `engines.worked`."""

    turn: int
    form: str
    said: str
    """The student's own words that are pointed at, or empty."""
    wrong: str
    """What they came to."""
    operation: str
    """`add`, `subtract`, `multiply`, `divide`, or empty."""
    left: str
    right: str
    first: str
    rest: str
    """Two easier parts of `right`, for the form `split`."""
    draw: float
    """In [0, 1): chooses among wordings."""


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
"""Templates whose view is not their folder's."""


class _Environment(ImmutableSandboxedEnvironment):
    """Sandboxed; `pick` chooses a wording by the view's `draw`, `quoted` sets a text apart."""


@cache
def _environment(own: str) -> _Environment:
    places = [own] if own else []
    environment = _Environment(
        loader=FileSystemLoader([*places, str(folder("prompts"))]),
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


def _pick(options: Sequence[str], draw: float) -> str:
    """One of `options`, by a number in [0, 1): `{{ ["No.", "Not yet."] | pick(draw) }}`."""
    return options[int(draw * len(options))]


def _quoted(text: str) -> str:
    """Each line behind `> `, so that nothing in the text can end the quotation."""
    return "\n".join(f"> {line}" for line in text.splitlines() or [""])


def draw(*parts: str | int) -> float:
    """A number in [0, 1) for a view's `draw`, by digest."""
    return fraction("wording", *parts)


@lru_cache(maxsize=4096)
def render(name: str, view: View, own: str = "") -> str:
    """The template `name`, such as `student/system.j2`, filled in from `view`.

    Kept for a while, because a teacher's chat repeats all earlier turns of its dialogue.

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
        return _environment(own).get_template(name).render(_fields(view)).strip()
    except TemplateNotFound as error:
        raise TemplateError(f"no template {error.name!r} in {_places(own)}") from None
    except JinjaError as error:
        raise TemplateError(_said(name, error)) from None


def view_of(name: str) -> type[View]:
    """The view that the template `name` is rendered from.

    Raises:
        TemplateError: the template lies in no folder that has a view.
    """
    if name in VIEWS:
        return VIEWS[name]
    side = name.split("/", 1)[0]
    if side not in SIDES:
        raise TemplateError(f"{name} lies in none of {sorted(SIDES)}: no side may render it")
    return SIDES[side]


def names(own: str = "") -> list[str]:
    """Every template, ours and those of the folder `own`, sorted."""
    return sorted(n for n in _environment(own).list_templates(extensions=["j2"]))


def source(name: str, own: str = "") -> tuple[str, Path]:
    """Text and file of a template. Raises `TemplateError` where there is none."""
    loader = _environment(own).loader
    assert loader is not None
    try:
        text, path, _ = loader.get_source(_environment(own), name)
    except TemplateNotFound:
        raise TemplateError(f"no template {name!r}; have {', '.join(names(own))}") from None
    return text, Path(str(path))


def variables(name: str, own: str = "") -> set[str]:
    """Variables that the template names, those of what it includes counted in.

    Raises:
        TemplateError: it does not compile, or includes a template by a computed name.
    """
    environment = _environment(own)
    text, _ = source(name, own)
    try:
        tree = environment.parse(text, name)
        environment.compile(text, name)
        names = set(meta.find_undeclared_variables(tree))
        for other in meta.find_referenced_templates(tree):
            if other is None:
                raise TemplateError(
                    f"{name} includes a template by a computed name: name it plainly"
                )
            names |= variables(other, own)
    except JinjaError as error:
        raise TemplateError(_said(name, error)) from None
    return names


def lint(own: str = "") -> list[str]:
    """One line for each template that does not compile or names what its side may not see."""
    faults = []
    for name in names(own):
        try:
            allowed = {f.name for f in dataclasses.fields(view_of(name))}
            wrong = sorted(variables(name, own) - allowed)
        except TemplateError as error:
            faults.append(str(error))
            continue
        if wrong:
            has = ", ".join(sorted(allowed))
            faults.append(f"{name} names {', '.join(wrong)}; {view_of(name).__name__} has: {has}")
    return faults


def check(used: Sequence[str], own: str = "") -> None:
    """Refuses to begin with a template that is not there or does not lint.

    Raises:
        TemplateError: with every fault, on one line.
    """
    if own and not Path(own).is_dir():
        raise TemplateError(f"no folder of templates at {own}: correct --set prompts=...")
    for name in used:
        source(name, own)
    if faults := lint(own):
        raise TemplateError("; ".join(faults))


def fingerprint(used: Sequence[str], own: str = "") -> str:
    """Digest of the sources of `used` and of all that they include."""
    texts: dict[str, str] = {}
    todo = list(used)
    while todo:
        name = todo.pop()
        if name not in texts:
            texts[name] = source(name, own)[0]
            tree = _environment(own).parse(texts[name], name)
            todo += [other for other in meta.find_referenced_templates(tree) if other]
    return digest(*(part for name in sorted(texts) for part in (name, texts[name])))


def _fields(view: View) -> dict[str, Any]:
    return {f.name: _harmless(getattr(view, f.name)) for f in dataclasses.fields(view)}


def _harmless(value: Any) -> Any:
    if isinstance(value, str):
        return neutralise(value)[0]
    return tuple(map(_harmless, value)) if isinstance(value, tuple) else value


def _places(own: str) -> str:
    return f"{own} or {folder('prompts')}" if own else str(folder("prompts"))


def _said(name: str, error: JinjaError) -> str:
    line = getattr(error, "lineno", None)
    return f"template {name}{f', line {line}' if line else ''}: {error.message}"
