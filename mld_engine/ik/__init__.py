# SPDX-License-Identifier: GPL-3.0-or-later
"""Inverse kinematics: from joint positions to rotations of the SMPL body."""

from .fitting import Fit, fit_rotations

__all__ = ["Fit", "fit_rotations"]
