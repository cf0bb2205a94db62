# SPDX-License-Identifier: GPL-3.0-or-later
"""Parametric humanoid rigs as RigSnapshots, with the truth about which bone plays which role.

Pure numpy. Every rig is first built standing on z = 0, Z up, facing -Y, left +X, in metres; then
turned and scaled into the armature's own axes as asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blender_addon.rig.snapshot import RigSnapshot
from tests.rig.rig_builder import Builder, Vector, random_names, renamed, rotation, shuffle_siblings, snapshot_of

__all__ = [
    "EXTRAS",
    "Builder",
    "Proportions",
    "make_humanoid",
    "random_humanoid",
    "random_names",
    "renamed",
    "snapshot_of",
]

EXTRAS = (
    "root", "fingers", "twist", "ends", "ik", "weapon", "face", "hair", "tail", "skirt", "breasts", "shoulder_pads",
    "pelvis_split", "hip_joints", "wrist_helper", "wings", "long_skirt",
)  # fmt: skip
"""What a rig may have besides the body. `pelvis_split`: the legs hang on a bone of their own below the pelvis;
`hip_joints`: a bone from the pelvis to each leg; `long_skirt`: panels of five bones down to the ankles."""

SPINE_ROLES = {1: {}, 2: {"spine1": 0}, 3: {"spine1": 0, "spine2": 1}, 4: {"spine1": 0, "spine2": 2},
               5: {"spine1": 1, "spine2": 2}, 6: {"spine1": 1, "spine2": 3}, 7: {"spine1": 1, "spine2": 4}}  # fmt: skip
"""spine bones -> which of them (from below) stand nearest to the joints spine1 and spine2 of three."""


@dataclass(frozen=True)
class Proportions:
    """Metres, for a body of 1.75 m."""

    hip_width: float = 0.09
    hip_drop: float = 0.03
    thigh: float = 0.43
    shin: float = 0.42
    ankle: float = 0.08
    foot: float = 0.13
    toes: float = 0.07
    torso: float = 0.50
    neck: float = 0.09
    head: float = 0.20
    collar: float = 0.16
    upper_arm: float = 0.28
    forearm: float = 0.26
    hand: float = 0.09

    def scaled(self, legs: float = 1.0, arms: float = 1.0, torso: float = 1.0, head: float = 1.0) -> Proportions:
        """The same body with longer or shorter parts; chibi characters have head 3 and legs 0.4."""
        return Proportions(
            self.hip_width, self.hip_drop, self.thigh * legs, self.shin * legs, self.ankle, self.foot, self.toes,
            self.torso * torso, self.neck, self.head * head, self.collar, self.upper_arm * arms, self.forearm * arms,
            self.hand,
        )  # fmt: skip


def make_humanoid(
    *,
    name: str = "Humanoid",
    rename: Callable[[str], str] | Mapping[str, str] | None = None,
    proportions: Proportions | None = None,
    arm_angle: float = 0.0,
    elbow_bend: float = 0.0,
    leg_spread: float = 0.0,
    knee_bend: float = 3.0,
    spine_count: int = 3,
    neck_count: int = 1,
    collars: bool = True,
    toes: bool = True,
    extras: Collection[str] = (),
    rolls: np.random.Generator | None = None,
    random_axes: np.random.Generator | None = None,
    facing_degrees: float = 0.0,
    y_up: bool = False,
    unit: float = 1.0,
    world: NDArray[np.float64] | None = None,
    shuffle: np.random.Generator | None = None,
    jitter: np.random.Generator | None = None,
    **fields: Any,
) -> tuple[RigSnapshot, dict[str, str]]:
    """A humanoid rig at rest and its true bone map.

    Angles in degrees: `arm_angle` 0 is a T-pose, 45 an A-pose, 85 arms down; `elbow_bend` turns the
    forearm forward; `leg_spread` turns each leg outward. `spine_count` 1..7, `neck_count` 0..3.
    `rolls` turns each bone about its own axis at random; `random_axes` gives bones axes (and tails)
    that have nothing to do with the limb, as some importers do. `facing_degrees` turns the character
    about the vertical inside the armature; `y_up` builds it Y up and facing +Z with an object that is
    turned upright again; `unit` is the number of metres of one armature unit (0.01 for centimetres).
    `shuffle` orders siblings at random; `jitter` moves every joint by a few millimetres. `fields` replace
    fields of the snapshot.
    `rename` turns keys into bone names. Keys are roles, `spine:I` and `neck:I` for bones of those
    chains that have no role, and own words for the extras.
    """
    builder = Builder()
    truth = _body(
        builder, proportions or Proportions(), arm_angle, elbow_bend, leg_spread, knee_bend, spine_count, neck_count,
        collars, toes, frozenset(extras),
    )  # fmt: skip
    if shuffle is not None:
        shuffle_siblings(builder, shuffle)
    if jitter is not None:
        builder.heads = [head + jitter.normal(scale=0.002, size=3) for head in builder.heads]
    turn = rotation("z", facing_degrees)
    object_axes = rotation("x", 90.0) if y_up else np.eye(3)
    to_armature = object_axes.T @ turn / unit
    placed = np.eye(4) if world is None else world
    upright = np.eye(4)
    upright[:3, :3] = object_axes * unit
    snapshot = snapshot_of(
        builder, to_armature, placed @ upright, name=name, rename=rename, rolls=rolls, random_axes=random_axes, **fields
    )
    renamed = dict(zip(builder.keys, snapshot.bone_names, strict=True))
    return snapshot, {role: renamed[key] for role, key in truth.items()}


def random_humanoid(seed: int, **overrides: Any) -> tuple[RigSnapshot, dict[str, str]]:
    """A humanoid whose every property is drawn from the seed, with random bone names; `overrides` fix some of them."""
    rng = np.random.default_rng(seed)
    chibi = rng.random() < 0.15
    proportions = Proportions().scaled(
        legs=rng.uniform(0.4, 0.6) if chibi else rng.uniform(0.85, 1.2),
        arms=rng.uniform(0.6, 0.9) if chibi else rng.uniform(0.85, 1.15),
        torso=rng.uniform(0.8, 1.2),
        head=rng.uniform(1.5, 3.0) if chibi else rng.uniform(0.8, 1.3),
    )
    arguments: dict[str, Any] = {
        "rename": random_names(rng),
        "proportions": proportions,
        "arm_angle": rng.uniform(-5.0, 80.0),
        "elbow_bend": rng.uniform(0.0, 40.0),
        "leg_spread": rng.uniform(0.0, 20.0),
        "knee_bend": rng.uniform(0.0, 15.0),
        "spine_count": int(rng.integers(1, 8)),
        "neck_count": int(rng.integers(0, 4)),
        "collars": bool(rng.random() < 0.8),
        "toes": bool(rng.random() < 0.8),
        "extras": tuple(extra for extra in EXTRAS if rng.random() < 0.35),
        "rolls": np.random.default_rng(seed + 1) if rng.random() < 0.5 else None,
        "random_axes": np.random.default_rng(seed + 2) if rng.random() < 0.25 else None,
        "facing_degrees": float(rng.choice([0.0, 0.0, 0.0, 90.0, 180.0, 270.0])),
        "y_up": bool(rng.random() < 0.4),
        "unit": float(rng.choice([1.0, 1.0, 0.01, 100.0])),
        "shuffle": np.random.default_rng(seed + 3),
        "jitter": np.random.default_rng(seed + 4) if rng.random() < 0.3 else None,
    }
    return make_humanoid(**{**arguments, **overrides})


def _body(
    b: Builder, p: Proportions, arm_angle: float, elbow_bend: float, leg_spread: float, knee_bend: float,
    spine_count: int, neck_count: int, collars: bool, toes: bool, extras: frozenset[str],
) -> dict[str, str]:  # fmt: skip
    up, front = np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0])
    spread = np.cos(np.radians(leg_spread))
    hip_height = p.ankle + (p.thigh + p.shin) * spread * np.cos(np.radians(knee_bend))
    pelvis = np.array([0.0, 0.0, hip_height + p.hip_drop])
    root = b.add("root", None, [0, 0, 0], [0, 0.2, 0]) if "root" in extras else None
    b.add("pelvis", root, pelvis, pelvis + up * 0.1)
    truth = {"pelvis": "pelvis"}

    spine_keys = {position: role for role, position in SPINE_ROLES[spine_count].items()}
    spine_keys[spine_count - 1] = "spine3"
    joints = [pelvis + up * (0.08 + (p.torso - 0.08) * i / spine_count) for i in range(spine_count + 1)]
    parent = "pelvis"
    for i in range(spine_count):
        parent = b.add(spine_keys.get(i, f"spine:{i}"), parent, joints[i], joints[i + 1])
    chest, neck_base = parent, joints[-1]

    neck_length = p.neck if neck_count else 0.02
    for i in range(neck_count):
        start, end = (neck_base + up * neck_length * k / neck_count for k in (i, i + 1))
        parent = b.add("neck" if i == 0 else f"neck:{i}", parent, start, end)
    head = neck_base + up * neck_length
    b.add("head", parent, head, head + up * p.head)
    truth |= {role: role for role in (*SPINE_ROLES[spine_count], "spine3", "head")}
    if neck_count:
        truth["neck"] = "neck"
    for side, sign in (("left", 1.0), ("right", -1.0)):
        out = np.array([sign, 0.0, 0.0])
        _arm(b, p, side, out, chest, neck_base, arm_angle, elbow_bend, collars, extras)
        _leg(b, p, side, out, pelvis, leg_spread, knee_bend, toes, extras)
        truth |= {f"{side}_{part}": f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")}
        if collars:
            truth[f"{side}_collar"] = f"{side}_collar"
        if toes:
            truth[f"{side}_foot"] = f"{side}_foot"
    _extra_bones(b, chest, root, front, extras)
    return truth


def _arm(
    b: Builder, p: Proportions, side: str, out: Vector, chest: str, neck_base: Vector, arm_angle: float,
    elbow_bend: float, collars: bool, extras: frozenset[str],
) -> None:  # fmt: skip
    up, front = np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0])
    angle, bend = np.radians(arm_angle), np.radians(elbow_bend)
    down_out = out * np.cos(angle) - up * np.sin(angle)
    inner = neck_base + out * 0.03 - up * 0.04
    shoulder = neck_base + out * (0.03 + p.collar) - up * 0.05
    elbow = shoulder + down_out * p.upper_arm
    along = down_out * np.cos(bend) + front * np.sin(bend)
    wrist = elbow + along * p.forearm
    parent = b.add(f"{side}_collar", chest, inner, shoulder) if collars else chest
    b.add(f"{side}_shoulder", parent, shoulder, elbow)
    b.add(f"{side}_elbow", f"{side}_shoulder", elbow, wrist)
    b.add(f"{side}_wrist", f"{side}_elbow", wrist, wrist + along * p.hand)
    if "twist" in extras:
        b.add(f"{side}_upper_twist", f"{side}_shoulder", shoulder, (shoulder + elbow) / 2)
        b.add(f"{side}_fore_twist", f"{side}_elbow", (elbow + wrist) / 2, wrist)
    if "wrist_helper" in extras:
        b.add(f"{side}_wrist_helper", f"{side}_elbow", wrist, wrist + along * 0.03)
    if "fingers" in extras:
        across = np.cross(along, up) if abs(along[2]) < 0.9 else front
        for finger, offset in enumerate((-0.04, -0.02, 0.0, 0.02, 0.04)):
            parent, start = f"{side}_wrist", wrist + along * p.hand + across * offset
            for segment in range(3):
                parent = b.add(f"{side}_finger:{finger}:{segment}", parent, start, start + along * 0.03)
                start = start + along * 0.03
    elif "ends" in extras:
        b.add(f"{side}_wrist_end", f"{side}_wrist", wrist + along * p.hand, wrist + along * (p.hand + 0.05))
    if "weapon" in extras and side == "right":
        b.add("weapon", "right_wrist", wrist + along * 0.08, wrist + along * 0.08 + front * 0.9)
    if "shoulder_pads" in extras:
        holder = f"{side}_collar" if collars else chest
        b.add(f"{side}_pad", holder, shoulder + up * 0.08, shoulder + up * 0.2)


def _leg(
    b: Builder, p: Proportions, side: str, out: Vector, pelvis: Vector, spread: float, knee_bend: float,
    toes: bool, extras: frozenset[str],
) -> None:  # fmt: skip
    up, front = np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0])
    angle, bend = np.radians(spread), np.radians(knee_bend)
    down_out = -up * np.cos(angle) + out * np.sin(angle)
    hip = pelvis + out * p.hip_width - up * p.hip_drop
    knee = hip + (down_out * np.cos(bend) + front * np.sin(bend)) * p.thigh
    ankle = knee + (down_out * np.cos(bend) - front * np.sin(bend)) * p.shin
    ball = ankle + front * p.foot - up * (ankle[2] * 0.75)
    parent = "pelvis"
    if "pelvis_split" in extras:
        if "lower_body" not in b.keys:
            b.add("lower_body", "pelvis", pelvis, pelvis - up * 0.1)
        parent = "lower_body"
    if "hip_joints" in extras:
        parent = b.add(f"{side}_hip_joint", parent, pelvis, hip)
    b.add(f"{side}_hip", parent, hip, knee)
    b.add(f"{side}_knee", f"{side}_hip", knee, ankle)
    b.add(f"{side}_ankle", f"{side}_knee", ankle, ball)
    if toes:
        b.add(f"{side}_foot", f"{side}_ankle", ball, ball + front * p.toes)
        if "ends" in extras:
            b.add(f"{side}_toe_end", f"{side}_foot", ball + front * p.toes, ball + front * p.toes * 1.5)
    if "twist" in extras:
        b.add(f"{side}_thigh_twist", f"{side}_hip", (hip + knee) / 2, knee)
        b.add(f"{side}_shin_twist", f"{side}_knee", (knee + ankle) / 2, ankle)


def _extra_bones(b: Builder, chest: str, root: str | None, front: Vector, extras: frozenset[str]) -> None:
    up, side_axis = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])
    at = dict(zip(b.keys, b.heads, strict=True))
    pelvis, head = at["pelvis"], at["head"]
    signs = (("left", side_axis), ("right", -side_axis))
    if "ends" in extras:
        top = b.tails[b.keys.index("head")]
        b.add("head_end", "head", top, top + up * 0.1)
    if "face" in extras:
        b.add("jaw", "head", head + front * 0.03, head + front * 0.1)
        for side, out in signs:
            b.add(f"{side}_eye", "head", head + front * 0.08 + up * 0.08 + out * 0.03, head + front * 0.1 + up * 0.08)
    if "hair" in extras:
        for strand, out in enumerate((side_axis * 0.06, -side_axis * 0.06, -front * 0.1)):
            _chain(b, f"hair:{strand}", "head", head + up * 0.15 + out, -up * 0.12 + out, 5)
    if "tail" in extras:
        _chain(b, "tail", "pelvis", pelvis - front * 0.08, -front * 0.12 - up * 0.08, 6)
    if "skirt" in extras:
        for panel, angle in enumerate(np.linspace(0.0, 2.0 * np.pi, 8, endpoint=False)):
            out = np.array([np.cos(angle), np.sin(angle), 0.0])
            _chain(b, f"skirt:{panel}", "pelvis", pelvis + out * 0.12 - up * 0.03, -up * 0.13 + out * 0.04, 3)
    if "long_skirt" in extras:
        for panel, angle in enumerate(np.linspace(0.0, 2.0 * np.pi, 6, endpoint=False)):
            out = np.array([np.cos(angle), np.sin(angle), 0.0])
            length = pelvis[2] * 0.85 / 5.0
            _chain(b, f"long_skirt:{panel}", "pelvis", pelvis + out * 0.13, -up * length + out * 0.05, 5)
    if "wings" in extras:
        for side, out in signs:
            step = out * 0.25 - front * 0.08 + up * 0.06
            _chain(b, f"{side}_wing", chest, at[chest] + out * 0.08 - front * 0.1, step, 4)
    if "breasts" in extras:
        for side, out in signs:
            at_breast = at[chest] + up * 0.05 + out * 0.07 + front * 0.08
            b.add(f"{side}_breast", chest, at_breast, at_breast + front * 0.06)
    if "ik" in extras:
        helpers = {"hand_ik": ("wrist", 0.0), "foot_ik": ("ankle", 0.0), "knee_pole": ("knee", 0.5)}
        for side, _ in signs:
            for key, (joint, offset) in (helpers | {"elbow_pole": ("elbow", -0.5)}).items():
                place = at[f"{side}_{joint}"] + front * offset
                b.add(f"{side}_{key}", root, place, place - front * 0.15)


def _chain(b: Builder, key: str, parent: str, start: Vector, step: Vector, count: int) -> None:
    for index in range(count):
        parent = b.add(f"{key}:{index}", parent, start + step * index, start + step * (index + 1))
