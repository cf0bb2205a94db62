# SPDX-License-Identifier: GPL-3.0-or-later
"""The characters that the bench measures: each one is loaded into an empty file when its turn comes."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

import bpy
import numpy as np
from mathutils import Matrix, Vector

from blender_addon.control_rigs.description import Mode
from blender_addon.rig.blender_mannequin import add_mannequin
from blender_addon.rig.snapshot import RigSnapshot
from tests.blender import armatures, generated_rigs
from tests.retarget.limb_oracle import Array, about_z
from tests.rig.humanoids import random_humanoid

REPOSITORY: Final = Path(__file__).resolve().parents[2]
QUARTER_TURNS: Final = (0.0, 90.0, 180.0, 270.0)
"""Degrees by which the synthetic characters are turned inside their armatures, one after the other."""


@dataclass(frozen=True, eq=False)
class BenchRig:
    """One line of the table."""

    name: str
    load: Callable[[], bpy.types.Object]
    """Into an empty file; returns the armature at rest."""
    joints: Mapping[str, str] | None = None
    """Role -> the bone that begins at that joint; None for the bones that are detected."""
    facing: Array = field(default_factory=lambda: np.eye(3))
    """Turns a character that faces -Y into this one."""
    mode: Mode = "FK"
    """Which controls of a control rig are driven."""


def all_rigs(synthetic: int, folder: Path) -> Iterator[BenchRig]:
    """Every character of the bench, `synthetic` random ones at the end. `folder` keeps files between rigs."""
    yield BenchRig("mannequin", lambda: add_mannequin(bpy.context))
    yield BenchRig("rigify metarig", armatures.human_metarig)
    generated = partial(_generated, folder / "generated.blend")
    yield BenchRig("rigify generated, FK", generated, generated_rigs.JOINTS)
    yield BenchRig("rigify generated, IK", generated, generated_rigs.JOINTS, mode="IK")
    yield BenchRig("mixamo", armatures.mixamo)
    for file in character_files():
        yield BenchRig(file.stem, partial(imported_character, file))
    for seed in range(synthetic):
        degrees = QUARTER_TURNS[seed % len(QUARTER_TURNS)]
        snapshot, truth = random_humanoid(seed, facing_degrees=degrees)
        yield BenchRig(f"synthetic {seed}", partial(from_snapshot, snapshot), truth, about_z(degrees))


def characters_folder() -> Path:
    """The characters of the test data, which are not part of the repository: see `tests/conftest.py`."""
    return Path(os.environ.get("MLD_TEST_DATA") or REPOSITORY.parent / "shared") / "rigs"


def character_files() -> list[Path]:
    return sorted(characters_folder().glob("*.glb"))


def imported_character(file: Path) -> bpy.types.Object:
    """A glTF character without the actions that came with it."""
    armature = armatures.imported(file)
    armature.animation_data_clear()
    return armature


def empty_file() -> None:
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


def remove_all_but(armature: bpy.types.Object) -> None:
    """Leave the armature alone in the file: skinned meshes would be deformed on every frame."""
    bpy.data.batch_remove([item for item in bpy.data.objects if item != armature])
    bpy.context.view_layer.update()


def from_snapshot(snapshot: RigSnapshot) -> bpy.types.Object:
    """The armature that `read_rig` would read that snapshot from."""
    names = snapshot.bone_names
    parents = [names[parent] if parent >= 0 else "" for parent in snapshot.parents]
    ends = [[Vector(point) for point in points.tolist()] for points in (snapshot.heads, snapshot.tails)]
    world = Matrix(snapshot.world.tolist())
    armature = armatures.new_armature(snapshot.name, list(zip(names, parents, *ends, strict=True)), world)
    bpy.ops.object.mode_set(mode="EDIT")
    for name, rest in zip(names, snapshot.rest, strict=True):
        armature.data.edit_bones[name].align_roll(Vector(rest[:3, 2].tolist()))
    bpy.ops.object.mode_set(mode="OBJECT")
    return armature


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="retarget-bench-")


def leave(status: int) -> NoReturn:
    """End the program without Blender's own clean-up, which crashes the 4.2 module once Rigify was enabled in it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _generated(file: Path) -> bpy.types.Object:
    """Rigify's generated human, made once: generating takes many seconds."""
    if not file.is_file():
        with armatures.rigify_enabled():
            generated_rigs.generate("human", file)
    bpy.ops.wm.open_mainfile(filepath=str(file))
    rig = bpy.data.objects[generated_rigs.NAME]
    bpy.context.view_layer.objects.active = rig
    return rig
