"""A final answer as it was found in a message, and why there is none.

Data only: `extract` finds it, `prose` and `choice` help, `math` compares.
"""

from dataclasses import dataclass

NO_ANSWER = "no answer"
CUT_OFF = "cut off before the answer ended"
HEDGED = "more than one answer"
TAKEN_BACK = "taken back"


@dataclass(frozen=True, slots=True)
class Final:
    """A final answer as it stands in a message."""

    text: str
    """Empty where there is none."""
    reason: str = ""
    """Why there is none."""
    said: str = ""
    """Where `text` is a whole sentence, what that says its subject is: `Paris`."""
