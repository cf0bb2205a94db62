# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device computes."""

from __future__ import annotations

import os
import platform
from typing import Final

import torch

from .errors import RequestError

DEVICES: Final = ("auto", "cpu", "cuda", "mps")
MAX_THREADS: Final = 4
THREADS_VARIABLE: Final = "OMP_NUM_THREADS"


def choose_device(name: str = "auto") -> torch.device:
    """`auto`: CUDA where it works, else MPS, else the CPU; or the device of that name.

    Raises RequestError (bad_device) for a name that is unknown or a device that does not work here.
    """
    if name not in DEVICES:
        raise RequestError("bad_device", f"There is no device {name!r}.", f"Choose one of: {', '.join(DEVICES)}.")
    if name == "auto":
        return next(torch.device(kind) for kind in ("cuda", "mps", "cpu") if _works(kind))
    if not _works(name):
        raise RequestError(
            "bad_device",
            f"This computer has no working {name.upper()} device, or its PyTorch was built without it.",
            "Choose auto or cpu.",
        )
    return torch.device(name)


def device_name(device: torch.device) -> str:
    """A name for people, such as the graphics card's."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return f"{platform.processor() or 'Apple'} GPU"
    return "CPU"


def limit_threads() -> None:
    """Let PyTorch use half of the cores, four at most, unless OMP_NUM_THREADS says otherwise.

    The denoiser multiplies small matrices and all threads meet after each. A second thread saves
    a fifth on an idle computer with two cores; on a busy one, where another program such as Blender
    takes a core away now and then, the rest wait for it thousands of times and a take was measured
    to need 25 times as long.
    """
    if THREADS_VARIABLE not in os.environ:
        torch.set_num_threads(max(1, min(MAX_THREADS, (os.cpu_count() or 1) // 2)))


def _works(kind: str) -> bool:
    """Whether a tensor can be made and used there: a driver may be present and still be broken."""
    if kind == "cuda" and not torch.cuda.is_available():
        return False
    if kind == "mps" and not torch.backends.mps.is_available():
        return False
    try:
        return float(torch.ones(2, device=kind).sum()) == 2.0
    except RuntimeError:
        return False
