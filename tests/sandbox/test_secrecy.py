"""The process of a program holds no word of the tests: programs that look for one everywhere."""

import pytest

SPY = """
import gc, re, sys, types
WORD = re.compile(r"zebr[a]\\w*")

def spy(*given):
    seen, words, frame = set(), set(), sys._getframe()
    things = [*gc.get_objects(), *sys.modules.values()]
    while frame:
        things += [frame.f_locals, frame.f_globals, frame.f_code]
        frame = frame.f_back
    things += [getattr(t, "__dict__", None) for t in things if hasattr(t, "__dict__")]
    while things:
        thing = things.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, (str, bytes)):
            text = thing if isinstance(thing, str) else thing.decode("latin-1")
            words.update(WORD.findall(text))
        elif isinstance(thing, dict):
            things += [*thing.keys(), *thing.values()]
        elif isinstance(thing, (list, tuple, set, frozenset)):
            things += list(thing)
        elif isinstance(thing, types.CodeType):
            things += [thing.co_consts, thing.co_names]
        elif isinstance(thing, types.FunctionType):
            things += [thing.__code__, thing.__closure__, thing.__defaults__]
        elif isinstance(thing, types.CellType):
            try:
                things.append(thing.cell_contents)
            except ValueError:
                pass
    return "".join(sorted(words)) or "nothing"

class Thing:
    def __init__(self, *a):
        self.a = a
    def look(self):
        return spy()

def fail(x):
    raise ValueError(spy())

def again(f):
    return f()
"""
SETUP = """
ZEBRA = {1: 'zebra1'}
def zebra2(x):
    'zebra3'
    return 'zebra4'
class zebra5: pass
"""
WORDS = {
    "a literal": "assert spy() == 'zebra'",
    "the other side": "assert 'zebra' == spy()",
    "a name": "zebra = 4\nassert spy() == 'zebra'",
    "a function": "def test_zebra():\n    assert spy() == 'test_zebra'",
    "a message": "assert spy() == 'zebra', 'zebra7'",
    "an expected list": "want = ['zebra']\nassert [spy()] == want",
    "an attribute": "t = Thing()\nassert not hasattr(t, 'zebra')\nassert t.look() == 'zebra'",
    "a match": "import pytest\nwith pytest.raises(ValueError, match='zebra'):\n    fail(1)",
    "a comparison before": "assert spy(1) != 'zebra'\nassert spy(2) == 'zebra'",
    "a key": "d = {'zebra': spy()}\nassert d['zebra'] == 'zebra'",
    "a parameter": "import pytest\n@pytest.mark.parametrize('given,zebra', [(1, 'zebra')])\n"
    "def test_it(given, zebra):\n    assert spy(given) == zebra",
    "a case of unittest": "import unittest\nclass TestZebra(unittest.TestCase):\n"
    "    def test_it(self):\n        self.assertEqual(spy(), 'zebra')",
    "a callback": "def hidden():\n    word = 'zebra'\n    return spy()\n"
    "assert again(hidden) == 'zebra'",
    "a failure of a callback": "def hidden():\n    assert 1 == 2, 'zebra'\n"
    "try:\n    again(hidden)\nexcept AssertionError:\n    pass\nassert spy() == 'zebra'",
    "an error of the tests' own": "class Own(AssertionError): pass\n"
    "def hidden():\n    raise Own('zebra') from ValueError('zebra')\n"
    "try:\n    again(hidden)\nexcept AssertionError:\n    pass\nassert spy() == 'zebra'",
    "the setup": "assert zebra2(1) == spy()",
    "what the setup expects": "assert ZEBRA[1] == spy()",
}


@pytest.mark.parametrize("where", WORDS)
def test_a_program_finds_no_word_of_the_tests(judged, where):
    verdict = judged(SPY, [WORDS[where]], entry="", setup=SETUP)
    assert verdict.status == "incorrect", verdict
    assert "zebra" not in judged(SPY, ["assert spy() == 4"], entry="", setup=SETUP).detail


def test_the_spy_finds_what_is_there(judged):
    assert judged(SPY + "\nX = 'zebra'", ["assert spy() == 'zebra'"], entry="").status == "correct"
    assert judged(SPY, ["assert spy('zebra') == 'zebra'"], entry="").status == "correct"


REACHING = {
    "globals of a callback": "f.__globals__['hidden']",
    "code of a callback": "f.__code__.co_consts",
    "closure of a callback": "f.__closure__[0].cell_contents",
    "class of an object": "o.__class__.secret",
    "dictionary of an object": "o.__dict__",
    "globals of a method": "o.look.__func__.__globals__",
    "self of a method": "o.look.__self__.__class__",
    "frame of a generator": "g.gi_frame.f_globals",
    "the end of the pipe": "pipe('attribute', 'getattr', '__globals__')['hidden']",
    "the pipe, for names": "[n for n in pipe('names') if 'zebr' + 'a' in n][0]",
    "the pipe, for a class of the library": "pipe('call', 'Yes', (), {'__eq__': max},"
    " on=['library', 'builtins', 'type']).name",
    "the pipe's library": "pipe('library', 'inspect', 'getsource', f, on=None)",
}


@pytest.mark.parametrize("name", REACHING)
def test_an_argument_does_not_lead_to_the_tests(judged, name):
    program = f"""
import gc
def pipe(do, *arguments, **named):
    end = next(o for o in gc.get_objects() if type(o).__name__ == 'ProgramServer')
    for number in [named['on']] if named else end.values._theirs:
        try:
            return end.ask(do, number, *arguments)
        except (AttributeError, TypeError, LookupError):
            pass
    raise AttributeError(do)

def reach(f, o, g):
    try:
        return {REACHING[name]}
    except (AttributeError, TypeError, StopIteration, IndexError, KeyError):
        return "nothing"
"""
    test = """
hidden = "zebra"
def make():
    kept = "zebra"
    return lambda: kept
class Node:
    secret = "zebra"
    def look(self): return 1
assert reach(make(), Node(), (n for n in [1])) == "nothing"
"""
    verdict = judged(program, [test], entry="")
    assert "zebra" not in verdict.detail, verdict
    own = name in ("dictionary of an object", "frame of a generator")  # of what stands in for it
    assert verdict.status == "correct" or own, verdict
