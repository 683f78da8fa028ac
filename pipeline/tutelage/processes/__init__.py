"""Child processes that must end with their parent. Standard library only.

reaper, supervised      any command, killed with all that it started
worker, pipe            a Python process of ours that answers requests and may be killed
repeated                a function called periodically in a thread
"""

import os


def cores() -> int:
    """Number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
