"""What a process takes from itself, for good, before it runs code that nobody trusts. Linux only.

    isolate     namespaces of its own: users, mounts, processes, network, IPC, host name
    furnish     a root folder with Python's library (read-only), /dev/null and an empty /tmp
    confine     limits, no privileges, another user, Landlock, and last a seccomp filter

Where a kernel or a container refuses the first two, `confine` alone still lets a program neither
fork, nor execute, nor open a socket, nor signal (not as the owner of a file, either), nor change a
file's mode, owner, times or attributes, nor (with Landlock) open a file that is none of Python's.
What holds on this machine is tried out by `sandbox.probe`, not assumed here.
"""

import contextlib
import ctypes
import errno
import functools
import os
import resource
import struct
import sysconfig
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from tutelage.processes.worker import die_with

_LIBC = ctypes.CDLL(None, use_errno=True)
_NOBODY = 65534


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use."""

    cpu_s: int = 12
    """Processor seconds, over all tests that one process answers: the limit that is meant."""
    wall_s: float = 90.0
    """Seconds for one test. Only for programs that wait: a machine with much else to do takes long."""
    total_s: float = 240.0
    """Seconds for all tests of one answer."""
    memory_mb: int = 512
    """Address space."""
    file_mb: int = 16
    """One file, and all of /tmp where it is a file system of its own."""
    output_kb: int = 4096
    """What one program may print, or one call return."""
    open_files: int = 64
    processes: int = 32
    """Threads, in fact: the seccomp filter lets no process be made at all."""


@functools.cache
def readable() -> tuple[Path, ...]:
    """What a program may read: Python's library, the system's, and the time zones."""
    python = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    system = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo")
    devices = ("/dev/null", "/dev/zero", "/dev/urandom")
    return tuple(Path(p) for p in (*sorted(python), *system, *devices) if Path(p).exists())


def prepare() -> None:
    """Finds out, once for all, what is the same in every process that is forked from this one."""
    readable()
    with contextlib.suppress(OSError):
        _rules()


def isolate() -> None:
    """New namespaces; the new process namespace begins with the next child.

    Raises:
        OSError: the kernel refuses.
    """
    uid, gid = os.geteuid(), os.getegid()
    spaces = _NEWNS | _NEWPID | _NEWNET | _NEWIPC | _NEWUTS
    try:
        if uid:
            raise PermissionError
        _call("unshare", spaces)
    except OSError:
        _call("unshare", spaces | _NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{_NOBODY} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{_NOBODY} {gid} 1")


def furnish(file_mb: int) -> None:
    """Leaves this mount namespace with `readable` and an empty /tmp, and enters that.

    Raises:
        OSError: a mount is refused.
    """
    private, read_only = _MS_REC | _MS_PRIVATE, _MS_BIND | _MS_REMOUNT | _MS_RDONLY
    _mount(None, "/", None, private)
    root = Path("/sys")  # any folder that is always there and holds nothing of ours
    _mount("tmpfs", root, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=1m,mode=755,nr_inodes=4k")
    for source in readable():
        target = root / source.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            target.symlink_to(source.readlink())
            continue
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.touch()
        _mount(str(source), target, None, _MS_BIND | _MS_REC)
        if source.is_dir():
            flags = os.statvfs(target).f_flag & _ST_KEPT
            _mount(None, target, None, read_only | _MS_NOSUID | flags)
    (root / "tmp").mkdir()
    size = f"size={file_mb}m,mode=1777,nr_inodes=1k"
    _mount("tmpfs", root / "tmp", "tmpfs", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, size)
    os.chdir(root)
    _call("pivot_root", b".", b".")
    _call("umount2", b".", _MNT_DETACH)
    _mount(None, "/", None, read_only | _MS_NOSUID | _MS_NODEV)
    os.chdir("/tmp")


def confine(limits: Limits, uid: int, folder: str, parent: int) -> None:
    """Gives up everything that a program needs no more. There is no way back.

    Args:
        limits: what it may use.
        uid: the user to become, where this process may choose one and can still read the library.
        folder: the one folder that it may write to.
        parent: the process that it dies with.

    Raises:
        OSError: something was refused; run nothing then.
    """
    for name, value in (
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_AS, limits.memory_mb * 2**20),
        (resource.RLIMIT_FSIZE, limits.file_mb * 2**20),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(name)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        over = 1 if name == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else 0
        resource.setrlimit(name, (value, value + over))  # a signal first, then the end
    if may_change_user():
        with contextlib.suppress(PermissionError):  # a root without its powers stays what it is
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header, data = struct.pack("Ii", 0x20080522, 0), struct.pack("6I", 0, 0, 0, 0, 0, 0)
    _call("capset", header, data)
    _call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)
    die_with(parent)
    _landlock(folder)
    _filter()


def adopt() -> None:
    """Makes this process the parent of those below it that lose theirs."""
    _call("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def may_change_user() -> bool:
    """Whether this is root, and another user could read Python's library; not so below /root, say."""
    if os.geteuid():
        return False
    library = Path(sysconfig.get_path("stdlib"))
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in (library, *library.parents))


def _landlock(folder: str) -> None:
    """Only `readable` may be read and only `folder` written, as far as this kernel knows how."""
    abi = _LIBC.syscall(_LANDLOCK_CREATE, None, 0, 1)
    if abi < 1:
        return
    files = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)) - 1
    network = 0b11 if abi >= 4 else 0
    scoped = 0b01 if abi >= 6 else 0  # not of signals: death must reach from parent to child
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    attributes = struct.pack("QQQ", files, network, scoped)[:size]
    rules = _syscall(_LANDLOCK_CREATE, attributes, len(attributes), 0)
    for path in (*readable(), Path(folder)):
        if path.is_symlink():
            continue
        access = files if str(path) == folder else _READ
        access = access if path.is_dir() else access & _ON_FILES | _WRITE_FILE
        descriptor = os.open(path, os.O_PATH)
        _syscall(_LANDLOCK_ADD, rules, 1, struct.pack("=Qi", access, descriptor), 0)
        os.close(descriptor)
    _syscall(_LANDLOCK_RESTRICT, rules, 0)
    os.close(rules)


@functools.cache
def _rules() -> tuple[bytes, int]:
    """The program of the seccomp filter, and the number of its steps: no new process, no program, no
    socket, no kernel corners, and nothing done to other processes or to files but by opening them: no
    signal, no mode, no time, no attribute.

    Raises:
        OSError: this machine's system calls are not known here.
    """
    machine = os.uname().machine
    if machine not in _ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no list of system calls for {machine}")
    architecture, column = _ARCHITECTURES[machine]
    program = [(0x20, 0, 0, 4), (0x15, 1, 0, architecture), (0x06, 0, 0, _KILL), (0x20, 0, 0, 0)]
    program += [(0x35, 0, 1, 0x40000000), (0x06, 0, 0, _ERRNO | errno.ENOSYS)]  # the x32 calls
    for name, numbers in _CALLS["refused"].items():
        act = [(0x06, 0, 0, _ERRNO | getattr(errno, _CALLS["answers"].get(name, "EPERM")))]
        if name in _CALLS["allowed"]:
            argument, *values = _CALLS["allowed"][name]
            holds = 0x45 if name == "clone" else 0x15  # has the bit, is the value
            tests = [(holds, len(values) - at, 0, value) for at, value in enumerate(values)]
            act = [(0x20, 0, 0, 16 + 8 * argument), *tests, *act, (0x06, 0, 0, _ALLOW)]
        if numbers[column] >= 0:
            program += [(0x15, 0, len(act), numbers[column]), *act]
    program.append((0x06, 0, 0, _ALLOW))
    return b"".join(struct.pack("HBBI", *step) for step in program), len(program)


def _filter() -> None:
    """Applies the seccomp filter. Raises as `_rules` does."""
    code, steps = _rules()
    buffer = ctypes.create_string_buffer(code)
    header = struct.pack("HxxxxxxP", steps, ctypes.addressof(buffer))
    _call("prctl", _PR_SET_SECCOMP, 2, header, 0, 0)


def _call(name: str, *args: object) -> int:
    result: int = getattr(_LIBC, name)(*args)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return result


def _syscall(number: int, *args: object) -> int:
    return _call("syscall", number, *args)


def _mount(
    source: str | None, target: str | Path, kind: str | None, flags: int, options: str = ""
) -> None:
    texts = [text.encode() if text else None for text in (source, kind, options)]
    _call("mount", texts[0], str(target).encode(), texts[1], ctypes.c_ulong(flags), texts[2])


_NEWNS, _NEWUTS, _NEWIPC = 0x00020000, 0x04000000, 0x08000000
_NEWUSER, _NEWPID, _NEWNET = 0x10000000, 0x20000000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REMOUNT = 1, 2, 4, 8, 32
_MS_BIND, _MS_REC, _MS_PRIVATE, _MNT_DETACH = 4096, 16384, 1 << 18, 2
_ST_KEPT = 4 | 8 | 1024 | 4096  # NODEV, NOEXEC, NOATIME, RELATIME
_PR_SET_DUMPABLE, _PR_SET_SECCOMP = 4, 22
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 36, 38
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_READ, _WRITE_FILE, _ON_FILES = 0b1101, 0b10, 0b111 | 1 << 14
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_TABLES = resources.files(__package__).joinpath("system_calls.toml").read_text("utf-8")
_CALLS: dict[str, dict[str, Any]] = tomllib.loads(_TABLES)
