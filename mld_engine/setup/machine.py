# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts about this computer on which the choice of torch depends."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

PROBE_SECONDS = 4.0
NVIDIA_SECONDS = 10.0


@dataclass(frozen=True)
class Machine:
    """`system` and `architecture` as in `platform`; `nvidia_tool` is the path of nvidia-smi, empty without one."""

    system: str
    architecture: str
    nvidia_tool: str = ""

    @property
    def is_windows(self) -> bool:
        return self.system == "Windows"

    @property
    def has_nvidia(self) -> bool:
        return bool(self.nvidia_tool) and self.system in {"Linux", "Windows"}


def detect_machine() -> Machine:
    """Look at this computer. Starts no process: it also runs when there is nothing to install."""
    return Machine(platform.system(), platform.machine(), _nvidia_tool())


def _nvidia_tool() -> str:
    found = shutil.which("nvidia-smi")
    if found:
        return found
    windows = Path(os.environ.get("SYSTEMROOT", "")) / "System32" / "nvidia-smi.exe"
    return str(windows) if windows.is_file() else ""


def nvidia_gpu(machine: Machine) -> str:
    """Name of the first NVIDIA GPU; empty when there is none or its driver does not answer."""
    if not machine.has_nvidia:
        return ""
    command = [machine.nvidia_tool, "--query-gpu=name", "--format=csv,noheader"]
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=NVIDIA_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip().splitlines()[0].strip() if answer.stdout.strip() else ""


def index_reachable(url: str, seconds: float = PROBE_SECONDS) -> bool:
    """Whether a package index answers. Runs in a thread: a name look-up may hang longer than any time-out."""
    answered: list[bool] = []

    def ask() -> None:
        try:
            request = urllib.request.Request(url.rstrip("/") + "/torch/", method="HEAD")
            with urllib.request.urlopen(request, timeout=seconds) as reply:
                answered.append(reply.status < 400)
        except (OSError, ValueError):
            answered.append(False)

    thread = threading.Thread(target=ask, name="probe-index", daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(answered and answered[0])
