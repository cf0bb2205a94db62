# SPDX-License-Identifier: GPL-3.0-or-later
"""`prepare blend`: an Action on a rig becomes a clip with the motion that was keyed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest

from blender_addon.animation.take import write_take
from blender_addon.retarget import quaternion
from blender_addon.retarget.options import RetargetOptions
from blender_addon.retarget.pipeline import retarget
from blender_addon.rig.blender_snapshot import read_rig
from blender_addon.rig.bone_map import detect
from tests.blender.tracks import metadata
from tests.retarget.motions import GOLDEN_FPS, WALK, golden_motion

CSV = "file,captions,action,start,end\nstroll,a person walks|someone strolls,walk,,\nstroll,the end of a walk,,2,3\n"


@pytest.fixture
def engine() -> str:
    python = os.environ.get("MLD_ENGINE_PYTHON")
    if not python:
        pytest.skip("MLD_ENGINE_PYTHON does not name the engine's Python")
    return python


def test_a_retargeted_take_comes_back_as_the_motion_it_was(armatures, repository: Path, tmp_path: Path, engine) -> None:
    motion = golden_motion(repository, WALK)
    armature = armatures.mixamo()
    # A character that was turned, and stands elsewhere than at the origin.
    armature.matrix_world = armature.matrix_world.Rotation(1.1, 4, "Z") @ armature.matrix_world
    armature.location = (3.0, -2.0, 0.0)
    bpy.context.view_layer.update()
    bpy.context.scene.render.fps = int(GOLDEN_FPS)
    rig = read_rig(armature, bpy.context.evaluated_depsgraph_get())
    track = retarget(motion, rig, detect(rig).bone_map, RetargetOptions(scene_fps=GOLDEN_FPS, foot_lock=False))
    write_take(armature, track, name="stroll", start_frame=11, metadata=metadata())
    other = armatures.chain("Tentacle")
    armatures.action_of_user(other, {"hips": (0.0, 1.0)}, (1, 20), name="Wriggle")
    stretched = armatures.chain("Stretched")
    stretched.scale = (1.0, 2.0, 1.0)
    file = tmp_path / "scène.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    (tmp_path / "captions.csv").write_text(CSV, encoding="utf-8")

    command = [engine, "-m", "mld_engine", "prepare", "blend", str(file), str(tmp_path / "data")]
    told = subprocess.run(
        [*command, "--blender", sys.executable], cwd=repository, capture_output=True, text=True, check=False
    )

    assert told.returncode == 0, told.stdout + told.stderr
    assert "Wriggle: the bones of armature 'Tentacle' are not those of a known body" in told.stdout
    assert "Stretched: “Stretched” is scaled differently along its axes" in told.stdout
    clips = json.loads((tmp_path / "data" / "clips.json").read_text(encoding="utf-8"))
    assert [clip["name"] for clip in clips] == ["stroll", "stroll@2"]
    assert clips[0]["captions"] == ["a person walks", "someone strolls"]
    assert clips[1]["frames"] == round(GOLDEN_FPS)
    frames = min(motion.frames, clips[0]["frames"])
    rotations = np.load(tmp_path / "data" / "rotations.npy")[:frames].astype(np.float64)
    apart = 2.0 * np.degrees(np.arccos(np.abs((rotations * motion.rotations[:frames]).sum(-1)).clip(max=1.0)))
    assert apart[:, 1:].max() < 0.5
    root = np.load(tmp_path / "data" / "root.npy")[:frames]
    facing = quaternion.rotate(rotations[0, 0], [0.0, 0.0, 1.0])
    assert abs(np.degrees(np.arctan2(facing[0], facing[2]))) < 5.0
    travelled, wanted = (np.linalg.norm((path[-1] - path[0])[[0, 2]]) for path in (root, motion.root[:frames]))
    assert travelled == pytest.approx(wanted, rel=0.01)


def test_a_file_that_is_not_there_is_told_in_one_line(repository: Path, tmp_path: Path, engine: str) -> None:
    command = [engine, "-m", "mld_engine", "prepare", "blend", str(tmp_path / "no.blend"), str(tmp_path / "data")]
    told = subprocess.run(
        [*command, "--blender", sys.executable], cwd=repository, capture_output=True, text=True, check=False
    )
    assert told.returncode == 2
    assert told.stderr.startswith("mld_engine: error: There is no file")
