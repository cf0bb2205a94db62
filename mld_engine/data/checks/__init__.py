# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether motion and words are fit to be learnt from, clip by clip and as a whole, as a readable report."""

from .checker import Checker, check_dataset
from .report import Finding, Report

__all__ = ["Checker", "Finding", "Report", "check_dataset"]
