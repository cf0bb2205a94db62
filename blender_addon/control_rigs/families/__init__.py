# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions of control rigs, one module of pure data each.

To add a family, write a module like the others and name it in FAMILIES.
"""

from __future__ import annotations

from typing import Final

from ..description import ControlRig
from . import auto_rig_pro, mixamo, rigify

FAMILIES: Final[tuple[ControlRig, ...]] = (rigify.RIG, rigify.WITHOUT_SPINE_FK, mixamo.RIG, auto_rig_pro.RIG)
