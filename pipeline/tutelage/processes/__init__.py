"""Processes that others start, and that must end with them. Standard library only.

reaper, supervised      a command of any kind, killed with all that it started
worker, pipe            a Python process of ours that is asked and answers, and may be killed
repeated                a thread that looks after something meanwhile
"""

import os


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
