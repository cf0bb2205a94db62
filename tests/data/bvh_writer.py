# SPDX-License-Identifier: GPL-3.0-or-later
"""BVH text of a motion on a skeleton with other names, axes, units and channel orders than our own export has.

Written for tests, by way of scipy, so that reader and writer share no code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from mld_engine.contract.skeleton import JOINT_NAMES, PARENTS
from mld_engine.motion import Motion

MIXAMO = (
    "Hips", "LeftUpLeg", "RightUpLeg", "Spine", "LeftLeg", "RightLeg", "Spine1", "LeftFoot", "RightFoot", "Spine2",
    "LeftToeBase", "RightToeBase", "Neck", "LeftShoulder", "RightShoulder", "Head", "LeftArm", "RightArm",
    "LeftForeArm", "RightForeArm", "LeftHand", "RightHand",
)  # fmt: skip
Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def bvh_text(
    motion: Motion,
    *,
    names: tuple[str, ...] = MIXAMO,
    order: str = "ZXY",
    unit: float = 100.0,
    axes: NDArray[np.float64] | None = None,
    baked: bool = False,
) -> str:
    """`unit`: file units of a metre; `axes` (3, 3) turns Y up into the file's axes; `baked` stores bone axes that
    differ from joint to joint in the offsets, so that the pose of all zeros is no human pose."""
    turn = Rotation.from_matrix(np.eye(3) if axes is None else axes)
    frames = motion.frames
    local = [Rotation.from_quat(motion.rotations[:, j][:, [1, 2, 3, 0]]) for j in range(len(JOINT_NAMES))]
    rng = np.random.default_rng(5)
    bone_axes = [Rotation.random(random_state=rng) for _ in JOINT_NAMES]
    lines, columns = ["HIERARCHY"], []

    def stored_axes(joint: int) -> Rotation:
        """From the axes in which the file stores what hangs on a joint to ours; -1 for the world."""
        return bone_axes[joint] if baked and joint >= 0 else turn.inv()

    def add(joint: int, depth: int) -> None:
        carrier = stored_axes(PARENTS[joint])
        offset = carrier.inv().apply(motion.offsets[joint]) * unit if joint else np.zeros(3)
        stored = carrier.inv() * local[joint] * stored_axes(joint)
        kind = "JOINT" if depth else "ROOT"
        rotation = " ".join(f"{axis}rotation" for axis in order)
        position = "Xposition Yposition Zposition"
        lines.extend([f"{kind} {names[joint]}", "{", f"OFFSET {offset[0]:.6f} {offset[1]:.6f} {offset[2]:.6f}"])
        lines.append(f"CHANNELS 3 {rotation}" if depth else f"CHANNELS 6 {position} {rotation}")
        if not depth:
            columns.append(turn.apply(motion.root) * unit)
        columns.append(stored.as_euler(order, degrees=True))
        children = [child for child, parent in enumerate(PARENTS) if parent == joint]
        for child in children:
            add(child, depth + 1)
        if not children:
            lines.extend(["End Site", "{", "OFFSET 0 0 0", "}"])
        lines.append("}")

    add(0, 0)
    lines += ["MOTION", f"Frames: {frames}", f"Frame Time: {1.0 / motion.fps:.8f}"]
    lines += [" ".join(f"{value:.6f}" for value in row) for row in np.concatenate(columns, 1)]
    return "\n".join(lines) + "\n"
