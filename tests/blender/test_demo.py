# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo of install_deps.py: a motion of the real engine, a .blend that opens, a picture with seven figures."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
import pytest

FIGURES = 7
PROMPT = "a person walks forward"
SECONDS = 3.0


@dataclass(frozen=True)
class Demo:
    blend: Path
    picture: Path
    told: str


@pytest.fixture(scope="module")
def demo(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """One run of the engine and of the demo's script, each in a process of its own as in install_deps.py."""
    engine = os.environ.get("MLD_ENGINE_PYTHON")
    if not engine:
        pytest.skip("MLD_ENGINE_PYTHON does not name the engine's Python")
    # Letters of other scripts and a space: paths of real users.
    folder = tmp_path_factory.mktemp("démo 試し")
    take = folder / "take.npz"
    generate = ["-m", "mld_engine", "generate", "--text", PROMPT, "--seconds", str(SECONDS), "--seed", "3"]
    subprocess.run([engine, *generate, "--device", "cpu", "--out", str(take)], cwd=repository, check=True)
    made = Demo(folder / "demo.blend", folder / "demo.png", "")
    files = ["--take", str(take), "--blend", str(made.blend), "--picture", str(made.picture)]
    script = repository / "blender_addon" / "demo" / "launch.py"
    told = subprocess.run([sys.executable, str(script), *files], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    return Demo(made.blend, made.picture, told.stdout)


def test_the_blend_file_opens_with_a_character_that_plays_the_take(demo: Demo) -> None:
    bpy.ops.wm.open_mainfile(filepath=str(demo.blend))
    scene = bpy.context.scene
    armature = bpy.context.view_layer.objects.active
    assert armature is not None
    assert armature.type == "ARMATURE"
    action = armature.animation_data.action
    assert action["mld_prompt"] == PROMPT
    assert action["mld_seed"] == 3
    assert (scene.frame_start, scene.frame_end) == (1, 1 + round(SECONDS * scene.render.fps))
    assert scene.camera is not None
    assert {item.type for item in scene.objects} == {"ARMATURE", "MESH", "CAMERA", "LIGHT"}
    assert not any(item.name.startswith(("Pose", "Lettering")) for item in scene.objects)
    hips = armature.pose.bones["pelvis"]
    places = []
    for frame in (scene.frame_start, scene.frame_end):
        scene.frame_set(frame)
        places.append(armature.matrix_world @ hips.head)
    assert (places[1] - places[0]).length > 1.0


def test_the_camera_of_the_blend_file_sees_the_character_all_the_time(demo: Demo) -> None:
    from bpy_extras.object_utils import world_to_camera_view

    bpy.ops.wm.open_mainfile(filepath=str(demo.blend))
    scene = bpy.context.scene
    armature = bpy.context.view_layer.objects.active
    for frame in range(scene.frame_start, scene.frame_end + 1, 10):
        scene.frame_set(frame)
        for bone in armature.pose.bones:
            seen = world_to_camera_view(scene, scene.camera, armature.matrix_world @ bone.head)
            assert 0.0 < seen.x < 1.0
            assert 0.0 < seen.y < 1.0
            assert seen.z > 0.0


def test_the_picture_shows_seven_separate_figures_on_a_light_ground(demo: Demo) -> None:
    image = bpy.data.images.load(str(demo.picture))
    width, height = image.size
    assert (width, height) == (1600, 500)
    pixels = np.empty(width * height * 4, dtype=np.float32)
    image.pixels.foreach_get(pixels)
    rows = pixels.reshape(height, width, 4)[:, :, :3]
    assert np.median(rows) > 0.8
    # Wood is warm: much more red than blue, which neither the floor nor the lettering is.
    wood = (rows[..., 0] - rows[..., 2]) > 0.12
    # Heads and trunks do not overlap: count the runs of columns that hold some of them.
    columns = wood[int(0.45 * height) :].sum(axis=0) > 3
    starts = np.flatnonzero(np.diff(columns.astype(int)) == 1)
    assert len(starts) >= FIGURES
    shares = [wood[:, left:right].mean() for left, right in zip(*_slots(width), strict=True)]
    assert min(shares) > 0.03, shares


def test_it_tells_what_it_did(demo: Demo) -> None:
    told = [line for line in demo.told.splitlines() if line.startswith("mld: ")]
    assert [line.split(" ")[1] for line in told] == ["90", "saved", "rendered"]


def test_a_file_that_is_no_motion_is_refused_in_one_line(repository: Path, tmp_path: Path) -> None:
    take = tmp_path / "take.npz"
    take.write_bytes(b"no motion")
    script = repository / "blender_addon" / "demo" / "launch.py"
    files = ["--take", str(take), "--blend", str(tmp_path / "d.blend"), "--picture", str(tmp_path / "d.png")]
    told = subprocess.run([sys.executable, str(script), *files], capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "is not a motion in AMASS layout" in told.stderr
    assert "Traceback" not in told.stderr
    assert not (tmp_path / "d.blend").exists()


def _slots(width: int) -> tuple[list[int], list[int]]:
    """Left and right ends of the picture's parts, one a figure."""
    ends = [round(width * index / FIGURES) for index in range(FIGURES + 1)]
    return ends[:-1], ends[1:]
