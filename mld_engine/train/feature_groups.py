# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of a representation mean to training: scaled together, weighted together, or a rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..representations import smpl203


@dataclass(frozen=True)
class FeatureGroups:
    """`slices`: features of one kind by name; the names are weights in `LossWeights`.

    `rates`: features that are changes a frame, which a faster playback makes larger; None where such
    features cannot be told, so that the time scale has to stay at 1.
    `geometry`: whether joints, contacts and path can be computed for the losses on them.
    """

    slices: dict[str, slice]
    rates: slice | None
    geometry: bool


SMPL203: Final = FeatureGroups(
    {
        "yaw": slice(smpl203.YAW_STEP, smpl203.YAW_STEP + 1),
        "velocity": smpl203.ROOT_STEP,
        "height": slice(smpl203.ROOT_HEIGHT, smpl203.ROOT_HEIGHT + 1),
        "root_rotation": slice(smpl203.ROTATIONS.start, smpl203.ROTATIONS.start + 6),
        "rotations": slice(smpl203.ROTATIONS.start + 6, smpl203.ROTATIONS.stop),
        "positions": smpl203.POSITIONS,
        "contacts": smpl203.CONTACTS,
    },
    rates=slice(smpl203.YAW_STEP, smpl203.ROOT_STEP.stop),
    geometry=True,
)


def feature_groups(representation: str, features: int) -> FeatureGroups:
    """The groups of a representation by name; one that is not known here is one group of `positions`."""
    if representation == "smpl203":
        return SMPL203
    return FeatureGroups({"positions": slice(0, features)}, rates=None, geometry=False)
