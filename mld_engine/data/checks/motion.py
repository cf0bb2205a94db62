# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of one clip's motion. Limits were set beside recorded motion: 3,986 clips of eleven captures pass them
but for the flaws that are known of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ...contract.skeleton import JOINT_INDEX
from ...kinematics import forward_kinematics
from ...representations.ground import floor_height
from ...rotations import quaternion_to_matrix, quaternion_to_rotation_vector, twist_yaw
from ..sources.found import UNIT_HINTS
from ..store import ClipRecord
from .report import Finding

FloatArray = NDArray[np.float32]

SHORTEST_SECONDS: Final = 0.4
"""A shorter clip shows no action."""
LONGEST_SECONDS: Final = 20.0
"""Training takes windows of ten seconds or less; of a longer clip many will not show what the caption says."""
FASTEST_TRAVEL: Final = 12.0
"""Metres a second: a sprinter's best."""
FASTEST_TURN: Final = 3300.0
"""Degrees a second of one joint: recorded motion stays below 2,900."""
_SWAPPED_JOINTS: Final = 4
"""This many joints that turn so fast at once are a cut, not a movement."""
_STANDING_SHARE: Final = 0.05
FLOATING: Final = 0.08
"""Metres between the floor and the lower sole in the lowest frames."""
SINKING: Final = 0.06
SIDES: Final = ("left", "right")
_KNEE_BACKWARD: Final = -12.0
"""Degrees: a knee stretches a little beyond straight, and no further."""


class Bone(NamedTuple):
    """A bone from one joint to the next; `limit`: degrees of turn about itself that half a clip must not exceed."""

    name: str
    joint: str
    end: str
    limit: float


ARMS: Final = (Bone("upper arm", "shoulder", "elbow", 120.0), Bone("forearm", "elbow", "wrist", 100.0))


@dataclass(frozen=True)
class ClipView:
    """A clip with what the checks look at: joints (T, 22, 3), sole heights (T,), yaw (T,) of the pelvis."""

    record: ClipRecord
    fps: float
    joints: FloatArray
    soles: FloatArray
    yaw: FloatArray
    offsets: FloatArray

    @property
    def standing(self) -> float:
        """Metres from the floor to the lower sole in the lowest frames."""
        return float(np.quantile(self.soles, _STANDING_SHARE))

    @classmethod
    def of(cls, record: ClipRecord, fps: float, offsets: FloatArray) -> ClipView:
        rotations, root = torch.from_numpy(record.rotations), torch.from_numpy(record.root)
        _, joints = forward_kinematics(quaternion_to_matrix(rotations), root, torch.from_numpy(offsets))
        soles = floor_height(joints[:, None])
        return cls(record, fps, joints.numpy(), soles.numpy(), twist_yaw(rotations[:, 0]).numpy(), offsets)

    def twist(self, bone: Bone, side: str) -> FloatArray:
        """Degrees (T,) by which a bone is turned about itself."""
        along = self.offsets[JOINT_INDEX[f"{side}_{bone.end}"]]
        quaternions = self.record.rotations[:, JOINT_INDEX[f"{side}_{bone.joint}"]]
        turn = 2 * np.arctan2(quaternions[:, 1:] @ (along / np.linalg.norm(along)), quaternions[:, 0])
        return np.asarray(np.degrees(np.arctan2(np.sin(turn), np.cos(turn))), np.float32)


def unusable(record: ClipRecord, fps: float) -> Finding | None:
    """What makes a clip impossible to look at any further."""
    if not (np.isfinite(record.rotations).all() and np.isfinite(record.root).all()):
        broken = int((~np.isfinite(record.root)).any(-1).sum() + (~np.isfinite(record.rotations)).any((-1, -2)).sum())
        return Finding("numbers", "error", f"{broken} frames hold numbers that are not finite", record.name)
    seconds = len(record.root) / fps
    if seconds < SHORTEST_SECONDS:
        message = f"it lasts {seconds:.2f} s; less than {SHORTEST_SECONDS} s shows no action"
        return Finding("length", "error", message, record.name)
    return None


def check_motion(view: ClipView) -> Iterator[Finding]:
    """Everything that is wrong with the motion of a clip."""
    name = view.record.name
    seconds = len(view.soles) / view.fps
    if seconds > LONGEST_SECONDS:
        message = f"it lasts {seconds:.0f} s: its captions hardly hold for every part; cut it into clips"
        yield Finding("length", "warning", message, name)
    yield from _jumps(view)
    yield from _ground(view)
    yield from _twist(view)


def _jumps(view: ClipView) -> Iterator[Finding]:
    name = view.record.name
    speeds = np.linalg.norm(np.diff(view.record.root, axis=0), axis=1) * view.fps
    fastest = int(speeds.argmax())
    if speeds[fastest] > FASTEST_TRAVEL:
        scale, unit = UNIT_HINTS[0]
        # A cut is one fast frame; a path in another unit is fast in most of them.
        hint = f"; if its path is in {unit}, use --scale {scale:g}" if np.median(speeds) > FASTEST_TRAVEL else ""
        message = f"it jumps at frame {fastest + 1}: {speeds[fastest]:.0f} m/s{hint}"
        yield Finding("jump", "error", message, name)
        return
    cosine = np.abs((view.record.rotations[1:] * view.record.rotations[:-1]).sum(-1)).clip(max=1)
    turns = np.degrees(2 * np.arccos(cosine)) * view.fps
    swapped = (turns > FASTEST_TURN).sum(-1)
    if swapped.max() >= _SWAPPED_JOINTS:
        message = f"the pose is another one from frame {int(swapped.argmax()) + 1} on: it was cut there"
        yield Finding("jump", "error", message, name)
    elif swapped.max() > 0:
        frame, joint = np.unravel_index(turns.argmax(), turns.shape)
        turned = f"{turns.max() / view.fps:.0f} degrees in one frame"
        joint_name = list(JOINT_INDEX)[int(joint)]
        yield Finding("flip", "warning", f"{joint_name} turns by {turned} at frame {int(frame) + 1}", name)


def _ground(view: ClipView) -> Iterator[Finding]:
    if view.standing > FLOATING:
        message = f"it floats: the soles stay {view.standing:.2f} m over the floor"
        yield Finding("ground", "warning", message, view.record.name)
    elif view.standing < -SINKING:
        message = f"it sinks: the soles lie {-view.standing:.2f} m under the floor"
        yield Finding("ground", "warning", message, view.record.name)


def _twist(view: ClipView) -> Iterator[Finding]:
    for bone, side in product(ARMS, SIDES):
        turned = float(np.median(np.abs(view.twist(bone, side))))
        if turned > bone.limit:
            message = f"the {side} {bone.name} is turned about itself by {turned:.0f} degrees over half of the clip"
            yield Finding("twist", "warning", message, view.record.name)
    for side in SIDES:
        knee = torch.from_numpy(view.record.rotations[:, JOINT_INDEX[f"{side}_knee"]])
        bend = float(np.degrees(np.median(quaternion_to_rotation_vector(knee)[:, 0].numpy())))
        if bend < _KNEE_BACKWARD:
            message = f"the {side} knee bends backwards by {-bend:.0f} degrees"
            yield Finding("twist", "warning", message, view.record.name)
