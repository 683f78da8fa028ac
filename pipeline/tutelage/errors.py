"""Every error that Tutelage raises on purpose.

    TutelageError
    ├── Mistake              the user's mistake: one line, exit status 2
    │   ├── SettingsError    an unknown key, a value out of range, a run that does not fit its folder
    │   ├── CorpusError      a corpus that cannot be opened or contains no problem
    │   ├── TemplateError    a prompt that does not compile or names what its side may not see
    │   ├── ModelError       a model that is missing, or a folder that is not a model
    │   └── OutputError      an output folder that cannot be written
    ├── EngineError          one request failed
    │   ├── Transient        worth trying again (connection, 429, 5xx, time-out)
    │   ├── Permanent        this request will never work (too long, refused by the server)
    │   └── Fatal            the engine itself is gone; the run stops and can be resumed
    ├── BadRow               an input row that is not a problem: becomes a dead letter, stops no run
    └── RunFailed            the run failed after it began: exit status 1

A message says what was wanted, what was got, and what to do. Bad *model output* is never an
exception: it is a verdict or an outcome.
"""


class TutelageError(Exception):
    """Root of the tree above."""


class Mistake(TutelageError):
    """Something that the person who typed the command can fix."""


class SettingsError(Mistake):
    """A setting that does not exist, or a value that it cannot have."""


class CorpusError(Mistake):
    """A corpus that cannot be opened, or contains no problem."""


class TemplateError(Mistake):
    """A prompt template that does not compile, or names a variable that its side may not see."""


class ModelError(Mistake):
    """A model folder or id from which no engine can be started."""


class OutputError(Mistake):
    """An output folder that cannot be written."""


class EngineError(TutelageError):
    """One request to an engine failed; the subclass says what to do about it."""

    failure = "engine"


class Transient(EngineError):
    """May work when tried again."""

    failure = "transient"


class Permanent(EngineError):
    """Fails however often it is tried; costs this dialogue and no other."""

    failure = "permanent"


class Fatal(EngineError):
    """The engine is gone. Nothing more can be generated in this process."""

    failure = "fatal"


class BadRow(TutelageError):
    """One row of a corpus that cannot become a problem.

    `failure` is the class under which the dead letter is counted, such as `unreadable` or
    `no-answer`.
    """

    def __init__(self, failure: str, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure
        self.reason = reason

    def __reduce__(self) -> tuple[type["BadRow"], tuple[str, str]]:
        return BadRow, (self.failure, self.reason)


class RunFailed(TutelageError):
    """The run failed after it began: its balance does not hold, or too many dialogues failed."""
