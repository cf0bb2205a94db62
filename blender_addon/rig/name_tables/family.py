# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of a name table: what the bones of one family of rigs are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

Names = str | tuple[str, ...]
"""A bone name, or alternatives of which the first one present counts."""


@dataclass(frozen=True)
class Family:
    """One family of rigs.

    Names are compared without regard to case, separators and the place of the side, so `UpperArm_L`
    also stands for `l_upperarm`. spine1, spine2 are not listed: they follow from the hierarchy between
    pelvis and spine3. For pelvis, the first alternative that carries both legs and the spine counts.
    """

    name: str
    """As the panel shows it."""
    bones: Mapping[str, Names]
    """Role -> bone names."""
    prefix: str = ""
    """Regular expression for what may stand before every name, in lower case and without separators."""
    signature: tuple[str, ...] = field(default=())
    """Bones without a role that tell this family from one with the same names."""


_PARTS: Final = ("collar", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot")


def both_sides(left: str, right: str, **parts: Names) -> dict[str, Names]:
    """Role -> names of both sides; `{}` in a name stands for the side, e.g. hip="{}UpLeg".

    Parts are those of the roles: collar, shoulder, elbow, wrist, hip, knee, ankle, foot.
    Raises ValueError for another part.
    """
    if unknown := set(parts) - set(_PARTS):
        raise ValueError(f"no such part: {sorted(unknown)}")
    roles: dict[str, Names] = {}
    for side, word in (("left", left), ("right", right)):
        for part, names in parts.items():
            alternatives = (names,) if isinstance(names, str) else names
            filled = tuple(name.replace("{}", word) for name in alternatives)
            roles[f"{side}_{part}"] = filled[0] if len(filled) == 1 else filled
    return roles
