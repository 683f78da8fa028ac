"""Programs that try to pass without being right."""

import pytest

GOOD = "def f(x):\n    return x * x\n"

CHEATS = {
    "exit before the asserts": "import sys\nsys.exit(0)",
    "hard exit before the asserts": "import os\nos._exit(0)",
    "exit in the function": "import sys\ndef f(x):\n    sys.exit(0)",
    "hard exit in the function": "import os\ndef f(x):\n    os._exit(0)",
    "fake pass line": "print('3 of 3 passed'); print('OK')\ndef f(x): return 0",
    "fake result on every descriptor": """
import os, json
for fd in range(1, 64):
    for text in ('{"passed": 3, "total": 3}', '{"value": [4, null]}'):
        try:
            os.write(fd, len(text).to_bytes(4, "big") + text.encode())
        except OSError:
            pass
def f(x): return 0
""",
    "an object that equals everything": """
class Yes:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __bool__(self): return True
    __hash__ = None
def f(x): return Yes()
""",
    "a number that equals everything": """
class Yes(int):
    def __eq__(self, other): return True
    __hash__ = int.__hash__
def f(x): return Yes(7)
""",
    "a list that equals everything": """
class Yes(list):
    def __eq__(self, other): return True
def f(x): return Yes()
""",
    "changed builtins": """
import builtins, operator
builtins.bool = lambda value=0: True
builtins.AssertionError = type("Calm", (BaseException,), {})
operator.eq = lambda a, b: True
builtins.__build_class__ = None
def f(x): return 0
""",
    "changed json": """
import json
json.dumps = lambda *a, **k: '{"value": [4, null]}'
def f(x): return 0
""",
    "every module changed": """
import sys
def f(x): return 0
for name in list(sys.modules):
    setattr(sys.modules[name], "passed", 3)
""",
    "expected values in memory": """
import gc, re, sys
WANTED = re.compile("ass" + r"ert f\\((\\d+)\\) == (\\d+)")
def f(x):
    frame, things = sys._getframe(), gc.get_objects()
    while frame:
        things += [frame.f_locals, frame.f_globals]
        frame = frame.f_back
    for thing in things:
        items = thing if isinstance(thing, (list, tuple, set)) else (
            list(thing.values()) if isinstance(thing, dict) else [])
        for item in items:
            for given, wanted in WANTED.findall(item) if isinstance(item, str) else []:
                if int(given) == x:
                    return int(wanted)
    return -1
""",
    "the tests' own names": """
def __report__(*a): pass
check = compare = lambda *a: None
def f(x): return 0
""",
    "a handler for the end": """
import atexit, signal
atexit.register(lambda: print("passed"))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def f(x): raise SystemExit(0)
""",
    "a trace function": "import sys\nsys.settrace(lambda *a: None)\ndef f(x): return None",
    "another thread": """
import threading, os
def shout():
    while True:
        for fd in range(1, 20):
            try: os.write(fd, b"\\0\\0\\0\\x13{\\"value\\":[4,null]}")
            except OSError: pass
threading.Thread(target=shout, daemon=True).start()
def f(x): return 0
""",
    "wrong once": "def f(x): return 120 if x == 11 else x * x",
    "no function": "g = 1",
    "not Python": "def f(x) return x",
    "raises": "def f(x): raise ValueError('no')",
    "raises what cannot be shown": """
class Odd(BaseException):
    def __str__(self): raise Odd()
    __repr__ = __str__
def f(x): raise Odd()
""",
}


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_does_not_pass(judged, name):
    verdict = judged(CHEATS[name])
    assert verdict.status != "correct", verdict
    assert verdict.reason
    assert judged(GOOD).status == "correct"


_AT_THE_PIPE = """
import gc
end = next(o for o in gc.get_objects() if type(o).__name__ == "ProgramServer")
"""
WEAK_TESTS = {
    "close enough": (
        ["assert abs(f(2) - 4) < 1e-6"],
        """
class Near:
    def __sub__(self, other): return 0
    def __rsub__(self, other): return 0
    def __abs__(self): return 0
    def __lt__(self, other): return True
def f(x): return Near()
""",
    ),
    "contains": (
        ["assert f(2) in [4]"],
        "class Y:\n  def __eq__(s, o): return True\ndef f(x): return Y()",
    ),
    "their own set": (
        ["assert set(f(2)) == set([4])"],
        "def set(x): return 1\ndef f(x): return [1]",
    ),
    "their own abs": (["assert abs(f(2)) == 4"], "def abs(x): return 4\ndef f(x): return 5"),
    "a changed expectation": (
        ["x = [3, 1, 2]\nassert f(x) == sorted(x)"],
        "def f(x):\n    x.clear()\n    return []",
    ),
    "an expectation that is read off": (
        ["x = [1, 2]\nassert f(x) == [n * 2 for n in x]"],
        "def f(x):\n    x.clear()\n    return []",
    ),
    "a sum of what is changed": (
        ["a, b = [1], [2]\nassert f(a, b) == a + b"],
        "def f(a, b):\n    a.clear()\n    b.clear()\n    return []",
    ),
    "a function of the tests, of what is changed": (
        ["def twice(d): return sorted(d.values())\nd = {1: 2}\nassert f(d) == twice(d)"],
        "def f(d):\n    d.clear()\n    return []",
    ),
    "an expectation on the left": (
        ["case = {'in': 1, 'out': [4]}\nassert case['out'] == f(case)"],
        "def f(case):\n    case['out'].clear()\n    return []",
    ),
    "an object of the tests that expects": (
        ["class Case: given, wanted = 2, 4\ncase = Case()\nassert f(case) == case.wanted"],
        "def f(case):\n    case.wanted = 0\n    return 0",
    ),
    "an iteration that ends": (
        ["for a, b in zip(map(f, [1, 2]), [1, 4]):\n    assert a == b"],
        "def f(x): raise StopIteration",
    ),
    "an iteration that ends in an assert": (
        ["assert all(map(f, [2, 3, 5]))"],
        "def f(x): raise StopIteration",
    ),
    "a loop of no step": (
        ["for a, b in zip(f(2), [1, 4]):\n    assert a == b"],
        "def f(x): return []",
    ),
    "a loop of no step, in a function": (
        ["def main():\n    for a, b in zip(f(2), [1, 4]):\n        assert a == b\nmain()"],
        "def f(x): return []",
    ),
    "a length without items": (
        ["r = f(2)\nassert len(r) == 2 and all(a == b for a, b in zip(r, [1, 4]))"],
        "class L:\n  def __len__(s): return 2\n  def __iter__(s): return iter(())\n"
        "def f(x): return L()",
    ),
    "a beginning": (
        ["assert f(2).startswith('four')"],
        "class S(str):\n    def startswith(self, x): return True\ndef f(x): return S('')",
    ),
    "a count": (
        ["assert f(2).count(4) == 1"],
        "class L(list):\n    def count(self, x): return 1\ndef f(x): return L()",
    ),
    "an exit before another error": (
        ["try:\n    x = f(2)\nfinally:\n    try:\n        g()\n    except ValueError:\n        pass\n"
         "assert x == 4", "assert f.__name__ == 'f'"],
        "import sys\ndef f(x): sys.exit(0)\ndef g(): raise ValueError",
    ),
    "a module that the pipe fills": (
        ["import math\nassert f(1) is None", "assert math.isclose(f(1), 1 / 3)"],
        _AT_THE_PIPE + """
def f(x):
    values = end.values
    changes = type(values).changes
    lies = [values.pack(item) for item in ("isclose", lambda *a: True)]
    values.changes = lambda: changes(values) + [[1000001, ["library", "math", ""], lies]]
""",
    ),
    "a class that the pipe says is a set": (
        ["assert f(2) == {1, 2, 3}"],
        _AT_THE_PIPE + """
class S:
    def __len__(self): return 3
def f(x):
    values, s = end.values, S()
    numbers, pack = [values._number(s), values._number(S)], values.pack
    line = [["library", "collections.abc", name] for name in ("Set", "Sized", "Iterable")]
    fake = ["mine", numbers[0], ["class", numbers[1], "S", line, ["__len__"]]]
    values.pack = lambda value: fake if value is s else pack(value)
    return s
""",
    ),
    "their own helper": (["assert near(f(2))"], "def near(x): return True\ndef f(x): return 0"),
}  # fmt: skip


OWN = "def f(x):\n    return 0\n"
KINDS_OF_TESTS = {
    "check": "def check(candidate):\n    assert candidate(2) == 4",
    "a function": "def test_f():\n    assert f(2) == 4",
    "a class": "class TestF:\n    def test_f(self):\n        assert f(2) == 4",
    "a case": "import unittest\nclass TestF(unittest.TestCase):\n"
    "    def test_f(self):\n        self.assertEqual(f(2), 4)",
    "parameters": "import pytest\n@pytest.mark.parametrize('x', [2, 3])\n"
    "def test_f(x, tmp_path):\n    assert f(x) == x * x",
    "a case with its main": "import unittest\nclass TestF(unittest.TestCase):\n"
    "    def test_f(self):\n        self.assertEqual(f(2), 4)\nunittest.main()",
    "a main": "def main():\n    assert f(2) == 4\nif __name__ == '__main__':\n    main()",
    "a swallowed failure": "try:\n    assert f(2) == 4\n    print('ok')\n"
    "except AssertionError:\n    print('no')",
    "a tuple": "assert (f(2) == 4, 'wrong')",
    "an import": "from solution import f\nassert f(2) == 4",
}
SWITCHES = {
    "nothing": "",
    "a function": "def check(c): pass\ndef test_f(): pass\ndef main(): pass\n",
    "a value": "check = test_f = TestF = main = candidate = 1\n",
    "a class": "class TestF: pass\nclass check: pass\n",
    "a right candidate": "def candidate(x): return x * x\n",
    "unittest": "import unittest\nunittest.TestCase = object\n__name__ = 'x'\n",
    "an exit": "def f(x): raise SystemExit(0)\n",
    "a hard exit": "import os\ndef f(x): os._exit(0)\n",
    "a skip": "import pytest\ndef f(x): pytest.skip('not today')\n",
    "an interrupt": "def f(x): raise KeyboardInterrupt\n",
    "the session": "import gc, pytest\npytest.main = print\nfor one in gc.get_objects():\n"
    "    if isinstance(one, pytest.Session): one.items, one.shouldstop = [], 'now'\n",
}


@pytest.mark.parametrize("kind", KINDS_OF_TESTS)
@pytest.mark.parametrize("switch", SWITCHES)
def test_a_program_cannot_switch_tests_off(judged, kind, switch):
    verdict = judged(OWN + SWITCHES[switch], [KINDS_OF_TESTS[kind]])
    assert verdict.status == "incorrect", verdict


@pytest.mark.parametrize("name", WEAK_TESTS)
def test_a_weak_test_is_not_weaker_here(judged, name):
    tests, program = WEAK_TESTS[name]
    setup = "def near(x): return abs(x - 4) < 1" if name == "their own helper" else ""
    verdict = judged(program, tests, setup=setup)
    assert verdict.status != "correct" and verdict.reason, verdict
