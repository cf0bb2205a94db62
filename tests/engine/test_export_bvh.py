# SPDX-License-Identifier: GPL-3.0-or-later
"""BVH files: parsed again by a reader of our own, the joints stand where the motion has them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from body_oracle import about, motion_joints, tumble
from numpy.typing import NDArray

from mld_engine.contract import skeleton
from mld_engine.export.bvh import write_bvh
from mld_engine.motion import Motion


@dataclass
class Joint:
    name: str
    parent: int
    offset: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    channels: list[str] = field(default_factory=list)


@dataclass
class Bvh:
    """Joints (End Sites included, named parent + '_end') and one row of channels a frame."""

    joints: list[Joint]
    frame_time: float
    rows: NDArray[np.float64]

    def positions(self) -> dict[str, NDArray[np.float64]]:
        """World positions (T,3) by joint name, in the file's units."""
        found: dict[str, list[NDArray[np.float64]]] = {joint.name: [] for joint in self.joints}
        for row in self.rows:
            values = iter(row)
            world: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
            for joint in self.joints:
                rotation, place = np.eye(3), joint.offset.copy()
                for channel in joint.channels:
                    value = next(values)
                    if channel.endswith("position"):
                        place["XYZ".index(channel[0])] += value
                    else:
                        rotation = rotation @ about(channel[0], math.radians(value))
                if joint.parent >= 0:
                    parent_rotation, parent_place = world[joint.parent]
                    rotation, place = parent_rotation @ rotation, parent_place + parent_rotation @ place
                world.append((rotation, place))
                found[joint.name].append(place)
        return {name: np.array(places) for name, places in found.items()}

    def angles(self) -> NDArray[np.float64]:
        return self.rows[:, 3:]


def parse(path: Path) -> Bvh:
    tokens = iter(path.read_text(encoding="ascii").split())
    assert next(tokens) == "HIERARCHY"
    joints: list[Joint] = []
    open_joints: list[int] = []
    for token in tokens:
        if token in ("ROOT", "JOINT"):
            joints.append(Joint(next(tokens), open_joints[-1] if open_joints else -1))
        elif token == "End":
            assert next(tokens) == "Site"
            joints.append(Joint(joints[open_joints[-1]].name + "_end", open_joints[-1]))
        elif token == "{":
            open_joints.append(len(joints) - 1)
        elif token == "}":
            open_joints.pop()
        elif token == "OFFSET":
            joints[-1].offset = np.array([float(next(tokens)) for _ in range(3)])
        elif token == "CHANNELS":
            joints[-1].channels = [next(tokens) for _ in range(int(next(tokens)))]
        elif token == "MOTION":
            break
    assert not open_joints
    assert next(tokens) == "Frames:"
    frames = int(next(tokens))
    assert [next(tokens), next(tokens)] == ["Frame", "Time:"]
    frame_time = float(next(tokens))
    rows = np.array([float(token) for token in tokens])
    return Bvh(joints, frame_time, rows.reshape(frames, sum(len(joint.channels) for joint in joints)))


def bend(joint: str, axis: str, degrees: NDArray[np.float64]) -> Motion:
    """One joint turns about one axis by the given angles, the rest stands still."""
    half = np.radians(degrees) / 2.0
    rotations = np.zeros((len(degrees), 22, 4), np.float32)
    rotations[..., 0] = 1.0
    index = skeleton.JOINT_NAMES.index(joint)
    rotations[:, index, 0] = np.cos(half)
    rotations[:, index, 1 + "XYZ".index(axis)] = np.sin(half)
    root = np.tile(np.array([0, 0.95, 0], np.float32), (len(degrees), 1))
    return Motion(rotations, root, np.ones((len(degrees), 4), np.float32), skeleton.REST_OFFSETS, 30.0)


@pytest.fixture
def golden_take(repository: Path) -> Motion:
    """A real take of the default pack, as its golden file has it."""
    from safetensors.numpy import load_file

    golden = load_file(str(repository / "mld_engine" / "packs" / "research" / "golden.safetensors"))
    frames = len(golden["quat_0"])
    return Motion(
        golden["quat_0"].astype(np.float32),
        golden["trans_0"].astype(np.float32),
        np.ones((frames, 4), np.float32),
        skeleton.REST_OFFSETS,
        30.0,
    )


def assert_same_joints(path: Path, motion: Motion) -> None:
    expected = motion_joints(motion.rotations, motion.root, motion.offsets)
    found = parse(path).positions()
    for index, name in enumerate(skeleton.JOINT_NAMES):
        np.testing.assert_allclose(found[name] / 100.0, expected[:, index], atol=1e-5, err_msg=name)


def test_hierarchy(tmp_path: Path) -> None:
    write_bvh(tmp_path / "take.bvh", tumble())
    bvh = parse(tmp_path / "take.bvh")
    named = [joint for joint in bvh.joints if not joint.name.endswith("_end")]
    assert {joint.name for joint in named} == set(skeleton.JOINT_NAMES)
    for joint in named[1:]:
        index = skeleton.JOINT_NAMES.index(joint.name)
        assert bvh.joints[joint.parent].name == skeleton.JOINT_NAMES[skeleton.PARENTS[index]]
        assert joint.channels == ["Zrotation", "Xrotation", "Yrotation"]
    assert named[0].channels[:3] == ["Xposition", "Yposition", "Zposition"]
    ends = [joint.name for joint in bvh.joints if joint.name.endswith("_end")]
    assert sorted(ends) == sorted(f"{n}_end" for n in ("left_foot", "right_foot", "head", "left_wrist", "right_wrist"))
    assert bvh.frame_time == pytest.approx(1 / 30, abs=1e-8)


def test_joints_of_any_rotation(tmp_path: Path) -> None:
    motion = tumble(frames=40)
    write_bvh(tmp_path / "take.bvh", motion)
    assert_same_joints(tmp_path / "take.bvh", motion)


def test_joints_and_curves_of_a_real_take(tmp_path: Path, golden_take: Motion) -> None:
    write_bvh(tmp_path / "take.bvh", golden_take)
    assert_same_joints(tmp_path / "take.bvh", golden_take)
    assert np.abs(np.diff(parse(tmp_path / "take.bvh").angles(), axis=0)).max() < 60.0


@pytest.mark.parametrize(
    ("joint", "axis", "channel"),
    [("pelvis", "Y", 2), ("left_knee", "X", 1), ("right_elbow", "Y", 2), ("left_shoulder", "Z", 0)],
)
def test_a_full_turn_and_more_is_one_smooth_curve(tmp_path: Path, joint: str, axis: str, channel: int) -> None:
    """Through 90, 180 and 360 degrees the curve is the angle itself: no jump, no detour over other axes."""
    degrees = np.linspace(0.0, 750.0, 151)
    write_bvh(tmp_path / "take.bvh", bend(joint, axis, degrees))
    bvh = parse(tmp_path / "take.bvh")
    column = 3
    for each in bvh.joints:
        if each.name == joint:
            break
        column += 3 if each.channels else 0
    np.testing.assert_allclose(bvh.rows[:, column + channel], degrees, atol=1e-3)
    others = np.delete(bvh.angles(), column - 3 + channel, axis=1)
    np.testing.assert_allclose(others, 0.0, atol=1e-3)
