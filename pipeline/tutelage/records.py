"""The data that flows from a corpus to a shard: problems, messages, verdicts, dialogues, requests.

Frozen dataclasses on the standard library alone, quick to pickle, independent of engines, Beam and
files. No behaviour: `dialogue` advances a dialogue, `contract` turns it into a row.
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
    """The final answer; for code the reference solution, if there is one."""
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
    """Worked solution, one step per line if it has steps. Privileged."""
    split: str = "train"
    """The split that the source assigns."""
    hint_shards: tuple[str, ...] = ()
    """Hint shards of an underspecified problem, in the order of the source; empty otherwise."""

    @property
    def privileged_context(self) -> str:
        """What only the teacher sees: the solution, which ends in the answer, or else the gold."""
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
    """Empty if the message is clean."""
    action: str = ""
    """`regenerated`, `fallback`, `dropped`, `marked`; empty if nothing was needed."""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Caught:
    """A draft in which the leak gate found a leak."""

    turn: int
    speaker: Speaker
    leak: Leak


@dataclass(frozen=True, slots=True)
class Reading:
    """The reader's reply about one draft: which final answer the draft states or implies."""

    turn: int
    speaker: Speaker
    answer: str
    """In the reader's words; empty for none."""
    is_read: bool = True
    """Whether the reply was usable: it named an answer, or said that there is none."""
    finish_reason: str = ""
    verdict: Verdict | None = None
    """The verdict on `answer`; `correct` makes it a leak. None if there is no answer or no verdict
    yet."""


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
    top_k: int = 0
    """Samples only from the k likeliest tokens; 0: from all."""
    min_p: float = 0.0
    """Samples only tokens whose probability is at least this share of the likeliest one's."""
    presence_penalty: float = 0.0
    thinking: str = "auto"
    """Whether the chat template asks the model to reason first: `on`, `off`, or `auto` for the
    template's default."""
    reasoning_budget: int = 0
    """Tokens after which an engine ends the reasoning; 0: none."""
    extra_body: str = ""
    """Further fields of a request, as JSON; empty for none."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a dialogue, with everything that is known about it."""

    speaker: Speaker
    act: Act
    turn: int
    """1 for the first attempt and the feedback on it; 0 for the messages before."""
    content: str
    """The text as the other side sees it: reasoning removed."""
    reasoning: str = ""
    """The text between reasoning tags. Nobody but the speaker ever sees it."""
    form: str = ""
    """Form of the feedback, such as `hint` or `pinpoint`."""
    move: str = ""
    """What a student's turn does: see `dialogue.moves`. Empty until the reader has decided."""
    shard: int | None = None
    """Index of the hint shard that a teacher's message reveals, from 0."""
    verdict: Verdict | None = None
    leak: Leak | None = None
    token_ids: tuple[int, ...] = ()
    """The sampled tokens, including the stop token if the engine returns it. Students only."""
    logprobs: tuple[float, ...] = ()
    """Natural log-probability of each of `token_ids` under the sampling model."""
    prompt_ids: tuple[int, ...] = ()
    """The prompt of `token_ids`. If this turn `continues` the turn before, only the tokens that the
    prompt adds to it; otherwise the whole prompt. Empty if the engine does not return it."""
    continues: bool = False
    """Whether the prompt consists of the prompt and reply of the turn before, token for token,
    followed by `prompt_ids`. False at the first turn, and when a chat template rewrites history."""
    finish_reason: str = ""
    """`stop` or `length`, as the engine reports; empty if no engine was asked."""
    false_equation: str = ""
    """The first calculation in a student's message that is wrong as written: see `equations`."""

    @property
    def role(self) -> Role:
        """The speaker's role in OpenAI's format, as trainers need it: the student is the assistant."""
        return _ROLES[self.speaker]


_ROLES: dict[Speaker, Role] = {"system": "system", "student": "assistant", "teacher": "user"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a dialogue ended."""

    status: Literal["solved", "exhausted", "failed"]
    solved_turn: int | None = None
    turns: int = 0
    """Number of student turns."""
    reason: str = ""
    """For `failed`: the class of the failure and its message, as `class: message`."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one dialogue. Shared by all dialogues of an arm."""

    arm: str = "sml"
    turns: int = 4
    """Maximum number of student turns, N in the paper."""
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
    """What happens to a message that still leaks after `leak_retries`: `fallback`, `drop`, `mark`;
    `off` disables the leak gate."""
    leak_retries: int = 2
    leak_expression: str = "allow"
    """Whether a teacher may spell out an expression that equals the answer: `allow`, `block`."""
    reader: Sampling | None = None
    """Sampling of the reader, a model that decides where the rules cannot; None for no reader."""
    reader_prompt: str = "answer"
    """Name of the reader's prompt about drafts: `prompts/reader/<name>.j2`."""
    refuses_flaws: bool = False
    """Whether a right answer is refused if a calculation in its working is wrong, or if the message
    was cut off at the length limit."""
    rephrase: bool = False
    """Whether a model words the hint shards of a lazy user; otherwise a rule does."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A problem under one arm, and the messages so far. Its state is its messages."""

    dialogue_id: str
    group_id: str
    problem: Problem
    rules: Rules
    sample: int
    seed: int
    messages: tuple[Message, ...] = ()
    outcome: Outcome | None = None
    replaced: tuple[Message, ...] = ()
    """Attempts that were replaced by a question (Q-priming)."""
    draft: Message | None = None
    """A message that has not passed the leak gate yet. If its `leak` is empty (not None), it has
    passed the rules and waits for the reader, or for the verdict on the newest of `readings`."""
    readings: tuple[Reading, ...] = ()
    """The reader's reply about each draft that it was shown."""
    caught: tuple[Caught, ...] = ()
    """Every draft that leaked."""
    unprimed: tuple[int, ...] = ()
    """Turns that should have been replaced by a question (Q-priming), but no draft was a question
    that keeps the answer to itself."""
    sequence: tuple[int, ...] = ()
    """All tokens up to the end of the newest student turn, as the engine saw them, if the next
    prompt can continue from them; otherwise empty."""
    donors: tuple["Dialogue", ...] = ()
    """For the arm `shuffled`: the dialogues about other problems that supply the feedback."""
    usage_student: Usage = field(default_factory=Usage)
    """Without the donors' tokens."""
    usage_teacher: Usage = field(default_factory=Usage)
    usage_judge: Usage = field(default_factory=Usage)
    """Tokens of the reader."""

    @property
    def usage_donors(self) -> Usage:
        """Tokens of its donors, all players together."""
        total = Usage()
        for donor in self.donors:
            total += donor.usage_student + donor.usage_teacher + donor.usage_judge
        return total


@dataclass(frozen=True, slots=True)
class Request:
    """A dialogue needs one reply."""

    player: Player
    chat: Chat
    """The whole prompt of a language model, as (role, content) pairs."""
    sampling: Sampling
    seed: int
    dialogue: Dialogue = field(repr=False)
    """For players that act by rule (scripted, worked). Engines with a model send `chat` alone."""
    form: str = ""
    """Requested form of feedback; empty leaves it to the teacher."""
    history: tuple[int, ...] = ()
    """Tokens of `chat` up to its last assistant message, as they were sampled. An engine that accepts
    token ids continues from these, so that all turns of a dialogue are one growing sequence."""


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """A dialogue needs a verdict on its newest attempt, or on the answer that the reader named."""

    problem: Problem
    message: str
    """The whole message, reasoning removed."""
    finish_reason: str = ""
    """`length` if the message was cut off: then its end is not an answer."""


@dataclass(frozen=True, slots=True)
class LeakRequest:
    """A dialogue needs a leak check of a draft."""

    problem: Problem
    history: Chat
    """The public dialogue so far, without the system prompt; the student is the assistant."""
    text: str
    expression: str = "allow"
    """Whether the draft may spell out the last step, such as `work out 8 - 6`: `allow`, `block`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An engine's response to a `Request`."""

    text: str
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    finish_reason: str = "stop"
    usage: Usage = field(default_factory=Usage)
    form: str = ""
    """Form of the feedback, if the player chose one itself."""
    prompt_ids: tuple[int, ...] = ()
    """The tokens that the prompt adds to the request's `history` if the reply `continues` it;
    otherwise the whole prompt."""
    continues: bool = False
    is_plain: bool = True
    """Whether `token_ids` contain no special token before their end, so that a later prompt can
    include them without opening a role."""
