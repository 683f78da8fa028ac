"""Whether a message puts an expression as the answer, or leaves it as work to be done.

"She has 27 - 5" says what "work out 27 - 5" does not. `contexts` knows the words that name any
answer; these are the weaker ones that only an expression needs.
"""

import re

from tutelage.leaks.contexts import CALLED, FILL, Place, denied, named_as_answer
from tutelage.leaks.lexicon import stems

_ASSERTED = re.compile(
    r"(?:=|->|:|^|\b(?:is|are|was|be|equals?|gives?|gets?|got|makes?|comes?\s+(?:out\s+)?to|have|has|"
    r"had|needs?|leaves?|yields?|remains?|it's|that's|totals?|pays?|takes?|costs?|eats?|earns?)\b)"
    rf"\s*{FILL}$"
)
_DIRECTED = re.compile(
    r"\b(?:work(?:ing)?\s+out|comput\w+|calculat\w+|evaluat\w+|find|try|do|doing|subtract\w*|add\w*|"
    r"multipl\w+|divid\w+|step|operation|expression|equation|formula|computation|"
    r"what(?:'s|\s+is|\s+are|\s+do)|how\s+much|set\s+up|consider|start|begin|use|using|look|"
    r"simplif\w+|reduce|expand|check|think|remains\s+to|to\s+be|left\s+to|instead\s+of|your|"
    r"you\s+(?:wrote|used|did|computed|said|have\s+written)|should\s+i|do\s+i|did\s+you|takes?)\b"
)
_LEFT_OPEN = re.compile(
    r"^[^.!?]{0,40}[.!?;,:]?\s*(?:now\s+|so\s+|can\s+you\s+|please\s+)*"
    r"(?:work|compute|calculate|evaluate|finish|do)\s+(?:it|that|this|the)\b"
    r"|^[^.!?]{0,40}[.!?]\s*(?:so\s+|and\s+)?(?:what|how\s+(?:much|many))\s+(?:is|does|are)\s+"
    r"(?:that|this|it)\b",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r"\s*(?:=|\?|$)?\s*\?|\s*(?:to\s+be|needs?\s+to)\b|\s*=")
_IS_WHAT = re.compile(r"\s+is\s+((?:[\w']+\s*){1,5})")


_THAT_IS_IT = re.compile(
    r"\s+(?:is\s+|be\s+)?(?:the|your)\s+(?:(?:final|right|correct)\s+)?answer\?"
    r"|\s*[.?!]\s+(?:that|this|it)(?:'s|\s+is)\s+(?:the|your)\s+(?:(?:final|right)\s+)?answer\b",
    re.IGNORECASE,
)
"""`Would 30 + 7 be the answer?`, `What is 30 + 7? That is your answer.`"""


def directed(at: Place) -> bool:
    """Whether the words before the span tell the student to do something with it."""
    return bool(_DIRECTED.search(at.before))


def _is_what(at: Place, question: str, sought: frozenset[str]) -> bool:
    """Whether the sentence goes on with the name of what is asked: `27 - 5 is Peter's age`."""
    told = _IS_WHAT.match(at.after)
    if not told:
        return False
    names = {word.removesuffix("s") for word in told[1].split()}
    return bool(names & sought or stems(told[1]) & stems(question))


def asserted(at: Place, question: str, sought: frozenset[str]) -> bool:
    """Whether an expression is put as the answer rather than as work to be done.

    `The answer is 27 - 5` and `left = 27 - 5` are; `work out 27 - 5`, `what is 27 - 5?` and a bare
    `27 - 5` are not.
    """
    if _THAT_IS_IT.match(at.text, at.end):
        return True
    if at.asks and not re.search(CALLED, at.before):
        return False  # "Is it 27 - 5?" asks for the operation.
    if named_as_answer(at):
        return True
    if _is_what(at, question, sought) and not directed(at):
        return True
    if _GOES_ON.match(at.after) or _LEFT_OPEN.match(at.text[at.end : at.end + 100]):
        return False
    if re.search(r"\d\s*=\s*$", at.before):
        return False  # "10 = 2 * 5" takes a number apart.
    if directed(at) or denied(at) or not at.before.strip():
        return False
    return bool(_ASSERTED.search(at.before))
