"""The nouns: what flows from a corpus to a shard. Data only; standard library only.

Everything here is frozen, pickles fast, and knows nothing of engines, Beam or files. How a
dialogue moves on is in `dialogue`, how it becomes a row in `contract`.
"""

from dataclasses import dataclass, field
from typing import Literal

Domain = Literal["math", "code", "reasoning"]
Role = Literal["system", "user", "assistant"]
Speaker = Literal["system", "student", "teacher"]
Act = Literal["system", "problem", "attempt", "question", "feedback", "shard"]
Status = Literal["correct", "incorrect", "unjudged"]
Player = Literal["student", "teacher", "question", "reader"]
Chat = tuple[tuple[Role, str], ...]


@dataclass(frozen=True, slots=True)
class Gold:
    """What a student's answer is judged against. Privileged: no student may see it."""

    kind: str
    """`answer` (value is the final answer), `tests` (code), `scorer` (value names the entry)."""
    value: str
    """The final answer; for code the reference solution, where there is one."""
    tests_json: str = ""
    """For code: `{"setup": str, "tests": [str, ...], "entry_point": str}` as JSON, else empty."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One static, verifiable problem."""

    problem_id: str
    domain: Domain
    source: str
    """Name of the corpus, such as `gsm8k`."""
    licence: str
    """SPDX id where known, `unknown` otherwise."""
    statement: str
    gold: Gold
    solution: str = ""
    """Worked solution, one step a line where it has steps. Privileged."""
    split: str = "train"
    """The split that the source assigns."""
    shards: tuple[str, ...] = ()
    """An underspecified problem's pieces, in the order of the source; empty otherwise."""

    @property
    def privileged_context(self) -> str:
        """What the teacher is told and the student is not: the solution, ending in the answer."""
        return self.solution or self.gold.value


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verifier's judgement of one student message."""

    status: Status
    extracted: str = ""
    """The final answer as it was read from the message."""
    reason: str = ""
    """For `incorrect` and `unjudged`: why. May hold privileged facts; only the teacher sees it."""
    verifier: str = ""
    detail: str = ""
    """For code: the structured test result as JSON. Only the teacher sees it."""


@dataclass(frozen=True, slots=True)
class Leak:
    """What the leak gate found in one message, and what was done about it."""

    kind: str = ""
    """Empty where the message is clean."""
    action: str = ""
    """`regenerated`, `fallback`, `dropped`, `marked`; empty where nothing was needed."""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Caught:
    """A draft that leaked, as the gate saw it."""

    turn: int
    speaker: Speaker
    leak: Leak


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader says that one draft states or implies as the final answer."""

    turn: int
    speaker: Speaker
    answer: str
    """In the reader's words; empty for none."""
    is_read: bool = True
    """Whether the reader said anything: an answer, or that there is none."""
    finish_reason: str = ""
    verdict: Verdict | None = None
    """Of the answer; `correct` makes it a leak. None where there is no answer, or not yet."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as the engine counts them."""

    prompt: int = 0
    cached: int = 0
    """Part of `prompt` that came from the prefix cache."""
    completion: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt + other.prompt,
            self.cached + other.cached,
            self.completion + other.completion,
        )


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an engine draws one reply."""

    temperature: float = 0.7
    top_p: float = 1.0
    max_tokens: int = 512
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a dialogue, with everything that is known of it."""

    speaker: Speaker
    act: Act
    turn: int
    """1 for the first attempt and the feedback on it; 0 for what comes before."""
    content: str
    """As the other side sees it: reasoning removed."""
    reasoning: str = ""
    """What stood in reasoning tags. Nobody but the speaker ever sees it."""
    form: str = ""
    """Form of the feedback, such as `hint` or `pinpoint`."""
    move: str = ""
    """What a student's turn does: see `dialogue.moves`. Empty while the reader is to decide."""
    shard: int | None = None
    """Which of the problem's shards a teacher's message gave out, from 0."""
    verdict: Verdict | None = None
    leak: Leak | None = None
    token_ids: tuple[int, ...] = ()
    """The sampled tokens, stop token included where the engine gives it. Students only."""
    logprobs: tuple[float, ...] = ()
    """Natural log-probability of each of `token_ids` under the sampling model."""
    prompt_ids: tuple[int, ...] = ()
    """The prompt that `token_ids` were sampled after: what it adds to the sequence of the turn before
    where this turn `continues` that, else the whole of it. Empty where the engine does not say."""
    continues: bool = False
    """Whether the prompt is the prompt and reply of the turn before, token for token, and then
    `prompt_ids`. Not so at the first turn, and where a template rewrites history."""
    finish_reason: str = ""
    """`stop` or `length`, as the engine says; empty where no engine was asked."""
    false_equation: str = ""
    """The first sum in a student's message that is written out and does not hold: see `equations`."""

    @property
    def role(self) -> Role:
        """OpenAI's name for the speaker, seen by a trainer: the student is the assistant."""
        return _ROLES[self.speaker]


_ROLES: dict[Speaker, Role] = {"system": "system", "student": "assistant", "teacher": "user"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a dialogue ended."""

    status: Literal["solved", "exhausted", "failed"]
    solved_turn: int | None = None
    turns: int = 0
    """Student turns taken."""
    reason: str = ""
    """For `failed`: the class of the failure and what was said, as `class: words`."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What one dialogue is played by. Shared by all dialogues of an arm."""

    arm: str = "sml"
    turns: int = 4
    """Student turns at most, N in the paper."""
    student: Sampling = field(default_factory=Sampling)
    teacher: Sampling = field(default_factory=Sampling)
    student_prompt: str = "system"
    """Name of the system prompt: `prompts/student/<name>.j2`."""
    teacher_prompt: str = "feedback"
    prompts: str = ""
    """A folder of templates that replace the shipped ones by name; empty for none."""
    q_base: float = 0.0
    """A wrong turn t is replaced by a question with probability q_base^t; 0 for never."""
    forms: tuple[tuple[str, float], ...] = ()
    """Forms of feedback with their weights; empty leaves the form to the teacher."""
    leak_policy: str = "fallback"
    """What becomes of a message that still leaks after `leak_retries`: `fallback`, `drop`, `mark`;
    `off` looks for none."""
    leak_retries: int = 2
    leak_expression: str = "allow"
    """Whether a teacher may spell out an expression that comes to the answer: `allow`, `block`."""
    reader: Sampling | None = None
    """Sampling of the reader, a model that looks where rules are not sure; None for no reader."""
    reader_prompt: str = "answer"
    """Name of its prompt about drafts: `prompts/reader/<name>.j2`."""
    refuses_flaws: bool = False
    """Whether a right answer does not solve the problem if a sum in its working does not hold, or
    if the message was cut off at the length limit."""
    rephrase: bool = False
    """Whether a model words what a lazy user gives out; else it is said by rule."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A problem under one arm, and what was said so far. Its state is its messages."""

    dialogue_id: str
    group_id: str
    problem: Problem
    rules: Rules
    sample: int
    seed: int
    messages: tuple[Message, ...] = ()
    outcome: Outcome | None = None
    replaced: tuple[Message, ...] = ()
    """Attempts that a question took the place of (Q-priming)."""
    draft: Message | None = None
    """A message that was written and has not passed the leak gate; with an empty `leak` it has
    passed the rules and waits for the reader, or for the verdict on the newest of `readings`."""
    readings: tuple[Reading, ...] = ()
    """What the reader said of each draft that it was shown."""
    caught: tuple[Caught, ...] = ()
    """Every draft that leaked."""
    unprimed: tuple[int, ...] = ()
    """Turns that were to be replaced by a question, but none could be had that is one and keeps
    the answer to itself."""
    sequence: tuple[int, ...] = ()
    """All tokens up to the end of the newest student turn, as the engine had them, if the next
    prompt can go on from them; else empty."""
    donors: tuple["Dialogue", ...] = ()
    """For the arm `shuffled`: dialogues over other problems, from which the feedback comes."""
    usage_student: Usage = field(default_factory=Usage)
    """Donors are not counted in."""
    usage_teacher: Usage = field(default_factory=Usage)
    usage_judge: Usage = field(default_factory=Usage)
    """The reader's."""

    @property
    def usage_donors(self) -> Usage:
        """What its donors took, all players together."""
        total = Usage()
        for donor in self.donors:
            total += donor.usage_student + donor.usage_teacher + donor.usage_judge
        return total


@dataclass(frozen=True, slots=True)
class Request:
    """A dialogue wants one reply."""

    player: Player
    chat: Chat
    """All that a language model is given, as (role, content) pairs."""
    sampling: Sampling
    seed: int
    dialogue: Dialogue = field(repr=False)
    """For players that act by rule (scripted, worked). Engines with a model send `chat` alone."""
    form: str = ""
    """Form of feedback that is wanted; empty leaves it to the teacher."""
    history: tuple[int, ...] = ()
    """Tokens of `chat` up to its last assistant message, as they were sampled. An engine that takes
    token ids goes on from these, so that what it was given is one sequence that grows."""


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """A dialogue wants its newest attempt judged, or what the reader named as the answer."""

    problem: Problem
    answer: str
    """The message as its writer left it, reasoning removed."""
    finish_reason: str = ""
    """`length` where the message was cut off: what stands at its end is then no answer."""


@dataclass(frozen=True, slots=True)
class LeakRequest:
    """A dialogue wants a draft looked at by the leak gate."""

    problem: Problem
    history: Chat
    """The public dialogue so far, the system prompt apart; the student is the assistant."""
    text: str
    expression: str = "allow"
    """Whether the draft may spell out the last step, such as `work out 8 - 6`: `allow`, `block`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What an engine gives back for an `Request`."""

    text: str
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    finish_reason: str = "stop"
    usage: Usage = field(default_factory=Usage)
    form: str = ""
    """Form of the feedback, where the player chose one itself."""
    prompt_ids: tuple[int, ...] = ()
    """What the prompt adds to the request's `history` if the reply `continues` it, else all of it."""
    continues: bool = False
    is_plain: bool = True
    """Whether `token_ids` hold no special token before their end, so that they can stand in a later
    prompt without opening a role."""
