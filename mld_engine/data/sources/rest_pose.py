# SPDX-License-Identifier: GPL-3.0-or-later
"""From which pose of a skeleton its motion is measured.

Most files rest in a T-pose or A-pose, which the add-on's alignment knows how to read. Others store
bone axes in their offsets, so that the pose of all zeros is no human pose; there the frame in which a
body stands most plainly, over all files of one skeleton, serves instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...errors import RequestError
from .bone_mapper import bone_map, quaternion, snapshot
from .bvh_file import BvhSkeleton

FloatArray = NDArray[np.float64]
_REACH: Final = 1.2
"""Metres from the root to the furthest end along the bones, to which a skeleton of any unit is brought."""
_SIDES: Final = ("left", "right")
_NEARLY: Final = 0.6
"""Cosine to which a standing body's legs point down, its trunk up, its forearms on from its upper arms."""
_LEVEL: Final = 0.15
"""Share of the leg by which one foot of a rest pose may be higher than the other."""
_UNLEVEL: Final = 20.0
"""A foot raised by a tenth of the leg makes a frame as unfit as a limb that points the wrong way."""
_MOST_TRIES: Final = 200
"""Frames without a body whose bones can be told, after which there is none."""
_SHORTEST_BONE: Final = 1e-6
_PARTS: Final = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))


@dataclass(frozen=True)
class Pose:
    """One pose of a skeleton in the world of its file: rotations (N, 4) since the zero pose, heads (N, 3)."""

    rotations: FloatArray
    heads: FloatArray
    where: str = ""
    """The file and frame it was taken from; empty for the file's own rest pose."""


@dataclass(frozen=True)
class Sample:
    """Some frames of a file: their numbers (K,), world rotations (K, N, 4) since the zero pose, heads (K, N, 3)."""

    file: str
    frames: NDArray[np.int64]
    rotations: FloatArray
    heads: FloatArray


@dataclass(frozen=True)
class Rest:
    """A rest pose with the bones found on it; `scale` is metres for one unit of the file, roughly."""

    pose: Pose
    rig: snapshot.RigSnapshot
    detection: bone_map.Detection
    scale: float

    def leg_length(self) -> float:
        """Thigh and shin, in the unit of the file."""
        heads = {role: self.rig.heads[self.rig.index(bone)] for role, bone in self.detection.bone_map.bones.items()}
        return float(sum(np.linalg.norm(heads[f"left_{end}"] - heads[f"left_{start}"]) for start, end in _PARTS[:2]))


def own_rest(skeleton: BvhSkeleton, name: str) -> Rest:
    """The pose of all zeros."""
    heads = np.zeros_like(skeleton.offsets)
    for joint, parent in enumerate(skeleton.parents):
        heads[joint] = skeleton.offsets[joint] + (heads[parent] if parent >= 0 else 0.0)
    rotations = np.tile(quaternion.IDENTITY, (len(heads), 1))
    return _rest(skeleton, Pose(rotations, heads), name)


def choose_rest(skeleton: BvhSkeleton, samples: Sequence[Sample]) -> Rest:
    """The file's own rest pose, or else the plainest standing frame of the samples.

    Raises RequestError (unknown_skeleton) where neither is a body whose bones can be told.
    """
    own = own_rest(skeleton, samples[0].file)
    if own.detection.usable and _stands(own):
        return own
    best: tuple[float, Rest] | None = None
    frames = ((sample, number) for sample in samples for number in range(len(sample.frames)))
    for tries, (sample, number) in enumerate(frames):
        heads = sample.heads[number]
        if best is None and tries >= _MOST_TRIES:
            break
        if best is not None and _plainness(heads, best[1]) <= best[0]:
            continue
        pose = Pose(sample.rotations[number], heads, f"frame {sample.frames[number]} of {sample.file}")
        rest = _rest(skeleton, pose, sample.file)
        if rest.detection.usable:
            best = (_plainness(heads, rest), rest)
    if best is None and own.detection.usable:
        return own
    if best is None:
        missing = ", ".join(own.detection.missing) or " ".join(own.detection.notes)
        raise RequestError(
            "unknown_skeleton",
            f"its bones are not those of a human body that is known: {missing}",
            "Rename the bones as one of the common rigs does, such as Mixamo's.",
        )
    return best[1]


def _rest(skeleton: BvhSkeleton, pose: Pose, name: str) -> Rest:
    scale = _REACH / max(_reach(skeleton), 1e-9)
    rig = make_rig(skeleton, pose, name, scale)
    return Rest(pose, rig, bone_map.detect(rig), scale)


def _reach(skeleton: BvhSkeleton) -> float:
    """The longest way along the bones from a joint of the root's level to the end of a chain, in file units."""
    lengths = np.zeros(len(skeleton.names))
    for joint, parent in enumerate(skeleton.parents):
        # The way to the first joints is no bone: it may hold the place of the body in the room.
        if parent > 0:
            lengths[joint] = lengths[parent] + float(np.linalg.norm(skeleton.offsets[joint]))
    return float(lengths.max())


def make_rig(skeleton: BvhSkeleton, pose: Pose, name: str, scale: float) -> snapshot.RigSnapshot:
    """The skeleton as the armature that Blender's importer would make of it, standing in `pose`."""
    count = len(skeleton.names)
    children: list[list[int]] = [[] for _ in range(count)]
    for joint, parent in enumerate(skeleton.parents):
        if parent >= 0:
            children[parent].append(joint)
    ends = quaternion.rotate(pose.rotations, skeleton.ends)
    bones = np.stack(
        [pose.heads[below].mean(0) - pose.heads[j] if below else ends[j] for j, below in enumerate(children)]
    )
    lengths = np.linalg.norm(bones, axis=1)
    pointless = lengths < _SHORTEST_BONE
    bones[pointless] = [0.0, 1.0, 0.0]
    lengths[pointless] = max(float(lengths.max()), 1.0) * 0.05
    rest = np.tile(np.eye(4), (count, 1, 1))
    rest[:, :3, :3] = quaternion.to_matrix(
        quaternion.swing(np.array([0.0, 1.0, 0.0]), bones, np.array([1.0, 0.0, 0.0]))
    )
    rest[:, :3, 3] = pose.heads
    flags = np.zeros(count, np.bool_)
    return snapshot.RigSnapshot(
        name=name,
        bone_names=_unique(skeleton.names),
        parents=skeleton.parents,
        rest=rest,
        lengths=lengths,
        world=np.diag([scale, scale, scale, 1.0]),
        basis=np.tile(np.eye(4), (count, 1, 1)),
        rotation_modes=("QUATERNION",) * count,
        inherit_rotation=~flags,
        inherit_scale=("FULL",) * count,
        use_local_location=~flags,
        connected=flags,
        lock_location=np.zeros((count, 3), np.bool_),
        lock_rotation=np.zeros((count, 3), np.bool_),
        lock_rotation_w=flags,
        deform=~flags,
        constrained=flags,
    )


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Blender numbers what is named alike: Bone, Bone.001."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, -1) + 1
        unique.append(f"{name}.{seen[name]:03d}" if seen[name] else name)
    return tuple(unique)


def _stands(rest: Rest) -> bool:
    """Whether a rest pose is that of a body which stands: names alone may fit a pose that is none."""
    directions, at, up = _directions(rest.pose.heads, rest)
    legs = [-float(directions[f"{side}_{start}"] @ up) for side in _SIDES for start in ("hip", "knee")]
    arms = [float(directions[f"{side}_shoulder"] @ directions[f"{side}_elbow"]) for side in _SIDES]
    trunk = [float(directions["spine"] @ up), float(directions["hips"] @ directions["shoulders"])]
    return min(*legs, *arms, *trunk) > _NEARLY and _feet_apart(at, up) < _LEVEL


def _plainness(heads: FloatArray, rest: Rest) -> float:
    """How plainly a pose with joints (N, 3) stands, highest for the best: legs straight down, trunk up, arms level
    with each other. `rest` says which joints are which."""
    directions, at, up = _directions(heads, rest)
    forward = np.cross(directions["hips"], up)
    score = 2.0 * float(directions["spine"] @ up) + float(directions["hips"] @ directions["shoulders"])
    for side in _SIDES:
        for start, _ in _PARTS:
            along = directions[f"{side}_{start}"]
            # Arms may hang or be spread, but neither forward nor backward.
            score += -float(along @ up) if start in ("hip", "knee") else -abs(float(along @ forward))
    return score - _UNLEVEL * _feet_apart(at, up)


def _directions(heads: FloatArray, rest: Rest) -> tuple[dict[str, FloatArray], dict[str, FloatArray], FloatArray]:
    """Unit directions of the limbs (by the role they start at), "spine", "hips" and "shoulders" (towards the left);
    the joints by role; and the axis of the file that is up in this pose."""
    at = {role: heads[rest.rig.index(bone)] for role, bone in rest.detection.bone_map.bones.items()}
    hips = (at["left_hip"] + at["right_hip"]) / 2
    spine = (at["head"] if "head" in at else at["neck"]) - hips
    axis = int(np.argmax(np.abs(spine)))
    up = np.zeros(3)
    up[axis] = np.sign(spine[axis])
    directions = {
        f"{side}_{start}": at[f"{side}_{end}"] - at[f"{side}_{start}"] for side in _SIDES for start, end in _PARTS
    }
    directions |= {"spine": spine, "hips": at["left_hip"] - at["right_hip"]}
    directions["shoulders"] = at["left_shoulder"] - at["right_shoulder"]
    return {name: quaternion.unit(direction) for name, direction in directions.items()}, at, up


def _feet_apart(at: dict[str, FloatArray], up: FloatArray) -> float:
    """How much higher one foot is than the other, over the length of the leg: 0 for two soles on one floor."""
    leg = float(np.linalg.norm(at["left_hip"] - at["left_ankle"]))
    rises = [abs(float((at["left_ankle"] - at["right_ankle"]) @ up))]
    if "left_foot" in at and "right_foot" in at:
        rises.append(abs(float((at["left_foot"] - at["right_foot"]) @ up)))
    return sum(rises) / leg
