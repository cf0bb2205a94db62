# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion files on an armature: imported as takes, exported as the engine writes them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import zipfile
from pathlib import Path

import bpy
import numpy as np
import pytest

from blender_addon.animation import compat, takes
from blender_addon.animation.source import read_source_take
from blender_addon.contract import amass, skeleton
from blender_addon.retarget.source_motion import SourceMotion
from tests.blender import golden_takes
from tests.blender.panel_session import refusal
from tests.retarget import motions

REQUEST = {**golden_takes.META, "seconds": 4.0, "device": "cpu", "warnings": []}


@pytest.fixture(autouse=True)
def registered(addon) -> None:
    pass


STILL = {"poses": np.zeros((30, 66)), "trans": np.zeros((30, 3)), "fps": 30}


def claiming(shape: str) -> bytes:
    """A file whose poses say that they have this shape."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("poses.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    return buffer.getvalue()


def golden_arrays(repository: Path, take: int = motions.WALK) -> tuple[SourceMotion, list[np.ndarray]]:
    motion = motions.golden_motion(repository, take)
    return motion, [np.float32(a) for a in (motion.rotations, motion.root, motion.contacts, motion.offsets)]


def own_file(path: Path, repository: Path) -> SourceMotion:
    """As `generate` writes it."""
    motion, arrays = golden_arrays(repository)
    path.write_bytes(amass.to_bytes(*arrays, motion.fps, {**REQUEST, "seconds": motion.seconds}))
    return motion


def foreign_file(path: Path, repository: Path, *, lift: float = 0.3, **changed: object) -> SourceMotion:
    """As AMASS has it: neither contacts nor skeleton, and a body whose feet would not meet the floor."""
    motion = own_file(path, repository)
    with np.load(path) as file:
        arrays = {key: file[key] for key in ("poses", "trans", "betas")}
    arrays["trans"] = arrays["trans"] + np.array([0.0, 0.0, lift])
    np.savez(path, **{**arrays, "gender": np.array(b"female"), "mocap_framerate": motion.fps, **changed})
    return motion


def curves(action: bpy.types.Action) -> dict[tuple[str, int], np.ndarray]:
    return {
        (curve.data_path, curve.array_index): np.array([tuple(point.co) for point in curve.keyframe_points])
        for curve in compat.fcurves(action)
    }


def test_an_own_file_gives_the_same_take_as_the_engine(metarig, repository: Path, tmp_path: Path) -> None:
    made = curves(golden_takes.key(metarig, repository))
    own_file(tmp_path / "walk.npz", repository)
    assert bpy.ops.mld.import_motion(filepath=str(tmp_path / "walk.npz")) == {"FINISHED"}
    action = metarig.animation_data.action
    assert (action["mld_prompt"], action["mld_seed"], action["mld_file"]) == ("a person walks", 3, "walk.npz")
    assert takes.make_request(action)["text"] == "a person walks"
    imported = curves(action)
    assert imported.keys() == made.keys()
    for path, points in made.items():
        np.testing.assert_allclose(imported[path], points, atol=2e-5, err_msg=str(path))


@pytest.mark.parametrize("rig", ["mannequin", "metarig"])
def test_a_foreign_clip_stands_on_the_floor(rig: str, request, repository: Path, tmp_path: Path) -> None:
    armature = request.getfixturevalue(rig)
    golden_takes.set_panel(foot_lock=False)
    plain = golden_takes.key(armature, repository, foot_lock=False)
    wanted = golden_takes.joints(armature, range(1, 91, 10))
    foreign_file(tmp_path / "05_08_poses.npz", repository)
    bpy.ops.mld.import_motion(filepath=str(tmp_path / "05_08_poses.npz"))
    action = armature.animation_data.action
    assert action != plain
    assert action.name == "05_08_poses"
    np.testing.assert_allclose(golden_takes.joints(armature, range(1, 91, 10)), wanted, atol=0.015)


def test_estimated_contacts_are_those_of_the_motion(mannequin, repository: Path, tmp_path: Path) -> None:
    motion = foreign_file(tmp_path / "walk.npz", repository)
    golden_takes.set_panel()
    bpy.ops.mld.import_motion(filepath=str(tmp_path / "walk.npz"))
    found = read_source_take(mannequin.animation_data.action).contacts > 0.5
    assert (found == (motion.contacts > 0.5)).mean() > 0.85


def test_an_imported_take_is_a_take(mannequin, repository: Path, tmp_path: Path) -> None:
    foreign_file(tmp_path / "walk.npz", repository)
    golden_takes.set_panel(start_at_playhead=True)
    bpy.context.scene.frame_set(20)
    bpy.ops.mld.import_motion(filepath=str(tmp_path / "walk.npz"))
    action = mannequin.animation_data.action
    assert tuple(action.frame_range) == (20.0, 140.0)
    assert action["mld_prompt"] == action["mld_action"] == action["mld_pack"] == ""
    assert takes.read_metadata(action).file == "walk.npz"
    assert takes.active_take(mannequin) == action
    if os.environ.get("MLD_ENGINE_PYTHON"):
        said = refusal(bpy.ops.mld.regenerate)
        assert "imported from the file walk.npz" in said
        assert "Generate" in said
    dense = sum(len(points) for points in curves(action).values())
    golden_takes.set_panel(key_reduction="LINEAR", in_place=True)
    assert bpy.ops.mld.rekey_take() == {"FINISHED"}
    assert sum(len(points) for points in curves(action).values()) < 0.8 * dense
    assert bpy.ops.mld.bake_to_nla() == {"FINISHED"}
    assert mannequin.animation_data.nla_tracks[0].strips[0].action == action


def test_spellings_of_other_programs(mannequin, repository: Path, tmp_path: Path) -> None:
    """The 72 values of SMPL, the keys of SMPL-X's stageii files with their pickled arrays, and 22 joints alone."""
    golden_takes.set_panel()
    foreign_file(tmp_path / "smplh.npz", repository)
    with np.load(tmp_path / "smplh.npz") as file:
        poses, trans = file["poses"], file["trans"]
    pickled = np.array({"any": "thing"}, object)
    clips = {
        "smpl": {"poses": poses[:, :72], "trans": trans, "mocap_framerate": 30},
        "stageii": {
            "poses": np.pad(poses[:, :66], ((0, 0), (0, 99))), "trans": trans, "mocap_frame_rate": 30.0,
            "surface_model_type": "smplx", "gender": "neutral", "markers_latent_vids": pickled, "labels": pickled,
        },
        "parts": {
            "root_orient": poses[:, :3], "pose_body": poses[:, 3:66],
            "trans": trans, "mocap_frame_rate": np.array([30]),
        },
        "joints": {"poses": poses[:, :66].reshape(-1, 22, 3), "transl": trans, "fps": 30},
    }  # fmt: skip
    found = []
    for name, arrays in clips.items():
        np.savez(tmp_path / f"{name}.npz", **arrays)
        bpy.ops.mld.import_motion(filepath=str(tmp_path / f"{name}.npz"))
        found.append(read_source_take(mannequin.animation_data.action))
    for take in found[1:]:
        np.testing.assert_allclose(take.rotations, found[0].rotations, atol=1e-6)
        np.testing.assert_allclose(take.root, found[0].root, atol=1e-6)


def test_ten_thousand_frames_at_120_per_second(mannequin, tmp_path: Path) -> None:
    frames = 10_000
    poses = np.zeros((frames, 156), np.float32)
    poses[:, 0] = np.pi / 2
    poses[:, 3 * 16 + 2] = -1.0 + 0.4 * np.sin(np.arange(frames) / 60.0)
    np.savez(tmp_path / "long.npz", poses=poses, trans=np.tile([0.0, 0.0, 1.1], (frames, 1)), mocap_framerate=120.0)
    bpy.context.scene.render.fps = 24
    bpy.ops.mld.import_motion(filepath=str(tmp_path / "long.npz"))
    action = mannequin.animation_data.action
    assert tuple(action.frame_range) == (1.0, 2001.0)
    bpy.context.scene.frame_set(1001)
    ankle = mannequin.matrix_world @ mannequin.pose.bones["left_ankle"].head
    assert ankle.z == pytest.approx(skeleton.ANKLE_HEIGHT, abs=0.01)
    turned = mannequin.pose.bones["left_elbow"].head - mannequin.pose.bones["left_shoulder"].head
    angle = np.degrees(np.arctan2(-turned.z, turned.x))
    assert angle == pytest.approx(np.degrees(1.0 - 0.4 * np.sin(5000 / 60.0)), abs=4.0)


@pytest.mark.parametrize(
    ("name", "arrays", "said"),
    [
        ("none.npz", None, "There is no file"),
        ("clip.pkl", b"\x80\x02.", "is a pickle"),
        ("named.npz", b"\x80\x02.", "is a pickle"),
        ("text.npz", b"hello", "no .npz"),
        ("poses.npz", {"trans": np.zeros((2, 3))}, "has no poses"),
        ("trans.npz", {"poses": np.zeros((2, 156))}, "has no trans"),
        ("rate.npz", {"poses": np.zeros((2, 156)), "trans": np.zeros((2, 3))}, "has no mocap_framerate"),
        ("still.npz", {"poses": np.zeros((1, 156)), "trans": np.zeros((1, 3)), "fps": 30}, "single pose"),
        ("hand.npz", {"poses": np.zeros((2, 48)), "trans": np.zeros((2, 3)), "fps": 30}, "48 values a frame"),
        ("zero.npz", {"poses": np.zeros((2, 66)), "trans": np.zeros((2, 3)), "fps": 0}, "0 frames per second"),
        ("nan.npz", {"poses": np.full((2, 66), np.nan), "trans": np.zeros((2, 3)), "fps": 30}, "not finite"),
        ("object.npz", {"poses": np.array([{}], object), "trans": np.zeros((1, 3)), "fps": 30}, "stored as a pickle"),
        ("words.npz", {"poses": np.array(["a"]), "trans": np.zeros((1, 3)), "fps": 30}, "no numbers"),
        ("years.npz", {"poses": np.zeros((9, 66)), "trans": np.zeros((9, 3)), "fps": 1e-4}, "frames per second"),
        ("far.npz", {"poses": np.zeros((2, 66)), "trans": np.full((2, 3), 1e300), "fps": 30}, "as large as 1e+300"),
        ("part.npz", {"root_orient": 1.0, "pose_body": 2.0, "trans": np.zeros((1, 3)), "fps": 30}, "2 values a frame"),
        ("pelvis.npz", {**STILL, "meta": json.dumps({"rest_pelvis": {"a": 1}})}, "rest pelvis in it is no point"),
        ("bones.npz", {**STILL, "offsets": np.zeros((22, 3))}, "bones of no length"),
        ("claims.npz", claiming("(99999999999999999999, 66)"), "it is damaged (OverflowError)"),
    ],
)
def test_files_that_are_refused(mannequin, tmp_path: Path, name: str, arrays, said: str) -> None:
    path = tmp_path / name
    if isinstance(arrays, bytes):
        path.write_bytes(arrays)
    elif arrays is not None:
        np.savez(path, **arrays)
    message = refusal(lambda: bpy.ops.mld.import_motion(filepath=str(path)))
    assert said in message
    assert name in message
    assert not bpy.data.actions
    assert mannequin.animation_data is None


def test_paths_that_name_no_file(mannequin, tmp_path: Path) -> None:
    for path, said in (
        ("~nobody-of-that-name/walk.npz", "There is no file"),
        ("//walk.npz", "was not saved yet"),
        (str(tmp_path), "cannot be read: Is a directory"),
        (str(tmp_path / ("x" * 300 + ".npz")), "cannot be read: File name too long"),
    ):
        assert said in refusal(lambda path=path: bpy.ops.mld.import_motion(filepath=path))


@pytest.mark.parametrize("changed", [{"text": "half \ud800"}, {"steps": 2**40}], ids=["text", "steps"])
def test_a_request_that_no_take_can_hold_is_left_out(mannequin, tmp_path: Path, changed: dict[str, object]) -> None:
    golden_takes.set_panel()
    np.savez(tmp_path / "still.npz", **STILL, meta=json.dumps({**REQUEST, "seconds": 1.0, **changed}))
    assert bpy.ops.mld.import_motion(filepath=str(tmp_path / "still.npz")) == {"FINISHED"}
    assert takes.read_metadata(mannequin.animation_data.action).has_request is False


def test_no_take_runs_past_the_last_frame_of_blender(mannequin, tmp_path: Path) -> None:
    golden_takes.set_panel(start_at_playhead=True)
    np.savez(tmp_path / "still.npz", **STILL)
    bpy.context.scene.frame_set(1_048_550)
    said = refusal(lambda: bpy.ops.mld.import_motion(filepath=str(tmp_path / "still.npz")))
    assert "would end on frame 1048580" in said
    assert mannequin.animation_data is None


def test_the_exported_file_is_the_engines(mannequin, repository: Path, tmp_path: Path) -> None:
    golden_takes.key(mannequin, repository)
    assert bpy.ops.mld.export_motion(filepath=str(tmp_path / "walk")) == {"FINISHED"}
    motion, arrays = golden_arrays(repository)
    meta = {**golden_takes.META, "seconds": motion.seconds}
    assert (tmp_path / "walk.npz").read_bytes() == amass.to_bytes(*arrays, motion.fps, meta)
    assert [entry.name for entry in tmp_path.iterdir()] == ["walk.npz"]


def test_the_engine_itself_writes_the_same_bytes(mannequin, repository: Path, tmp_path: Path) -> None:
    engine = os.environ.get("MLD_ENGINE_PYTHON")
    if not engine:
        pytest.skip("MLD_ENGINE_PYTHON is not set: it names the Python of an environment with the engine's packages")
    golden_takes.key(mannequin, repository)
    bpy.ops.mld.export_motion(filepath=str(tmp_path / "addon.npz"))
    motion, arrays = golden_arrays(repository)
    meta = {**golden_takes.META, "seconds": motion.seconds}
    np.savez(tmp_path / "arrays.npz", *arrays)
    code = (
        "import json, sys, numpy as np; from pathlib import Path; from mld_engine.motion import Motion;"
        "from mld_engine.export.amass import write_amass; file = np.load(sys.argv[1]);"
        "arrays = [file[name] for name in file.files];"
        "write_amass(Path(sys.argv[2]), Motion(*arrays, float(sys.argv[3]), json.loads(sys.argv[4])))"
    )
    out = tmp_path / "engine.npz"
    arguments = [str(tmp_path / "arrays.npz"), str(out), str(motion.fps), json.dumps(meta)]
    subprocess.run([engine, "-B", "-c", code, *arguments], cwd=repository, check=True, timeout=120)
    assert (tmp_path / "addon.npz").read_bytes() == out.read_bytes()


def test_exporting_needs_a_take_with_its_motion_and_a_folder(mannequin, repository: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "gone" / "walk.npz")
    assert "plays no take" in refusal(lambda: bpy.ops.mld.export_motion(filepath=path))
    action = golden_takes.key(mannequin, repository)
    assert "was not written" in refusal(lambda: bpy.ops.mld.export_motion(filepath=path))
    del action["mld_source"]
    assert "not stored" in refusal(lambda: bpy.ops.mld.export_motion(filepath=path))


def test_what_is_imported_comes_out_again(mannequin, repository: Path, tmp_path: Path) -> None:
    foreign_file(tmp_path / "in.npz", repository)
    golden_takes.set_panel()
    bpy.ops.mld.import_motion(filepath=str(tmp_path / "in.npz"))
    bpy.ops.mld.export_motion(filepath=str(tmp_path / "out.npz"))
    with np.load(tmp_path / "in.npz") as given, np.load(tmp_path / "out.npz") as back:
        np.testing.assert_allclose(back["poses"], given["poses"], atol=2e-6)
        level = back["trans"] - given["trans"]
        np.testing.assert_allclose(level[:, :2], 0.0, atol=1e-6)
        np.testing.assert_allclose(level[:, 2], level[0, 2], atol=1e-6)
        assert float(back["mocap_framerate"]) == 30.0


def test_z_up_becomes_blenders_z_up(mannequin, repository: Path, tmp_path: Path) -> None:
    """The hips go where `trans` says, whatever became of axes on the way."""
    foreign_file(tmp_path / "walk.npz", repository)
    golden_takes.set_panel(foot_lock=False)
    bpy.ops.mld.import_motion(filepath=str(tmp_path / "walk.npz"))
    hips = golden_takes.joints(mannequin, [1, 121], ["pelvis"])[:, 0, :3, 3]
    with np.load(tmp_path / "walk.npz") as file:
        wanted = file["trans"][-1] - file["trans"][0]
    np.testing.assert_allclose(hips[1] - hips[0], wanted, atol=0.02)
