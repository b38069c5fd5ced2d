"""A child process that ends with everything it started. No bpy here.

POSIX: a session of its own, killed as a group. Windows: a job object that kills on close (the process we hold may be
a mere launcher, as in a virtual environment), and no console window.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

if sys.platform == "win32":
    from .windows_jobs import JobObject


class ProcessGroup:
    """One started command with pipes on all three streams. Raises OSError when it cannot be started."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        self.process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=folder,
            env=dict(environment),
            start_new_session=sys.platform != "win32",
            creationflags=flags,
        )
        if sys.platform == "win32":
            self._job = JobObject(self.process)

    def kill(self) -> None:
        """End the command and its children at once; does not wait."""
        if sys.platform == "win32":
            self._job.terminate()
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # gone already (macOS says EPERM)
                os.killpg(self.process.pid, signal.SIGKILL)
