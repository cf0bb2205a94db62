# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bench measures on one character. Poses are those of Blender's evaluated depsgraph while the take plays."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import bpy
import numpy as np

from blender_addon.animation import compat
from blender_addon.animation.take import write_take
from blender_addon.control_rigs.blender_mechanism import read_mechanism
from blender_addon.control_rigs.description import Mode
from blender_addon.control_rigs.drive import Driven, retarget_rig
from blender_addon.retarget.key_reduction import Mode as KeyReduction
from blender_addon.retarget.options import RetargetOptions
from blender_addon.retarget.source_motion import SourceMotion
from blender_addon.rig.blender_snapshot import read_rig
from blender_addon.rig.bone_map import BoneMap, Detection, detect
from blender_addon.rig.snapshot import RigSnapshot
from tests.bench.rigs import BenchRig, empty_file, remove_all_but
from tests.blender.tracks import metadata
from tests.retarget import foot_oracle, limb_oracle
from tests.retarget.limb_oracle import Array

EFFECTORS: Final = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))


@dataclass(frozen=True)
class Quality:
    """One take on one character, or the worst of several. `free`: without foot lock; `locked`: with it."""

    limb_mean_free: float
    limb_max_free: float
    limb_mean_locked: float
    limb_max_locked: float
    """Degrees between a limb and the skeleton's."""
    effector_mean: float
    effector_max: float
    """Distance of hands and feet from where the skeleton's are, seen from shoulder and hip, in limb lengths; free."""
    slide_free: float
    slide_locked: float
    """Centimetres within a contact phase."""
    sink_locked: float
    """Millimetres by which an ankle or toe joint is below its height at rest."""
    knee_ratio: float
    """Fastest knee, locked over free: `foot_oracle.knee_ratio`."""
    dense_keys: int
    bezier_keys: int
    reduction_degrees: float
    """Most that a keyed bone is turned away from the take with a key on every frame."""
    reduction_mm: float
    """Most that a hand or foot is away from where that take has it."""

    @property
    def key_ratio(self) -> float:
        return self.dense_keys / self.bezier_keys


@dataclass(frozen=True)
class Timing:
    """Milliseconds, medians of several runs."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Costs:
    """Of the timed take."""

    solve: Timing
    """Retargeting with foot lock, onto the controls where there are any."""
    write: Timing
    """A new Action with a key on every frame."""
    write_bezier: Timing
    """The same with few keys, the search for them included."""
    bones: int
    curves: int


@dataclass(frozen=True, eq=False)
class Loaded:
    """A character in the present file."""

    armature: bpy.types.Object
    rig: RigSnapshot
    detection: Detection
    joints: Mapping[str, str]
    facing: Array
    drive: Callable[[SourceMotion, bool], Driven]
    """(motion, foot lock) -> track at the motion's own frame rate."""


@dataclass(frozen=True, eq=False)
class Played:
    heads: dict[str, Array]
    """Role -> (F, 3) world position of the joint."""
    channels: dict[str, Array]
    """Keyed bone -> (F, 3, 3) rotation of its channels."""
    keys: int


def load(bench_rig: BenchRig) -> Loaded:
    """The character, alone in an empty file."""
    empty_file()
    armature = bench_rig.load()
    remove_all_but(armature)
    return read(armature, bench_rig.joints, bench_rig.facing, bench_rig.mode)


def read(
    armature: bpy.types.Object,
    joints: Mapping[str, str] | None = None,
    facing: Array | None = None,
    mode: Mode = "FK",
) -> Loaded:
    """A character of the present file, with its bones as they are detected; arguments as in `BenchRig`."""
    rig = read_rig(armature, bpy.context.evaluated_depsgraph_get())
    detection = detect(rig)
    mechanism = read_mechanism(armature, bpy.context.evaluated_depsgraph_get())

    def drive(motion: SourceMotion, foot_lock: bool) -> Driven:
        options = RetargetOptions(scene_fps=motion.fps, foot_lock=foot_lock)
        bone_map = BoneMap(detection.bone_map.bones)
        return retarget_rig(motion, rig, bone_map, options, mode=mode, mechanism=mechanism)

    facing = np.eye(3) if facing is None else facing
    return Loaded(armature, rig, detection, joints or detection.bone_map.bones, facing, drive)


def quality(character: Loaded, motion: SourceMotion) -> Quality:
    bpy.context.scene.render.fps = round(motion.fps)
    free_track, locked_track = character.drive(motion, False), character.drive(motion, True)
    free = _play(character, free_track, "NONE")
    locked = _play(character, locked_track, "NONE")
    reduced = _play(character, locked_track, "BEZIER")
    contacts = locked_track.track.contacts
    rest = {role: character.rig.rest_world[character.rig.index(bone), :3, 3] for role, bone in character.joints.items()}
    limbs = [_limb_errors(motion, played.heads, character.facing) for played in (free, locked)]
    effectors = _effector_errors(motion, free.heads, character.facing)
    turned = [limb_oracle.rotation_degrees(locked.channels[bone], reduced.channels[bone]) for bone in locked.channels]
    ends = [role for role in locked.heads if role.endswith(("wrist", "ankle"))]
    shifted = [np.linalg.norm(locked.heads[role] - reduced.heads[role], axis=-1) for role in ends]
    return Quality(
        limb_mean_free=float(limbs[0].mean()),
        limb_max_free=float(limbs[0].max()),
        limb_mean_locked=float(limbs[1].mean()),
        limb_max_locked=float(limbs[1].max()),
        effector_mean=float(effectors.mean()),
        effector_max=float(effectors.max()),
        slide_free=100.0 * float(foot_oracle.slides(free.heads, contacts).max(initial=0.0)),
        slide_locked=100.0 * float(foot_oracle.slides(locked.heads, contacts).max(initial=0.0)),
        sink_locked=1000.0 * foot_oracle.deepest(locked.heads, rest),
        knee_ratio=foot_oracle.knee_ratio(free.heads, locked.heads, motion.fps),
        dense_keys=locked.keys,
        bezier_keys=reduced.keys,
        reduction_degrees=float(np.max(turned)),
        reduction_mm=1000.0 * float(np.max(shifted)),
    )


def joint_heads(character: Loaded, driven: Driven, roles: Mapping[str, str]) -> Mapping[str, Array]:
    """Role -> (F, 3) world position of the joint: worked out where the bones themselves are keyed, else played."""
    if driven.rig is character.rig:
        return limb_oracle.joint_heads(character.rig, roles, driven.track)
    return _play(character, driven, "NONE").heads


def worst(parts: Sequence[Quality]) -> Quality:
    """Means of means and key counts in sum; of everything else the largest."""
    values = {name: [getattr(part, name) for part in parts] for name in Quality.__dataclass_fields__}
    return Quality(
        **{
            name: sum(column) if name.endswith("keys") else statistics.fmean(column) if "mean" in name else max(column)
            for name, column in values.items()
        }
    )


def costs(character: Loaded, motion: SourceMotion, runs: int) -> Costs:
    bpy.context.scene.render.fps = round(motion.fps)
    driven = character.drive(motion, True)
    action = _write(character, driven, "NONE")
    curves = len(list(compat.fcurves(action)))
    bpy.data.actions.remove(action)
    return Costs(
        solve=_timed(lambda: character.drive(motion, True), runs),
        write=_timed(lambda: _write(character, driven, "NONE"), runs, bpy.data.actions.remove),
        write_bezier=_timed(lambda: _write(character, driven, "BEZIER"), runs, bpy.data.actions.remove),
        bones=len(driven.track.bones),
        curves=curves,
    )


def _timed(work: Callable[[], object], runs: int, tidy: Callable[..., object] = lambda result: None) -> Timing:
    cpu, wall = [], []
    for _ in range(runs):
        begun = time.process_time(), time.perf_counter()
        result = work()
        cpu.append(1000.0 * (time.process_time() - begun[0]))
        wall.append(1000.0 * (time.perf_counter() - begun[1]))
        tidy(result)
    return Timing(statistics.median(cpu), statistics.median(wall))


def _write(character: Loaded, driven: Driven, key_reduction: KeyReduction) -> bpy.types.Action:
    return write_take(
        character.armature,
        driven.track,
        start_frame=0,
        metadata=metadata(),
        key_reduction=key_reduction,
        rig=driven.rig,
        bone_map=driven.bone_map,
    )


def _play(character: Loaded, driven: Driven, key_reduction: KeyReduction) -> Played:
    """Key the track, read the pose on every frame, and take the Action away again."""
    action = _write(character, driven, key_reduction)
    keys = sum(len(curve.keyframe_points) for curve in compat.fcurves(action))
    heads: dict[str, list[Array]] = {role: [] for role in character.joints}
    channels: dict[str, list[Array]] = {bone: [] for bone in driven.track.rotations}
    for frame in range(driven.track.frame_count):
        bpy.context.scene.frame_set(frame)
        posed = character.armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        world = np.array(posed.matrix_world)
        for role, bone in character.joints.items():
            heads[role].append(world @ np.array([*posed.pose.bones[bone].head, 1.0]))
        for bone, turned in channels.items():
            turned.append(np.array(posed.pose.bones[bone].matrix_basis.to_quaternion().to_matrix()))
    bpy.data.actions.remove(action)
    return Played(
        {role: np.array(points)[:, :3] for role, points in heads.items()},
        {bone: np.array(turned) for bone, turned in channels.items()},
        keys,
    )


def _limb_errors(motion: SourceMotion, heads: Mapping[str, Array], facing: Array) -> Array:
    """Degrees (limbs, T)."""
    within = {role: points[: motion.frames] for role, points in heads.items()}
    return np.stack(list(limb_oracle.limb_errors(motion, within, facing).values()))


def _effector_errors(motion: SourceMotion, heads: Mapping[str, Array], facing: Array) -> Array:
    """Shares (4, T) of the limb's length; the skeleton's limbs are scaled to the character's."""
    joints, _ = limb_oracle.skeleton_pose(motion)

    def reach(points: Mapping[str, Array], side: str, parts: tuple[str, str, str]) -> Array:
        upper, middle, end = (points[f"{side}_{part}"][: motion.frames] for part in parts)
        length = np.linalg.norm(middle - upper, axis=-1).mean() + np.linalg.norm(end - middle, axis=-1).mean()
        return np.asarray((end - upper) / length)

    return np.stack([
        np.linalg.norm(reach(heads, side, parts) - reach(joints, side, parts) @ facing.T, axis=-1)
        for side in ("left", "right")
        for parts in EFFECTORS
    ])  # fmt: skip
