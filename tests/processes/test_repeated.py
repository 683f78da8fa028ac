"""What looks after something while a block runs: until it is done, or the block ends."""

import time

from tutelage.processes.repeated import repeated


def test_it_is_called_until_it_says_that_it_is_done():
    calls = []
    with repeated(lambda: calls.append(1) or len(calls) == 3, 0.001, "look"):
        limit = time.monotonic() + 60
        while len(calls) < 3 and time.monotonic() < limit:
            time.sleep(0.001)
        time.sleep(0.02)
    assert len(calls) == 3


def test_the_end_of_the_block_waits_for_a_call_and_ends_them():
    begun, ended = [], []

    def act() -> bool:
        begun.append(1)
        time.sleep(0.01)
        ended.append(1)
        return False

    with repeated(act, 0.0, "look"):
        while not begun:
            time.sleep(0.001)
    count = len(ended)
    assert len(begun) == count > 0
    time.sleep(0.03)
    assert len(begun) == count


def test_what_the_block_raises_is_raised_and_ends_them_too():
    calls = []
    try:
        with repeated(lambda: calls.append(1) is None and False, 0.001, "look"):
            raise KeyError
    except KeyError:
        count = len(calls)
    time.sleep(0.02)
    assert len(calls) == count
