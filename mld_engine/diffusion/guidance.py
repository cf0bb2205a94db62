# SPDX-License-Identifier: GPL-3.0-or-later
"""Classifier-free guidance (Ho and Salimans, 2022)."""

from __future__ import annotations

from torch import Tensor


def guide(unconditional: Tensor, conditional: Tensor, scale: float | Tensor) -> Tensor:
    """e = e_u + scale (e_c - e_u): 0 ignores the condition, 1 is the plain condition, more exaggerates it."""
    return unconditional + scale * (conditional - unconditional)
