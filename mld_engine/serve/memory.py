# SPDX-License-Identifier: GPL-3.0-or-later
"""The most memory that this process has held so far."""

from __future__ import annotations

import sys


def peak_memory() -> dict[str, int]:
    """Bytes by kind: `ram` where the system tells it (not on Windows), `gpu` where a CUDA GPU is in use."""
    found: dict[str, int] = {}
    if sys.platform != "win32":
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        found["ram"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        found["gpu"] = torch.cuda.max_memory_reserved()
    return found
