"""What of a reply's tokens stays where a stop word ended it."""

from collections.abc import Callable

import pytest

from tutelage.engines import stops
from tutelage.engines.completions import reply
from tutelage.records import Reply, Request

CASES = [
    (["It is", " 5", ".", "\n", "\n"], "It is 5.", 5),
    (["It is", " 5", ".\n\n"], "It is 5.", 3),
    (["It is", " 5", ".", "\n", "Teacher", ":"], "It is 5.\n", 4),
    (["It is", " 5", ".\nTeacher", ":"], "It is 5.\n", 2),
    (["Teacher", ":"], "", 0),
    (["\n\n"], "", 1),
]


@pytest.mark.parametrize(("tokens", "text", "count"), CASES)
def test_tokens_that_write_the_stop_word_are_cut(tokens: list[str], text: str, count: int) -> None:
    kept = stops.kept(len(tokens), text, lambda n: "".join(tokens[:n]))
    assert kept == count
    assert text.startswith("".join(tokens[:kept]).rstrip())


def test_a_servers_reply_is_cut_alike(make_request: Callable[..., Request]) -> None:
    tokens = ["It is", " 5", " €", ".", "\n", "Teacher", ":"]
    content = [{"token": t, "bytes": list(t.encode()), "logprob": -0.5} for t in tokens]
    content[1]["bytes"] = None  # as servers have it that do not tell
    choice = {
        "message": {"content": "It is 5 €.\n"},
        "logprobs": {"content": content},
        "token_ids": list(range(7)),
        "finish_reason": "stop",
        "stop_reason": "Teacher:",
    }
    page = {"choices": [choice], "prompt_token_ids": [9, 9]}
    told = reply(page, make_request(stop=("Teacher:",)), None, None)
    assert isinstance(told, Reply)
    assert (told.text, told.token_ids) == ("It is 5 €.\n", (0, 1, 2, 3, 4))
    assert len(told.logprobs) == 5
    assert (told.prompt_ids, told.continues) == ((9, 9), False)
