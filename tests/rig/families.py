# SPDX-License-Identifier: GPL-3.0-or-later
"""Every name table's family, and the variants of names and hierarchy that its rigs come in."""

from __future__ import annotations

from tests.rig.families_characters import CHARACTERS
from tests.rig.families_engines import ENGINES
from tests.rig.families_tools import TOOLS
from tests.rig.family_case import FamilyCase

CASES: tuple[FamilyCase, ...] = (*ENGINES, *CHARACTERS, *TOOLS)

__all__ = ["CASES", "FamilyCase"]
