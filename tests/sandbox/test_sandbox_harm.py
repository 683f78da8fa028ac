"""Programs that try to do harm, or take more than they are given."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from proc import descendants, lives
from tutelage.sandbox.sandbox import MODES

GOOD = "def f(x):\n    return x * x\n"


def traces() -> set[str]:
    """Processes of programs, dead ones too, and folders that were made for them: all there are now.

    Those of the tests beside this one are among them.
    """
    lines = subprocess.run(["ps", "-eo", "uid,pid"], capture_output=True, text=True).stdout
    owned = [tuple(map(int, line.split())) for line in lines.splitlines()[1:]]
    processes = {f"process {pid}" for uid, pid in owned if uid >= 0x40000000}
    return processes | {str(folder) for folder in Path("/tmp").glob("tutelage-sandbox-*")}


LIMITED = {
    "loop": ("def f(x):\n    while True: pass", "timeout"),
    "loop as it loads": ("while True: pass", "timeout"),
    "loop that ignores signals": (
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\ndef f(x):\n    while True: pass",
        "timeout",
    ),
    "loop that catches everything": (
        "def f(x):\n    while True:\n        try:\n            while True: pass\n"
        "        except BaseException: pass",
        "timeout",
    ),
    "loop in C": ("def f(x): return 7 ** (7 ** 12)", "timeout"),
    "memory": ("def f(x): return len(bytearray(10**10))", "memory"),
    "memory, bit by bit": (
        "def f(x):\n    a = []\n    while True: a.append('x' * 10**6)",
        "memory",
    ),
    "a result too large": ("def f(x): return 'x' * 10**6", "output"),
}


@pytest.mark.parametrize("name", LIMITED)
def test_a_limit_is_unjudged_and_named(judged, name):
    program, reason = LIMITED[name]
    verdict = judged(program, ["assert f(2) == 4"])
    assert (verdict.status, verdict.reason.partition(":")[0]) == ("unjudged", reason), verdict
    assert judged(GOOD).status == "correct"


def test_waiting_has_a_limit(hastily_judged):
    verdict = hastily_judged("import time\ndef f(x): time.sleep(60)")
    assert (verdict.status, verdict.reason) == ("unjudged", "timeout: no answer in time")
    verdict = hastily_judged("import time\ntime.sleep(60)", [], stdin=[["", "1"]])
    assert (verdict.status, verdict.reason) == ("unjudged", "timeout: no answer in time")


def test_all_tests_together_have_a_limit(hastily_judged):
    verdict = hastily_judged(GOOD, ["while True: pass"])
    assert (verdict.status, verdict.reason) == ("unjudged", "timeout: all tests together")


def test_wrong_before_a_limit_is_wrong(judged):
    verdict = judged("def f(x):\n    while x > 2: pass\n    return 5")
    assert verdict.status == "incorrect"
    assert json.loads(verdict.detail)["first_failure"]["actual"] == "5"


HARM = {
    "fork": "import os\nos.fork()",
    "fork bomb": "import os\nwhile True:\n    os.fork()",
    "subprocess": "import subprocess\nsubprocess.run(['/bin/true'])",
    "multiprocessing": "import multiprocessing as m\nm.Process(target=print).start()",
    "exec": "import os\nos.execv('/bin/true', ['true'])",
    "kill the parent": "import os\nos.kill(os.getppid(), 9)",
    "kill everything": "import os\nos.kill(-1, 9)",
    "kill the group": "import os\nos.killpg(0, 9)",
    "trace the parent": """
import ctypes, os
if ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0): raise OSError
""",
    "outlive the parent": "import ctypes\nif ctypes.CDLL(None).prctl(1, 0, 0, 0, 0): raise OSError",
    "signal by a file": "import fcntl, os\nfcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())",
    "signal by a group": "import fcntl, os\nfcntl.fcntl(0, fcntl.F_SETOWN, -os.getpgid(os.getppid()))",
    "signal by an owner of another kind": """
import fcntl, os, struct
fcntl.fcntl(0, 15, struct.pack("ii", 1, os.getppid()))
""",
    "choose the signal": "import fcntl\nfcntl.fcntl(0, 10, 9)",
    "signal by ioctl": """
import fcntl, os, struct
fcntl.ioctl(0, 0x8901, struct.pack('i', os.getppid()))
""",
    "a lease": "import fcntl, os\nfcntl.fcntl(os.open(os.__file__, os.O_RDONLY), fcntl.F_SETLEASE, 0)",
    "mode by file": "import os\nos.fchmod(os.open(os.__file__, os.O_RDONLY), 0o644)",
    "time by file": "import os\nos.utime(os.open(os.__file__, os.O_RDONLY))",
    "owner by file": "import os\nos.fchown(os.open(os.__file__, os.O_RDONLY), -1, -1)",
    "attributes by file": "import os\nos.setxattr(os.open(os.__file__, os.O_RDONLY), 'user.a', b'')",
    "flags by file": """
import fcntl, os, struct
fcntl.ioctl(os.open(os.__file__, os.O_RDONLY), 0x40086602, struct.pack("l", 0x40))
""",
    "priority": "import os\nos.setpriority(os.PRIO_USER, 0, 19)",
    "cores of the parent": "import os\nos.sched_setaffinity(os.getppid(), {0})",
    "watch files": "import ctypes\nif ctypes.CDLL(None).inotify_init1(0) < 0: raise OSError",
    "shared memory": "import ctypes\nif ctypes.CDLL(None).shmat(0, 0, 0) == -1: raise OSError",
    "socket": "import socket\nsocket.socket()",
    "unix socket": "import socket\nsocket.socket(socket.AF_UNIX)",
    "read a file": "open('/etc/passwd')",
    "read the home": "import os\nos.listdir(os.path.expanduser('~'))\nos.listdir('/root')",
    "read the parent's environment": "import os\nopen(f'/proc/{os.getppid()}/environ')",
    "read its memory": "open('/proc/self/mem')",
    "write outside": "open('/var/tmp/tutelage-harm', 'w')",
    "write to the library": "import os\nopen(os.__file__, 'a')",
    "make a device": "import os\nos.mknod('/tmp/disk', 0o60600, os.makedev(8, 0))",
    "mount": "import ctypes\nif ctypes.CDLL(None).mount(b't', b'/tmp', b'tmpfs', 0, 0): raise OSError",
    "more memory": "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "more time": "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (99, 99))",
    "another user": "import os\nif os.getuid():\n    os.setuid(0)\nelse:\n    raise OSError",
    "memory file": "import os\nos.memfd_create('x')",
    "thread bomb": """
import threading, time
for n in range(10000):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
""",
    "large file": """
with open('big', 'wb') as f:
    for n in range(64):
        f.write(b'x' * 2**20)
""",
    "many open files": "kept = [open('/dev/null') for n in range(1000)]",
}


@pytest.mark.parametrize("name", HARM)
def test_harm_is_refused(judged, name):
    indented = "\n        ".join(HARM[name].splitlines())
    program = f"""
def f(x):
    try:
        {indented}
    except (OSError, RuntimeError, ValueError, MemoryError):
        return "refused"
    return "done"
"""
    verdict = judged(program, ["assert f(1) == 'refused'"])
    assert verdict.status == "correct" or "ended by signal" in verdict.reason, verdict
    assert not Path("/var/tmp/tutelage-harm").exists()


def test_after_all_harm_a_right_program_is_right(judged):
    """By the verifier that judged every one of them."""
    assert judged(GOOD).status == "correct"


def test_files_of_the_user_stay_as_they_are(judged, tmp_path):
    """Where no mount namespace hides them: what needs no opening is refused as well."""
    victim = tmp_path / "notes.txt"
    victim.write_text("mine")
    os.setxattr(victim, "user.mark", b"secret")
    os.utime(victim, (1, 1))
    for folder in (tmp_path, *tmp_path.parents[:-1]):
        folder.chmod(folder.stat().st_mode | 0o005)
    before = victim.stat()
    acts = {
        "chmod": "os.chmod(path, 0o777)",
        "utime": "os.utime(path)",
        "chown": f"os.chown(path, {os.getuid()}, -1)",
        "setxattr": "os.setxattr(path, 'user.mark', b'x')",
        "removexattr": "os.removexattr(path, 'user.mark')",
        "getxattr": "os.getxattr(path, 'user.mark')",
        "listxattr": "os.listxattr(path) and None",
        "truncate": "os.truncate(path, 0)",
        "rename": "os.rename(path, path + '2')",
        "unlink": "os.unlink(path)",
        "link": "os.link(path, path + '2')",
        "read": "open(path).read()",
    }
    for name, act in acts.items():
        program = f"""
import os
def f(path):
    try:
        {act}
    except OSError:
        return "refused"
    return "done"
"""
        assert judged(program, [f"assert f({str(victim)!r}) == 'refused'"]).status == "correct", (
            name
        )
    after = victim.stat()
    assert victim.read_text() == "mine" and os.getxattr(victim, "user.mark") == b"secret"
    assert (after.st_mode, after.st_mtime, after.st_uid) == (
        before.st_mode, before.st_mtime, before.st_uid
    )  # fmt: skip


def test_the_environment_is_empty(judged, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    program = """
import os
def f(x):
    try:
        text = open("/proc/self/environ").read()
    except OSError:
        text = ""
    return [dict(os.environ), "SECRET" in text, os.listdir(".")]
"""
    assert judged(program, ["assert f(1) == [{}, False, []]"]).status == "correct"


def test_no_network_even_to_ourselves(judged):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        program = f"""
import socket, urllib.request
def f(x):
    for act in (lambda: socket.create_connection(("127.0.0.1", {port}), 1),
                lambda: urllib.request.urlopen("http://127.0.0.1:{port}/", timeout=1)):
        try:
            act()
            return "connected"
        except OSError:
            pass
    return "refused"
"""
        assert judged(program, ["assert f(1) == 'refused'"]).status == "correct"
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.accept()


def test_it_may_use_its_own_folder(judged):
    program = """
import os
def f(x):
    with open("note.txt", "w") as file:
        file.write("x" * x)
    return len(open("note.txt").read()), os.getcwd() == os.path.dirname(os.path.abspath("note.txt"))
"""
    assert judged(program, ["assert f(3) == (3, True)"]).status == "correct"
    lists = "import os\ndef f(x): return os.listdir('.')"
    assert judged(lists, ["assert f(1) == []"]).status == "correct"


def test_a_flood_of_output_is_no_harm(judged):
    flood = "import os\nfor n in range(10**4): os.write(1, b'x' * 4096); os.write(2, b'x' * 4096)\n"
    assert judged(flood + GOOD).status == "correct"
    program = "while True: print('x' * 1000)"
    verdict = judged(program, [], stdin=[["", "x"]])
    assert (verdict.status, verdict.reason) == ("unjudged", "output: more than is read")


DEEP = """
import os
def f(x):
    for n in range(3000):
        os.mkdir("d")
        os.chdir("d")
    os.mkdir("closed", 0)
"""


def test_nothing_is_left_running_or_lying_about(judged, hastily_judged):
    before = traces()
    for program in ("import time\ntime.sleep(600)", "def f(x):\n    while True: pass"):
        assert hastily_judged(program).status == "unjudged"
    assert judged(DEEP).status == "incorrect"
    left, limit = traces() - before, time.monotonic() + 120  # no test beside this one takes as long
    while (left := left & traces()) and time.monotonic() < limit:
        time.sleep(0.02)
    assert not left


@pytest.mark.parametrize("mode", MODES)
def test_all_die_with_a_killed_parent(mode, tmp_path):
    script = f"""
from tutelage.sandbox.sandbox import Sandbox, Unsafe
sandbox = Sandbox(modes=("{mode}",))
try:
    sandbox.tests("", "def f(x): return x", ["assert f(1) == 1"], "f")
except Unsafe:
    print("refused", flush=True)
else:
    print("ready", flush=True)
    sandbox.tests("", "import time; time.sleep(600)", ["assert 1"], "f")
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert parent.stdout is not None
    ready = parent.stdout.readline() == b"ready\n"
    below: list[int] = []
    for _ in range(500 if ready else 0):
        below = descendants(parent.pid)
        if len(below) >= 4:  # the server, one that waits, the tests', the program's
            break
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert len(below) >= 4 or not ready
    for _ in range(100):
        if not any(map(lives, below)):
            break
        time.sleep(0.02)
    assert not [pid for pid in below if lives(pid)]
