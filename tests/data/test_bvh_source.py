# SPDX-License-Identifier: GPL-3.0-or-later
"""BVH folders: what was written in foreign ways comes back as the motion it was."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mld_engine.contract.skeleton import JOINT_INDEX, REST_OFFSETS
from mld_engine.data.sources import bvh
from mld_engine.data.sources.bvh_file import read_bvh
from mld_engine.data.sources.folder import FolderOptions
from mld_engine.data.sources.found import LeftOut, Note
from mld_engine.data.store import ClipRecord, Dataset
from mld_engine.errors import RequestError
from mld_engine.export.bvh import write_bvh
from mld_engine.motion import Motion
from tests.data.bvh_writer import MIXAMO, Z_UP, bvh_text
from tests.data.comparing import degrees_apart, joints_of


def one_clip(folder: Path) -> ClipRecord:
    clips = [found for found in bvh.read(folder) if isinstance(found, ClipRecord)]
    assert len(clips) == 1
    return clips[0]


def test_our_own_export_comes_back(walk: Motion, tmp_path: Path) -> None:
    write_bvh(tmp_path / "walk.bvh", walk)
    clip = one_clip(tmp_path)
    assert clip.name == "walk"
    apart = degrees_apart(clip.rotations, walk.rotations)
    assert apart[:, :20].max() < 0.1
    # The export's hands end straight to the side; the mapper lays hands along the body's own, which slope.
    assert apart[:, 20:].max() < 3.0
    np.testing.assert_allclose(clip.root[:, [0, 2]], walk.root[:, [0, 2]] - walk.root[0, [0, 2]], atol=2e-3)


@pytest.mark.parametrize(
    ("order", "unit", "axes"),
    [("XYZ", 1.0, None), ("YZX", 39.37, None), ("ZYX", 1000.0, Z_UP), ("XZY", 100.0, -np.eye(3)[[0, 2, 1]])],
    ids=["metres", "inches", "millimetres, Z up", "centimetres, -Z up"],
)
def test_channel_order_unit_and_up_axis_play_no_part(
    walk: Motion, tmp_path: Path, order: str, unit: float, axes: NDArray[np.float64] | None
) -> None:
    (tmp_path / "walk.bvh").write_text(bvh_text(walk, order=order, unit=unit, axes=axes))
    clip = one_clip(tmp_path)
    assert degrees_apart(clip.rotations[:, 1:], walk.rotations[:, 1:]).max() < 0.1
    travelled, wanted = (np.linalg.norm((path[-1] - path[0])[[0, 2]]) for path in (clip.root, walk.root))
    assert travelled == pytest.approx(wanted, rel=0.005)


def test_a_body_of_other_size_walks_as_far_for_its_legs(walk: Motion, tmp_path: Path) -> None:
    child = replace(walk, offsets=walk.offsets * np.float32(0.5), root=walk.root * np.float32(0.5))
    (tmp_path / "walk.bvh").write_text(bvh_text(child))
    clip = one_clip(tmp_path)
    np.testing.assert_allclose(np.diff(clip.root, axis=0), np.diff(walk.root, axis=0), atol=2e-3)


def test_the_frame_rate_is_changed_on_the_shortest_arc(walk: Motion, tmp_path: Path) -> None:
    (tmp_path / "walk.bvh").write_text(bvh_text(replace(walk, fps=60.0)))
    clip = one_clip(tmp_path)
    assert len(clip.root) == (walk.frames + 1) // 2
    assert degrees_apart(clip.rotations[:, 1:], walk.rotations[::2, 1:]).max() < 0.1


def test_bone_axes_that_make_the_zero_pose_inhuman_are_seen_through(walk: Motion, tmp_path: Path) -> None:
    (tmp_path / "walk.bvh").write_text(bvh_text(walk, baked=True))
    notes = [found.message for found in bvh.read(tmp_path) if isinstance(found, Note)]
    assert len(notes) == 1
    assert "its rest pose is no human pose, so frame" in notes[0]
    clip = one_clip(tmp_path)
    wanted = joints_of(walk.rotations, walk.root, REST_OFFSETS)
    seen = joints_of(clip.rotations, clip.root, REST_OFFSETS)
    # Limbs are where they were; trunk and feet are told from one frame only.
    limbs = [JOINT_INDEX[f"{side}_{joint}"] for side in ("left", "right") for joint in ("knee", "ankle")]
    apart = ((seen - seen[:, :1]) - (wanted - wanted[:, :1]))[:, limbs].norm(dim=-1)
    assert float(apart.mean()) < 0.05
    assert degrees_apart(clip.rotations, walk.rotations).mean() < 8.0
    bend = degrees_apart(clip.rotations[:, [4, 5]], np.array([1, 0, 0, 0], np.float32))
    np.testing.assert_allclose(bend, degrees_apart(walk.rotations[:, [4, 5]], np.array([1, 0, 0, 0])), atol=1.0)


def test_captured_files_come_out_as_the_clips_that_were_made_of_them(
    captured: dict[str, ClipRecord], shared_dir: Path, tmp_path: Path, prepare
) -> None:
    source = shared_dir / "data" / "bvh"
    status, told = prepare("bvh", source, tmp_path / "data")
    assert status == 0, told
    assert "nothing was found wrong" in told
    dataset = Dataset.open(tmp_path / "data")
    clips = {clip.name: clip for clip in dataset.clips}
    assert clips["cmu_02_01"].captions == ("a person walks forward", "walk")
    assert clips["cmu_14_31"].licence == "CMU"
    # CMU's first 16 frames at 120 fps, which come from a T-pose, are not in the captured clips.
    pairs = {"cmu_02_01": ("cmu_daz/02_01", 4), "cmu_02_03": ("cmu_daz/02_03", 4), "cmu_05_02": ("cmu_daz/05_02", 4)}
    for name, (other, skipped) in pairs.items():
        apart = _apart(dataset, clips[name], captured[other], skipped)
        assert apart.mean() < 2.5, name
    baked = {"bow": "bow_normal_001", "kick": "kick_normal_001#0", "walk": "walk_normal_001"}
    for action, other in baked.items():
        name = f"bandai_dataset-1_{action}_normal_001"
        apart = _apart(dataset, clips[name], captured[f"bandai1/{other}"], 0)
        assert apart.mean() < 7.0, name


def _apart(dataset: Dataset, clip, other: ClipRecord, skipped: int) -> NDArray[np.float64]:
    """Degrees between local rotations but the pelvis', which was turned to face +Z at another frame."""
    frames = min(clip.frames - skipped, len(other.root))
    start = clip.start + skipped
    return degrees_apart(np.array(dataset.rotations[start : start + frames]), other.rotations[:frames])[:, 1:]


def test_frames_at_the_start_are_dropped(walk: Motion, tmp_path: Path) -> None:
    (tmp_path / "walk.bvh").write_text(bvh_text(walk))
    (clip,) = (found for found in bvh.read(tmp_path, FolderOptions(drop=16)) if isinstance(found, ClipRecord))
    assert len(clip.root) == walk.frames - 16
    assert degrees_apart(clip.rotations[:, 1:], walk.rotations[16:, 1:]).max() < 0.1


def test_files_that_cannot_be_used_are_left_out_with_the_reason(walk: Motion, tmp_path: Path, prepare) -> None:
    text = bvh_text(walk)
    (tmp_path / "good.bvh").write_text(text)
    (tmp_path / "cut.bvh").write_text(text[: len(text) // 2])
    (tmp_path / "other.bvh").write_text("this is something else")
    (tmp_path / "channels.bvh").write_text(text.replace("Zrotation", "Wrotation"))
    (tmp_path / "tentacle.bvh").write_text(
        bvh_text(walk, names=tuple(f"seg{i}" for i in range(22))).replace("seg4", "x")
    )
    (tmp_path / "holes.bvh").write_text(text.rsplit("\n", 3)[0] + "\n" + "nan " * (3 + 22 * 3) * 2)
    (tmp_path / "captions.csv").write_text("file,captions\ngood.bvh,a person walks\ngone.bvh,a person runs\n")
    status, told = prepare("bvh", tmp_path, tmp_path / "data")
    assert status == 0
    assert "cut.bvh is no BVH file that can be read: it has " in told
    assert "other.bvh is no BVH file that can be read: there is no HIERARCHY in line 1" in told
    assert "the channels are not understood in line 5" in told
    assert f"frame {walk.frames - 2} holds numbers that are not finite" in told
    assert "gone.bvh: the CSV names it, but it is not there" in told
    assert [clip.name for clip in Dataset.open(tmp_path / "data").clips] == ["good"]


def test_a_skeleton_that_is_no_body_is_left_out(walk: Motion, tmp_path: Path) -> None:
    (tmp_path / "snake.bvh").write_text(
        "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nCHANNELS 3 Xrotation Yrotation Zrotation\nJOINT b\n{\nOFFSET 0 1 0\n"
        "CHANNELS 3 Xrotation Yrotation Zrotation\nEnd Site\n{\nOFFSET 0 1 0\n}\n}\n}\n"
        "MOTION\nFrames: 2\nFrame Time: 0.03\n0 0 0 0 0 0\n0 0 0 0 0 0\n"
    )
    (left_out,) = bvh.read(tmp_path)
    assert isinstance(left_out, LeftOut)
    assert left_out.reason.startswith("its bones are not those of a human body that is known")


def test_an_empty_folder_and_a_bad_table_are_told(walk: Motion, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"no \.bvh file"):
        list(bvh.read(tmp_path))
    (tmp_path / "walk.bvh").write_text(bvh_text(walk))
    (tmp_path / "captions.csv").write_text("file,caption\nwalk.bvh,a person walks\n")
    with pytest.raises(RequestError, match=r"'caption'.*captions, captions_mirrored"):
        list(bvh.read(tmp_path))


def test_position_channels_on_every_joint_replace_the_offsets(tmp_path: Path) -> None:
    (tmp_path / "arm.bvh").write_text(
        "HIERARCHY\nROOT a\n{\nOFFSET 9 9 9\nCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation\n"
        "JOINT b\n{\nOFFSET 5 5 5\nCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation\nEnd Site\n"
        "{\nOFFSET 0 1 0\n}\n}\n}\nMOTION\nFrames:\t1\nFrame Time:\t0.5\n1 2 3 90 0 0\n\n2 0 0 0 0 0\n"
    )
    file = read_bvh(tmp_path / "arm.bvh")
    assert file.fps == 2.0
    rotations, heads = file.pose()
    np.testing.assert_allclose(heads[0], [[1, 2, 3], [1, 4, 3]], atol=1e-12)
    np.testing.assert_allclose(rotations[0, 1], [np.sqrt(0.5), 0, 0, np.sqrt(0.5)], atol=1e-12)


@pytest.mark.parametrize("layout", ["checkout", "extension"])
def test_the_bone_mapper_is_found_beside_the_engine_and_around_it(
    repository: Path, tmp_path: Path, layout: str
) -> None:
    addon = tmp_path / ("blender_addon" if layout == "checkout" else ".")
    ignore = shutil.ignore_patterns("__pycache__", "packs")
    shutil.copytree(repository / "blender_addon", addon, ignore=ignore, dirs_exist_ok=True)
    for part in ("contract", "data"):
        shutil.copytree(repository / "mld_engine" / part, tmp_path / "mld_engine" / part, ignore=ignore)
    for name in ("__init__.py", "errors.py"):
        shutil.copy(repository / "mld_engine" / name, tmp_path / "mld_engine" / name)
    code = (
        "from mld_engine.data.sources import bone_mapper; import sys; "
        "assert 'bpy' not in sys.modules and 'torch' not in sys.modules; print(bone_mapper.addon_folder())"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert Path(told.stdout.strip()) == addon.resolve()


def test_mixamo_names_are_those_of_the_mapper(walk: Motion, tmp_path: Path) -> None:
    (tmp_path / "walk.bvh").write_text(bvh_text(walk, names=tuple(f"mixamorig:{name}" for name in MIXAMO)))
    (note,) = (found.message for found in bvh.read(tmp_path) if isinstance(found, Note))
    assert "22 of 22 joints found (Mixamo" in note
