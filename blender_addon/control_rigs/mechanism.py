# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be known of a control rig's mechanism at one moment, beside its bones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..rig.snapshot import FloatArray


@dataclass(frozen=True, eq=False)
class Mechanism:
    """Empty for a rig without one, and for one that stands at rest."""

    properties: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """(Bone, name) -> value of the custom properties that are numbers, among which are the rig's switches."""
    hung_from: Mapping[str, str] = field(default_factory=dict)
    """Bone -> the bone of the same armature that a Child Of constraint hangs it from."""
    posed: Mapping[str, FloatArray] = field(default_factory=dict)
    """Bone -> (4, 4) in armature space: where it is, whatever moves it."""
