# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of SMPL's layout in Blender, read by the real smplx in the engine's environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import bpy
import numpy as np
import pytest

from blender_addon import targets
from blender_addon.contract import axes, body, skeleton
from blender_addon.smpl_body.blender_shape import body_mesh, sliders
from tests import body_files
from tests.blender import golden_takes
from tests.blender.panel_session import refusal, skip_without_engine
from tests.retarget import motions

MODELS = {"SMPL": ("smpl.pkl", 24), "SMPL-X": ("SMPLX_NEUTRAL.npz", 55)}


@pytest.fixture(autouse=True)
def engine(addon) -> None:
    skip_without_engine()


@pytest.fixture(scope="session")
def built(addon, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A .blend file with the body of each model, added by the operator from the model's file."""
    skip_without_engine()
    folder = tmp_path_factory.mktemp("bödies 試し")
    files = {}
    for model, (name, _) in MODELS.items():
        writer = body_files.write_pickle if name.endswith(".pkl") else body_files.write_npz
        source = writer(folder / name, model)
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        bpy.context.scene.cursor.location = (1.0, 2.0, 0.0)
        assert bpy.ops.mld.add_smpl_body(filepath=str(source)) == {"FINISHED"}
        files[model] = folder / f"{model}.blend"
        bpy.ops.wm.save_as_mainfile(filepath=str(files[model]))
    return files


@pytest.fixture
def smpl(built: dict[str, Path], clean_file: None) -> bpy.types.Object:
    return opened(built["SMPL"])


def opened(file: Path) -> bpy.types.Object:
    bpy.ops.wm.open_mainfile(filepath=str(file))
    return bpy.context.view_layer.objects.active


def heads(armature: bpy.types.Object, model: str = "SMPL") -> np.ndarray:
    """(J, 3) rest joints in the armature's space."""
    return np.array([armature.data.bones[name].head_local for name in body.JOINT_NAMES[model]])


def evaluated(item: bpy.types.Object) -> np.ndarray:
    """(V, 3) the mesh as it is drawn, in the world."""
    drawn = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = np.empty(3 * len(drawn.data.vertices), np.float32)
    drawn.data.vertices.foreach_get("co", points)
    return points.reshape(-1, 3) @ np.array(drawn.matrix_world)[:3, :3].T + np.array(drawn.matrix_world)[:3, 3]


@pytest.mark.parametrize("model", list(MODELS))
def test_mesh_joints_and_weights_are_the_files(built: dict[str, Path], model: str) -> None:
    armature = opened(built[model])
    item = body_mesh(armature)
    arrays, joints = body_files.arrays_of(model), axes.vectors_to_z_up(body_files.joints_of(model))
    assert (armature.type, len(armature.data.bones)) == ("ARMATURE", MODELS[model][1])
    assert len(item.data.vertices) == body.VERTEX_COUNTS[model]
    assert len(item.data.polygons) == len(arrays["f"])
    found = heads(armature, model)
    np.testing.assert_allclose(found - found[0], joints - joints[0], atol=1e-6)
    parents = [armature.data.bones[name].parent for name in body.JOINT_NAMES[model]]
    names = [None if parent < 0 else body.JOINT_NAMES[model][parent] for parent in body_files.parents_of(model)]
    assert [parent and parent.name for parent in parents] == names
    drawn = evaluated(item)
    assert drawn[:, 2].min() == pytest.approx(0.0, abs=1e-5)
    relative = axes.vectors_to_z_up(arrays["v_template"]) - joints[0]
    np.testing.assert_allclose(drawn - np.array(armature.matrix_world @ armature.data.bones["pelvis"].head_local),
                               relative, atol=2e-5)  # fmt: skip
    for vertex in (0, 25, 777, 6000):
        held = {item.vertex_groups[g.group].name: g.weight for g in item.data.vertices[vertex].groups}
        row = arrays["weights"][vertex]
        assert held == pytest.approx({body.JOINT_NAMES[model][j]: row[j] for j in np.flatnonzero(row)}, abs=1e-6)
    assert [key.name for key in sliders(item)] == [f"Beta {n}" for n in range(1, 11)]
    assert {(key.slider_min, key.slider_max) for key in sliders(item)} == {(-5.0, 5.0)}
    assert targets.ready_rig(armature)[1].get("left_elbow") == "left_elbow"


def test_a_take_has_the_motions_own_rotations(smpl, repository: Path) -> None:
    motion = motions.golden_motion(repository, motions.WALK)
    golden_takes.key(smpl, repository, foot_lock=False)
    worst = 0.0
    for frame in range(0, motion.frames, 7):
        bpy.context.scene.frame_set(1 + frame)
        for joint, name in enumerate(skeleton.JOINT_NAMES):
            own = np.array(smpl.pose.bones[name].matrix_basis.to_quaternion())
            wanted = motion.rotations[frame, joint] * np.sign(own @ motion.rotations[frame, joint])
            worst = max(worst, np.abs(own - wanted).max())
            if joint:
                np.testing.assert_allclose(smpl.pose.bones[name].location, 0.0, atol=1e-6)
    assert worst < 1e-5


@pytest.mark.parametrize("degrees", [0.0, 90.0])
def test_limbs_point_where_the_motions_do(smpl, repository: Path, degrees: float) -> None:
    """The made-up body has the limbs of the motion's skeleton, so that directions can be compared."""
    smpl.rotation_euler = (0.0, 0.0, np.radians(degrees))
    motion = motions.golden_motion(repository, motions.WALK)
    golden_takes.key(smpl, repository, foot_lock=False)
    joints = axes.vectors_to_z_up(motion.joints_world())
    turn = np.array(smpl.rotation_euler.to_matrix())
    frames = range(0, motion.frames, 10)
    own = golden_takes.joints(smpl, [1 + frame for frame in frames], skeleton.JOINT_NAMES)[:, :, :3, 3]
    for joint, parent in enumerate(skeleton.PARENTS[1:], 1):
        wanted = (joints[list(frames), joint] - joints[list(frames), parent]) @ turn.T
        found = own[:, joint] - own[:, parent]
        cosine = (wanted * found).sum(-1) / np.linalg.norm(wanted, axis=-1) / np.linalg.norm(found, axis=-1)
        assert np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))).max() < 0.05, skeleton.JOINT_NAMES[joint]


def test_the_skin_follows_as_smpl_says(smpl, repository: Path) -> None:
    """Linear blend skinning by the file's weights, computed apart from Blender."""
    golden_takes.key(smpl, repository, foot_lock=False)
    rest = np.array([bone.matrix_local for bone in smpl.data.bones])
    item = body_mesh(smpl)
    names = [bone.name for bone in smpl.data.bones]
    weights = body_files.arrays_of("SMPL")["weights"][:, [body.JOINT_NAMES["SMPL"].index(name) for name in names]]
    bpy.context.scene.frame_set(40)
    moved = np.array([smpl.pose.bones[name].matrix for name in names]) @ np.linalg.inv(rest)
    plain = axes.vectors_to_z_up(body_files.arrays_of("SMPL")["v_template"]) + np.array(item.location)
    points = np.pad(plain, ((0, 0), (0, 1)), constant_values=1.0)
    wanted = np.einsum("vj,jab,vb->va", weights, moved, points)[:, :3] + np.array(smpl.location)
    np.testing.assert_allclose(evaluated(item), wanted, atol=2e-5)


def test_smplx_poses_the_exported_motion_the_same(
    smpl, built: dict[str, Path], repository: Path, tmp_path: Path
) -> None:
    """The take as an AMASS file, posed by smplx itself from the model's file, against the mesh in Blender."""
    golden_takes.key(smpl, repository, foot_lock=False)
    bpy.ops.mld.export_motion(filepath=str(tmp_path / "take.npz"))
    model = built["SMPL"].with_name(MODELS["SMPL"][0])
    code = (
        "import sys, numpy as np, smplx, torch; from pathlib import Path; from smplx.utils import Struct;"
        "from mld_engine.body.model_file import read_model_file; take = np.load(sys.argv[2]);"
        "body = smplx.SMPL('', data_struct=Struct(**read_model_file(Path(sys.argv[1])).arrays));"
        "pose, trans = (torch.from_numpy(take[name][[40]]).float() for name in ('poses', 'trans'));"
        "hands = torch.zeros(1, 6); posed = body(global_orient=pose[:, :3], transl=trans,"
        " body_pose=torch.cat([pose[:, 3:66], hands], 1));"
        "np.savez(sys.argv[3], vertices=posed.vertices[0].detach(), joints=posed.joints[0, :24].detach())"
    )
    run = [os.environ["MLD_ENGINE_PYTHON"], "-B", "-c", code, str(model), str(tmp_path / "take.npz")]
    subprocess.run(
        [*run, str(tmp_path / "smplx.npz")], cwd=repository, check=True, timeout=120, stdout=subprocess.DEVNULL
    )
    bpy.context.scene.frame_set(41)
    with np.load(tmp_path / "smplx.npz") as posed:
        pelvis = np.array(smpl.matrix_world @ smpl.pose.bones["pelvis"].head)
        own = evaluated(body_mesh(smpl)) - pelvis
        np.testing.assert_allclose(own, posed["vertices"] - posed["joints"][0], atol=2e-5)
        heads_posed = np.array([smpl.matrix_world @ smpl.pose.bones[n].head for n in body.JOINT_NAMES["SMPL"]])
        np.testing.assert_allclose(heads_posed - pelvis, posed["joints"] - posed["joints"][0], atol=2e-5)


def test_bones_follow_the_sliders_when_asked_to(smpl, repository: Path) -> None:
    arrays = body_files.arrays_of("SMPL")
    golden_takes.key(smpl, repository, foot_lock=False)
    bpy.context.scene.frame_set(30)
    pose = {bone.name: np.array(bone.matrix_basis) for bone in smpl.pose.bones}
    item = body_mesh(smpl)
    betas = np.array([2.0, -1.5, 0.0, 3.0] + [0.0] * 6)
    for key, beta in zip(sliders(item), betas, strict=True):
        key.value = beta
    before = heads(smpl)
    bpy.ops.object.mode_set(mode="POSE")
    assert bpy.ops.mld.fit_body_bones() == {"FINISHED"}
    assert smpl.mode == "POSE"
    shaped = arrays["v_template"] + arrays["shapedirs"] @ betas
    wanted = axes.vectors_to_z_up(arrays["J_regressor"] @ shaped)
    after = heads(smpl)
    np.testing.assert_allclose(after - after[0], wanted - wanted[0], atol=2e-6)
    assert np.abs(after - before).max() > 0.02
    assert after[0, 2] - wanted[0, 2] == pytest.approx(-axes.vectors_to_z_up(shaped)[:, 2].min(), abs=1e-5)
    for name, basis in pose.items():
        np.testing.assert_allclose(np.array(smpl.pose.bones[name].matrix_basis), basis, atol=1e-6)
    for bone in smpl.data.bones:
        np.testing.assert_allclose(np.array(bone.matrix_local)[:3, :3], axes.Y_UP_TO_Z_UP, atol=1e-6)
    assert bpy.ops.mld.rekey_take() == {"FINISHED"}


@pytest.mark.parametrize("model", list(MODELS))
def test_foot_lock_and_fingers_work_on_upright_bones(built: dict[str, Path], repository: Path, model: str) -> None:
    armature = opened(built[model])
    golden_takes.key(armature, repository, foot_lock=True, relax_fingers=model == "SMPL-X")
    motion = motions.golden_motion(repository, motions.WALK)
    names = [skeleton.JOINT_NAMES[joint] for joint in skeleton.CONTACT_JOINTS]
    feet = golden_takes.joints(armature, range(1, 1 + motion.frames), names)[:, :, :2, 3]
    slide = np.linalg.norm(np.diff(feet, axis=0), axis=-1) * motion.fps
    stands = np.minimum(motion.contacts[1:], motion.contacts[:-1]) > 0.9
    assert np.median(slide[stands]) < 0.05
    bent = armature.pose.bones.get("left_index2")
    assert bent is None or bent.matrix_basis.to_quaternion().angle > 0.1


def test_refusals_of_fitting(smpl, mannequin) -> None:
    bpy.context.view_layer.objects.active = mannequin
    assert "is no body of an SMPL file" in refusal(bpy.ops.mld.fit_body_bones)
    bpy.context.view_layer.objects.active = smpl
    smpl.hide_set(True)
    assert "hidden" in refusal(bpy.ops.mld.fit_body_bones)
    smpl.hide_set(False)
    whole = smpl.data["mld_body"].to_dict()
    smpl.data["mld_body"] = "edited by hand"
    assert "are damaged" in refusal(bpy.ops.mld.fit_body_bones)
    smpl.data["mld_body"] = whole
    bpy.data.objects.remove(body_mesh(smpl))
    assert "gone" in refusal(bpy.ops.mld.fit_body_bones)


def test_files_that_are_no_bodies(addon, tmp_path: Path) -> None:
    np.savez(tmp_path / "clip.npz", poses=np.zeros((2, 156)), trans=np.zeros((2, 3)))
    said = refusal(lambda: bpy.ops.mld.add_smpl_body(filepath=str(tmp_path / "clip.npz")))
    assert "clip.npz has no v_template" in said
    assert "smpl.is.tue.mpg.de" in said
    assert "There is no file" in refusal(lambda: bpy.ops.mld.add_smpl_body(filepath=str(tmp_path / "gone.pkl")))
    assert "There is no file" in refusal(lambda: bpy.ops.mld.add_smpl_body(filepath="/" + "x" * 300))
    assert "No file is chosen" in refusal(bpy.ops.mld.add_smpl_body)
    assert not bpy.data.objects


def test_without_an_engine_the_reason_is_given(addon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLD_ENGINE_PYTHON", "/nowhere/python")
    assert "/nowhere/python" in refusal(lambda: bpy.ops.mld.add_smpl_body(filepath="body.npz"))
