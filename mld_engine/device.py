# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device computes."""

from __future__ import annotations

import platform
from typing import Final

import torch

from .errors import RequestError

DEVICES: Final = ("auto", "cpu", "cuda", "mps")


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
