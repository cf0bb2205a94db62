# SPDX-License-Identifier: GPL-3.0-or-later
"""The most memory that this process has held so far."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

_LINUX_STATUS: Final = Path("/proc/self/status")


def peak_memory() -> dict[str, int]:
    """Bytes by kind: `ram` where the system tells it (not on Windows), `gpu` where a CUDA GPU is in use."""
    found: dict[str, int] = {}
    if sys.platform != "win32":
        found["ram"] = _peak_ram()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        found["gpu"] = torch.cuda.max_memory_reserved()
    return found


def _peak_ram() -> int:
    # Linux's ru_maxrss counts what the parent held when it started this process: Blender's memory, not ours.
    if _LINUX_STATUS.is_file():
        peak = re.search(r"VmHWM:\s+(\d+) kB", _LINUX_STATUS.read_text(encoding="ascii", errors="replace"))
        if peak is not None:
            return int(peak[1]) * 1024
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
