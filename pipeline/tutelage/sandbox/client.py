"""The tests' end of the pipe: what is asked of the program, and what the tests say of the answers.

All that they compare, they compare here, in their process. `test_runner` runs them.
"""

import builtins
import contextlib
import re
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tutelage.processes.pipe import Broken, Pipe
from tutelage.sandbox.endpoint import SHOWN, Endpoint
from tutelage.sandbox.plain import Shared
from tutelage.sandbox.proxy import ORIGINALS, Skipped, original

if TYPE_CHECKING:
    from tutelage.sandbox.test_source import TestSource


class Client(Endpoint):
    """The tests' end of the pipe, which counts what they find and keeps the first failure."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__(pipe, strict=True)
        self.space: dict[str, Any] = {}
        """The names of the tests."""
        self.calls = 0
        self.last = ""
        """The last call that a test made, as text."""
        self.passed = self.total = 0
        self.failure: dict[str, str] = {}
        self.stopped = False
        """Whether a call of the program's raised StopIteration, which a `map` here may swallow."""
        self._alone = False

    def ask(self, do: str, on: int | None, *arguments: Any, **named: Any) -> Any:
        """As any end does, but for the moments when the tests are to work alone."""
        if self._alone:
            raise Broken("alone")
        return super().ask(do, on, *arguments, **named)

    def call(self, on: Any, *arguments: Any, **named: Any) -> Any:
        """Calls an object of the program's."""
        self.calls += 1
        words = [*map(shown, arguments), *(f"{k}={shown(v)}" for k, v in named.items())]
        self.last = f"{ORIGINALS[id(on)].label}({', '.join(words)})"[:SHOWN]
        try:
            return super().call(on, *arguments, **named)
        except StopIteration:
            self.stopped = True
            raise

    def _do_attribute(self, on: Any, how: str, name: str, *value: Any) -> Any:
        if how != "getattr" and self.values.overwritten is not None:
            with contextlib.suppress(TypeError):  # it may have no dictionary
                mine = Shared(on, None)
                self.values.overwritten.setdefault(id(on), (mine, mine.read()))
        return super()._do_attribute(on, how, name, *value)

    def _do_warn(self, _: Any, message: Warning) -> None:
        warnings.warn(message, stacklevel=1)

    def judge(
        self, source: str, sides: Sequence[Callable[[], Any]], holds: Callable[..., Any],
        mirrored: bool | None, computed: tuple[bool, bool],
    ) -> None:  # fmt: skip
        """Stands for `assert left == right`, or with another operator, or of one side alone.

        Args:
            holds: says of the sides whether the assert does.
            mirrored: whether the left side is what is expected; None for the one without a call.
            computed: which of the sides are more than a name.
        """
        self.last = self.trace = ""
        overwritten = self.values.overwritten = {}
        values: list[Any] = []
        calls = [self.calls]
        try:
            for side in sides:
                values.append(side())
                calls.append(self.calls)
            held = bool(holds(*values))
        except BaseException as error:
            if not values and len(sides) > 1 and not isinstance(error, Broken | Skipped):
                with contextlib.suppress(Exception):  # what was expected is worth to be told
                    values += [None, sides[1]()]
            self.fail(source, error, shown(values[1]) if len(values) > 1 else "")
            return
        finally:
            self.values.overwritten = None
        if mirrored is None:
            mirrored = calls[0] == calls[1] < calls[-1]
        texts = [*map(shown, values), "a true value"]
        wanted, got = texts[:2] if mirrored and len(sides) > 1 else texts[1::-1]
        if held and len(sides) > 1 and overwritten and computed[not mirrored]:
            self._compare_before(sides[not mirrored], wanted, [*overwritten.values()])
        self.count(held, source, wanted, got)

    def _compare_before(self, side: Callable[[], Any], text: str, changed: list[Any]) -> None:
        """Sees to it that a side was the same before the program changed what it is made of.

        Raises:
            Skipped: it was not.
        """
        now = [(shared, shared.read(), shared.agreed) for shared, _ in changed]
        for shared, before in changed:
            shared.write(before)
        self._alone = True
        try:
            was = shown(side())
        except (Exception, Broken):  # it may only be there after the call, or be the program's
            was = text
        self._alone = False
        for shared, content, agreed in now:
            shared.write(content)
            shared.agreed = agreed
        if _ADDRESS.sub("", was) != _ADDRESS.sub("", text):
            raise Skipped("what a test expects changes with the call")

    @contextlib.contextmanager
    def trial(self, piece: "TestSource") -> Iterator[None]:
        """Counts an exception; or, where nothing in it was counted but might have failed, once."""
        total, calls = self.total, self.calls
        self.last = self.trace = ""
        try:
            yield
        except BaseException as error:
            self.fail(piece.source, error)
        own = (self.space.get(name) for name in piece.calls if not hasattr(builtins, name))
        helped = not piece.counts and any(callable(one) and not original(one) for one in own)
        if self.total == total and self.calls > calls and (piece.guards or helped):
            self.count(True, piece.source, "", "")

    def fail(self, source: str, error: BaseException, expected: str = "") -> None:
        """Counts a test that an exception ended.

        Raises:
            Broken, Skipped: `error`, where it is one of these.
        """
        if isinstance(error, Broken | Skipped):
            raise error
        if isinstance(error, ModuleNotFoundError) and not self.has_raised(error):
            raise Skipped(f"{error}") from None
        if isinstance(error, TypeError) and not self.has_raised(error) and _is_of_library(error):
            raise Skipped(
                f"the library here cannot do this with an object of the program's: {error}"
            )
        words = error_words(error)
        self.count(False, source, expected, words, self.trace or words)

    def count(self, held: bool, source: str, expected: str, actual: str, trace: str = "") -> None:
        """Counts one test; keeps the first failure."""
        self.total += 1
        self.passed += held
        if not held and not self.failure:
            self.failure = {
                "input": self.last or source[:SHOWN], "expected": expected,
                "actual": actual, "traceback": trace,
            }  # fmt: skip


def _is_of_library(error: BaseException) -> bool:
    """Whether an error was raised in the library, not in the tests, over an object of the program's."""
    frame, _ = [*traceback.walk_tb(error.__traceback__)][-1]
    own = ("tests.py", "setup.py", "<string>")
    within = frame.f_code.co_filename not in own and "tutelage" not in frame.f_code.co_filename
    return within and any(original(value) for value in frame.f_locals.values())


def error_words(error: BaseException) -> str:
    """Kind and text of an exception."""
    try:
        return f"{type(error).__name__}: {error}"[:SHOWN]
    except (Broken, Skipped):
        raise
    except BaseException:  # a program's may be of any kind
        return type(error).__name__


def shown(value: Any) -> str:
    """A value as a failure shows it."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(error).__name__}>"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 20]}... ({len(text)} long)"


_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
