"""Right programs of many kinds pass; how a program is found in a message, and what is said of it."""

import json
import threading

import pytest

from tutelage.records import Gold, Problem
from tutelage.sandbox import sandbox
from tutelage.sandbox.sandbox import Sandbox
from tutelage.verifiers import VerifierPool
from tutelage.verifiers.code import CodeVerifier, same_output
from tutelage.verifiers.program import extract

GOOD = "def f(x):\n    return x * x\n"
SQUARES = ["assert f(2) == 4", "assert f(3) == 9", "assert f(11) == 121"]


CASE = """
import unittest
class Base(unittest.TestCase):
    def setUp(self):
        self.two = 2
class Squares(Base):
    def test_two(self):
        self.assertEqual(f(self.two), 4)
    def test_more(self):
        for n in range(3):
            with self.subTest(n=n):
                self.assertEqual(f(n), n * n)
"""
RIGHT = {
    "asserts": (GOOD, SQUARES, {}),
    "recursion": (
        "def f(n): return 1 if n < 2 else n * f(n - 1)",
        ["assert f(20) == 2432902008176640000"],
        {},
    ),
    "large numbers": ("def f(x): return x ** 500", ["assert f(7) == 7 ** 500"], {}),
    "floats": ("def f(x): return x / 3", ["assert abs(f(1) - 0.3333333) < 1e-6"], {}),
    "not a number": ("def f(x): return float('nan')", ["assert f(1) != f(1)"], {}),
    "tuples, sets, dicts": (
        "def f(x): return {'a': (1, {2, 3}), 4: [None, True, b'x', 1j]}",
        ["assert f(1) == {'a': (1, {2, 3}), 4: [None, True, b'x', 1j]}"],
        {},
    ),
    "the types of what comes back": (
        "def f(x): return (1, [2])",
        ["assert isinstance(f(1), tuple) and type(f(1)[1]) is list"],
        {},
    ),
    "collections": (
        "from collections import *\n"
        "def f(x): return Counter(x), deque(x), namedtuple('P', 'a b')(1, 2)",
        ["from collections import deque\nassert f('aab') == ({'a': 2, 'b': 1}, deque('aab'), (1, 2))"],
        {},
    ),
    "decimals and dates": (
        "import datetime, decimal, fractions\n"
        "def f(x): return datetime.date(2020, 1, x), decimal.Decimal('1.5'), fractions.Fraction(1, x)",
        [
            "import datetime, decimal, fractions\n"
            "date, half = datetime.date(2020, 1, 2), fractions.Fraction(1, 2)\n"
            "assert f(2) == (date, decimal.Decimal('1.5'), half)"
        ],
        {},
    ),
    "a generator without end": (
        "def f(x):\n    while True:\n        yield x\n        x += 1",
        ["g = f(3)\nassert next(g) == 3\nassert next(g) == 4",
         "assert list(zip(f(1), 'ab')) == [(1, 'a'), (2, 'b')]"],
        {},
    ),
    "in place": ("def f(x): x.sort()", ["a = [3, 1, 2]\nf(a)\nassert a == [1, 2, 3]"], {}),
    "a function for an argument": (
        "def f(g, x): return [g(item) for item in x]",
        ["assert f(lambda x: x + 1, [1, 2]) == [2, 3]", "assert f(len, ['a', 'bc']) == [1, 2]"],
        {},
    ),
    "a function for a result": ("def f(n): return lambda x: x + n", ["assert f(2)(3) == 5"], {}),
    "a class": (
        "class Stack:\n"
        "    def __init__(self): self.items = []\n"
        "    def push(self, x): self.items.append(x)\n"
        "    def pop(self): return self.items.pop()\n"
        "    def __len__(self): return len(self.items)\n"
        "    def __eq__(self, other): return self.items == other.items",
        ["s = Stack()\ns.push(1)\ns.push(2)\nassert s.pop() == 2\nassert len(s) == 1\n"
         "assert s.items == [1]",
         "assert Stack() == Stack()"],
        {"entry": "Stack"},
    ),
    "a method of Solution": (
        "class Solution:\n    def twice(self, x): return 2 * x",
        ['assert (Solution().twice if "Solution" in globals() else twice)(4) == 8'],
        {"entry": "twice"},
    ),
    "an exception that is wanted": (
        "class Low(ValueError): pass\ndef f(x):\n    if x < 0: raise Low('low')\n    return x",
        ["try:\n    f(-1)\n    assert False\nexcept ValueError as e:\n    assert 'low' in str(e)",
         "try:\n    f(-1)\n    raise RuntimeError\nexcept Low:\n    pass"],
        {},
    ),
    "check(candidate)": (
        GOOD,
        ["def check(candidate):\n    for n in range(5):\n        assert candidate(n) == n * n"],
        {},
    ),
    "check(candidate) that is called": (
        GOOD,
        ["def check(candidate):\n    assert candidate(3) == 9\n\ncheck(f)"],
        {},
    ),
    "test functions": (
        GOOD,
        ["def test_two():\n    assert f(2) == 4\ndef test_three():\n    assert f(3) == 9"],
        {},
    ),
    "test functions of a class": (
        GOOD,
        ["class TestF:\n    def setup_method(self):\n        self.two = 2\n"
         "    def test_two(self):\n        assert f(self.two) == 4"],
        {},
    ),
    "a unittest case": (GOOD, [CASE], {}),
    "a unittest case with its main": (
        GOOD,
        [CASE + "if __name__ == '__main__':\n    unittest.main()\n"],
        {},
    ),
    "parameters that can be gone through once": (
        GOOD,
        ["import pytest\n@pytest.mark.parametrize('x', (n for n in range(4)))\n"
         "def test_a(x):\n    assert f(x) == x * x"],
        {},
    ),
    "tests beside the program": (
        "import pytest\n" + GOOD + "\ndef test_own():\n    assert f(1) == 1\n",
        ["def test_two():\n    assert f(2) == 4"],
        {},
    ),
    "a main of the tests": (
        GOOD,
        ["def main():\n    assert f(2) == 4\nif __name__ == '__main__':\n    main()"],
        {},
    ),
    "what pieces before it define": (
        GOOD,
        ["import math", "def near(a, b):\n    return math.isclose(a, b)", "assert near(f(2), 4)"],
        {},
    ),
    "a check that a later piece calls": (
        GOOD,
        ["def check(candidate):\n    assert candidate(2) == 4", "check(f)"],
        {},
    ),
    "an import of the program": (
        GOOD,
        ["from solution import f\nassert f(2) == 4", "from .other import f as g\nassert g(2) == 4",
         "import solution\nassert solution.f(3) == 9"],
        {},
    ),
    "candidate": (GOOD, ["assert candidate(2) == 4"], {}),
    "its own check": (
        GOOD + "def check(candidate):\n    raise ValueError\ncheck = test_two = 1\n",
        ["def check(candidate):\n    assert candidate(2) == 4",
         "def test_two():\n    assert f(2) == 4"],
        {},
    ),
    "objects of the setup": (
        "def f(node): return 0 if node is None else node.value + f(node.next)",
        ["assert f(Node(1, Node(2, None))) == 3", "assert f(chain) == 7"],
        {"setup": "class Node:\n    def __init__(self, value, next):\n"
                  "        self.value, self.next = value, next\n"
                  "chain = Node(7, None)"},
    ),
    "objects of the program in the setup": (
        "class Node:\n    def __init__(self, v): self.v = v; self.left = None\n"
        "def f(n): return 1 + (f(n.left) if n.left else 0)",
        ["assert f(root) == 2"],
        {"setup": "root = Node(1)\nroot.left = Node(2)"},
    ),
    "imports of the setup": (
        "def f(x): return sqrt(x)",
        ["assert f(16) == 4"],
        {"setup": "from math import *"},
    ),
    "modules of the program": (
        "import math\ndef f(x): return math.pi",
        ["assert math.isclose(f(1), math.pi)"],
        {},
    ),
    "a dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\ndef f(x): return P(x)",
        ["assert f(3).x == 3", "assert f(3) == P(3)", "assert str(f(3)) == 'P(x=3)'"],
        {},
    ),
    "a main that reads": (GOOD + "if __name__ == '__main__':\n    print(f(int(input())))", SQUARES, {}),
    "a print": ("def f(x):\n    print(x)\n    return x * x", SQUARES, {}),
    "a body under the statement's signature": (
        "    return x * x",
        SQUARES,
        {"statement": 'def f(x):\n    """The square of x."""\n'},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_program_passes(judged, name):
    program, tests, more = RIGHT[name]
    verdict = judged(program, tests, **more)
    assert verdict.status == "correct", verdict


@pytest.mark.parametrize("name", [name for name in RIGHT if "def f(x): return" in RIGHT[name][0]])
def test_its_mutant_fails(judged, name):
    program, tests, more = RIGHT[name]
    mutant = program.replace("def f(x): return", "def f(x): return None and")
    assert judged(mutant, tests, **more).status == "incorrect"


PROGRAMS = [
    ("print(sum(map(int, input().split())))", [["1 2\n", "3\n"], ["4 5", "9"]], "correct", ""),
    ("import sys\nprint(len(sys.stdin.read().split()))", [["a b\nc\n", "3"]], "correct", ""),
    ("print('3.50')", [["", "3.5"]], "correct", ""),
    ("print('  a  ')\nprint()", [["", "a\n"]], "correct", ""),
    ("print(9)\nexit()", [["", "9"]], "correct", ""),
    (
        "def main():\n    print(input())\nif __name__ == '__main__':\n    main()",
        [["hé", "hé"]],
        "correct",
        "",
    ),
    ("print(len(input()))", [["x" * 300_000, "300000"]], "correct", ""),
    ("print(open('/dev/stdin').read())", [["3", "3"]], "correct", ""),
    (
        "import atexit, threading, time\natexit.register(print, 4)\n"
        "def run():\n    time.sleep(0.1)\n    print(3)\nthreading.Thread(target=run).start()",
        [["", "3\n4"]],
        "correct",
        "",
    ),
    ("print(int(input()) + 1)", [["1", "2"], ["5", "7"]], "incorrect", "passed 1 of 2 tests"),
    ("print(3)\nraise ValueError", [["", "3"]], "incorrect", "passed 0 of 1 tests"),
    ("print(3)\nimport sys\nsys.exit(1)", [["", "3"]], "incorrect", "passed 0 of 1 tests"),
    ("import os\nos._exit(0)", [["", "3"]], "incorrect", "passed 0 of 1 tests"),
    ("print(3.5000001)", [["", "3.5"]], "incorrect", "passed 0 of 1 tests"),
    ("while True: pass", [["", "1"]], "unjudged", "timeout"),
    ("x = bytearray(10**10)", [["", "1"]], "unjudged", "memory"),
]


@pytest.mark.parametrize(("program", "pairs", "status", "reason"), PROGRAMS)
def test_whole_programs(judged, program, pairs, status, reason):
    verdict = judged(program, [], entry="", stdin=pairs)
    assert (verdict.status, verdict.reason.partition(":")[0]) == (status, reason), verdict


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("import numpy as np\ndef f(x): return int(np.square(x))", "unjudged"),
        ("def f(x):\n    from scipy.special import comb\n    return x * x", "unjudged"),
        ("import no_such_module\ndef f(x): return x * x", "incorrect"),
    ],
)
def test_a_library_that_is_not_here_is_no_fault_of_the_program(judged, program, status):
    assert judged(program).status == status
    verdict = judged(f"{program}\nprint(f(int(input())))", [], entry="", stdin=[["2", "4"]])
    assert verdict.status == status, verdict


def test_the_detail_is_for_the_teacher(judged):
    verdict = judged("def f(x):\n    return [x][x - 2] * 2\n")
    detail = json.loads(verdict.detail)
    assert (detail["passed"], detail["total"]) == (1, 3)
    assert detail["first_failure"]["input"] == "f(3)"
    assert detail["first_failure"]["expected"] == "9"
    assert detail["first_failure"]["actual"] == "IndexError: list index out of range"
    assert "return [x][x - 2] * 2" in detail["first_failure"]["traceback"]
    assert verdict.reason == "passed 1 of 3 tests"


@pytest.mark.parametrize(
    ("tests", "reason"),
    [
        (
            '{"tests": ["assert f(2) = 4"], "setup": "", "entry_point": "f"}',
            "tests: a test does not parse",
        ),
        ('{"tests": []}', "tests: they check nothing"),
        ('{"tests": ["import math", "x = 1"], "entry_point": "f"}', "tests: they check nothing"),
        ('{"tests": ["print(f(2))", "f(3)"], "entry_point": "f"}', "tests: they check nothing"),
        ('{"tests": ["for a in []:\\n  assert f(a)"], "entry_point": "f"}', "tests: they check"),
        ('{"tests": ["def run():\\n  assert f(1)"], "entry_point": "f"}', "tests: they check"),
        (
            '{"tests": ["import pandas\\nassert f(1)"], "entry_point": "f"}',
            "tests: No module named",
        ),
        ('{"tests": ["def test_it(fix, ture):\\n  f(1)"]}', "tests: a test cannot be set up: fix"),
        ("not json", "unreadable tests: "),
        (
            '{"tests": ["import sys\\nassert f(sys._getframe())"], "entry_point": "f"}',
            "tests: a test passes a frame",
        ),
    ],
)
def test_tests_that_cannot_be_put_are_unjudged(verifier, tests, reason):
    verdict = verifier.verify(
        Problem("p", "code", "test", "MIT", "", Gold("tests", "", tests)), "def f(x): return x"
    )
    assert verdict.status == "unjudged"
    assert verdict.reason.startswith(reason), verdict


@pytest.mark.parametrize(
    ("message", "entry", "program"),
    [
        ("Sure!\n```python\ndef f(x): return x\n```\nDone.", "", "def f(x): return x"),
        ("```\ndef f(x): return x\n```", "", "def f(x): return x"),
        ("```py\na = 1\n```\nbetter:\n```Python\na = 2\n```", "", "a = 2"),
        (
            "```python\ndef f(x): return x\n```\nUse:\n```python\nprint(f(1))\n```",
            "f",
            "def f(x): return x",
        ),
        (
            "```python\ndef f(x): return x\n```\n```bash\npython a.py\n```\n```text\n1\n```",
            "",
            "def f(x): return x",
        ),
        (
            "1. So:\n   ```python\n   def f(x):\n       return x\n   ```",
            "",
            "def f(x):\n    return x",
        ),
        ("~~~python\na = 1\n~~~", "", "a = 1"),
        ("```python\ndef f(x):\n    return x", "", "def f(x):\n    return x"),
        ("def f(x):\n    return x\n", "", "def f(x):\n    return x"),
        ("Here it is:\ndef f(x):\n    return x\n\nThat is all!", "", "def f(x):\n    return x\n"),
        (
            '```python\ndef f(x):\n    """\n    ```\n    f(1)\n    ```\n    """\n    return x\n```',
            "f",
            'def f(x):\n    """\n    ```\n    f(1)\n    ```\n    """\n    return x',
        ),
        ("<think>\n```python\na = 1\n```\n</think>```python\na = 2\n```", "", "a = 2"),
        ("Here: ```python\na = 1\n```", "", "a = 1"),
        (
            "```python\ndef g(x): return x\n```\nThen\n```python\ndef f(x): return g(x)\n```",
            "f",
            "def g(x): return x\n\ndef f(x): return g(x)",
        ),
        ("Sure:\n\n    def f(x):\n        return x\n", "", "def f(x):\n    return x"),
        ("I do not know.", "", ""),
        ("Hello", "", ""),
        ("", "", ""),
        ("```bash\nls\n```", "", ""),
    ],
)
def test_extract(message, entry, program):
    assert extract(message, entry) == program


SIGNATURE = 'from math import pi\n\ndef f(x):\n    """The area."""\n'


@pytest.mark.parametrize(
    ("message", "program"),
    [
        ("    return pi * x", SIGNATURE + "    return pi * x\n"),
        ("    y = pi * x\n    return y\n", SIGNATURE + "    y = pi * x\n    return y\n"),
        ("y = pi * x\n    return y", SIGNATURE + "    y = pi * x\n    return y\n"),
        (
            "for y in range(x):\n    return y",
            SIGNATURE + "    for y in range(x):\n        return y\n",
        ),
        ("def f(x): return pi * x", "from math import pi\ndef f(x): return pi * x"),
        ("I do not know.", ""),
    ],
)
def test_a_body_goes_under_the_signature_of_the_statement(message, program):
    assert extract(message, "f", SIGNATURE) == program


@pytest.mark.parametrize(
    ("got", "wanted", "same"),
    [
        ("1 2\n", "1 2", True),
        ("1.0 2", "1 2", True),
        ("1 2", "1  2", True),
        ("1", "1 2", False),
        ("a", "b", False),
        ("1e3", "1000", False),
        ("", "", True),
        ("1\n2", "1 2", False),
        ("5 one", "5 three", False),
        (f"5 {'1' * 500}", f"5 {'2' * 500}", False),
        ("3.3333333333333335", "3.33333333", True),
        ("3.3333343", "3.3333333", False),
        ("3.33", "3.34", False),
        ("-.5 7.", "-0.5 7", True),
        (f"{10**40 + 1}", f"{10**40}", False),
    ],
)
def test_same_output(got, wanted, same):
    assert same_output(got, wanted) is same


def test_an_unsafe_machine_runs_nothing(monkeypatch, code_problem, limits):
    monkeypatch.setattr(sandbox, "_PROBE", "def probe(): return ['open sockets']")
    verifier = CodeVerifier(Sandbox(limits))
    verdict = verifier.verify(code_problem(), GOOD)
    verifier.close()
    assert verdict.status == "unjudged"
    assert verdict.reason.startswith("refused: no safe sandbox here: ")
    assert "open sockets" in verdict.reason


def test_through_the_pool_and_from_threads(code_problem):
    tests = code_problem()
    with VerifierPool(workers=2) as pool:
        found: list[str] = []
        programs = [GOOD, "import sys\nsys.exit(0)", GOOD, "def f(x): return x"]
        threads = [
            threading.Thread(target=lambda p=p: found.append(pool.verify(tests, p).status))
            for p in programs
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == ["correct", "correct", "incorrect", "incorrect"]
