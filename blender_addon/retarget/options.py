# SPDX-License-Identifier: GPL-3.0-or-later
"""What the animator chooses for a retargeting, and what comes out of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import RetargetError
from .quaternion import FloatArray


@dataclass(frozen=True)
class RetargetOptions:
    """Raises RetargetError for a frame rate or a duration that is not a positive number."""

    scene_fps: float
    """Frames per second of the scene: Blender's fps / fps_base."""
    in_place: bool = False
    """Leave out the horizontal travel of the hips; their height stays."""
    in_place_axes: str = "XY"
    """Of the horizontal travel, what `in_place` leaves out as the character faces: X sideways, Y forward."""
    foot_lock: bool = True
    scale_root: bool = True
    """Horizontal travel in proportion to the character's legs; otherwise in world metres, as the motion has it."""
    seconds: float | None = None
    """Length of the take; None for the motion's own. A longer take holds the last frame."""
    same_rest: bool = False
    """The character rests in the motion's own T-pose, as SMPL's bodies do: rotations are taken over as they are."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scene_fps) and self.scene_fps > 0.0):
            raise RetargetError(
                f"The scene runs at {self.scene_fps} frames per second.", "Set a frame rate in the Output properties."
            )
        if self.seconds is not None and not (math.isfinite(self.seconds) and self.seconds > 0.0):
            raise RetargetError(f"A take of {self.seconds} seconds cannot be keyed.", "Ask for more than 0 seconds.")


@dataclass(frozen=True, eq=False)
class PoseTrack:
    """Channels of pose bones over F frames. Bones that are not named here stay untouched."""

    frames: FloatArray
    """(F,) frame of each sample, counted from the first key: 0 .. N."""
    rotations: Mapping[str, FloatArray]
    """Bone name -> (F, 4) rotation of matrix_basis, wxyz, sign-continuous along time."""
    locations: Mapping[str, FloatArray]
    """Bone name -> (F, 3) translation of matrix_basis, in the bone's own location axes and armature units."""
    seconds: float
    contacts: FloatArray
    """(F, 4) 0 .. 1: left ankle, left toe, right ankle, right toe on the floor."""
    warnings: tuple[str, ...] = field(default=())
    """Sentences for the animator about what could not be followed."""
    path: FloatArray | None = None
    """(F, 3) horizontal travel in the world since the first frame, which the locations hold; None where unknown."""
    object_path: FloatArray | None = None
    """(F, 3) displacement in the world of the armature object, on top of which all channels count."""
    held: Mapping[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)
    """(Bone, property) -> the one value it keeps all through the take. The property is `location`, one of the rotation
    properties or, for a custom property such as a control rig's switch, its name in brackets: `["IK_FK"]`."""
    eased: Mapping[tuple[str, str], FloatArray] = field(default_factory=dict)
    """The same for properties that come from the present pose, or go back to it: (F, C) values."""

    @property
    def frame_count(self) -> int:
        return len(self.frames)

    @property
    def bones(self) -> tuple[str, ...]:
        """Names of all bones with channels here."""
        return tuple(
            dict.fromkeys((*self.rotations, *self.locations, *(bone for bone, _ in (*self.held, *self.eased))))
        )
