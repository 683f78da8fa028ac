"""Names that settings take: arms, forms of feedback, engines, the bundled model."""

BUNDLED = "smollm2-135m"
"""The model that the CPU default uses; `models` knows how to get it."""

ARMS = {
    "sml": "the method: feedback from a teacher who has the privileged information",
    "retry": "control: the teacher only says that it is wrong",
    "shuffled": "control: feedback that was written for another problem, matched by turn",
    "blind": "control: a teacher without privileged information",
    "single": "control: one turn, no feedback",
}
"""Name -> what it is. Same code path; the row's `arm` says which."""

FORMS = {
    "pinpoint": "names the step that is wrong",
    "hint": "says what to do next, without its result",
    "counter-example": "shows a case in which the attempt fails",
    "test-output": "reports what a failing test gave; for code",
    "remark": "a few words",
    "vague": "says only that something is off, so that asking pays",
}
"""Forms of feedback that a teacher can be asked for."""

ENGINES = ("vllm", "server", "scripted", "worked", "batch")
BY_URL = ("server", "batch")
"""Engines that ask a server of somebody else's."""
