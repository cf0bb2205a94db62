# SPDX-License-Identifier: GPL-3.0-or-later
"""HumanML3D and KIT-ML in small folders of their published layout."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from mld_engine.contract.contacts import TOE_HEIGHT
from mld_engine.data.store import Dataset
from mld_engine.kinematics import forward_kinematics
from mld_engine.motion import Motion
from mld_engine.representations.humanml.kit_body import body_to_kit
from mld_engine.representations.kit251 import Kit251
from mld_engine.rotations import quaternion_to_matrix, rotate_about_y
from tests.data.comparing import joints_of

CAPTIONS = {
    "000001": "a man walks to his left#a/DET man/NOUN walk/VERB#0.0#0.0\n"
    "someone strolls#someone/PRON stroll/VERB#0.0#nan\n"
    "he raises his right hand#he/PRON raise/VERB#2.0#5.5\n",
    "M000001": "a man walks to his right#a/DET man/NOUN walk/VERB#0.0#0.0\n",
    "M000002": "a person hops on the left foot#a/DET person/NOUN hop/VERB#0.0#0.0\n",
}


@pytest.fixture
def humanml3d(shared_dir: Path, tmp_path: Path) -> Path:
    """Clip 000001 as positions with captions, its mirror image, a mirror image alone, a clip of features only."""
    sample = shared_dir / "data" / "humanml3d_sample"
    if not sample.is_dir():
        pytest.skip(f"no published sample in {sample}")
    folder = tmp_path / "HumanML3D"
    for name in ("new_joints", "new_joint_vecs", "texts"):
        (folder / name).mkdir(parents=True)
    for clip in ("000001", "M000001", "M000002", "000009"):
        shutil.copy(sample / "new_joints_012314.npy", folder / "new_joints" / f"{clip}.npy")
    features = np.load(sample / "new_joint_vecs_012314.npy")
    np.save(folder / "new_joint_vecs" / "000003.npy", features[:100])
    for name in ("Mean.npy", "Std.npy"):
        shutil.copy(sample / name, folder / name)
    for clip, text in CAPTIONS.items():
        (folder / "texts" / f"{clip}.txt").write_text(text, encoding="utf-8")
    (folder / "train.txt").write_text("000001\nM000001\n", encoding="utf-8")
    (folder / "val.txt").write_text("M000002\n000004\n", encoding="utf-8")
    (folder / "test.txt").write_text("000003\n", encoding="utf-8")
    return folder


def test_humanml3d(humanml3d: Path, tmp_path: Path, prepare) -> None:
    # One clip's positions serve for two ids; told apart by what is changed in one of them.
    joints = np.load(humanml3d / "new_joints" / "M000002.npy")
    np.save(humanml3d / "new_joints" / "M000002.npy", joints[:120])
    status, told = prepare("humanml3d", humanml3d, tmp_path / "data", "--licence", "AMASS")
    assert status == 0, told
    dataset = Dataset.open(tmp_path / "data")
    clips = {clip.name: clip for clip in dataset.clips}
    assert {name: clip.split for name, clip in clips.items()} == {
        "000001": "train", "000001@2-5.5": "train", "M000002": "val", "000003": "test",
    }  # fmt: skip
    assert clips["000001"].captions == ("a man walks to his left", "someone strolls")
    assert clips["000001"].captions_mirrored == ("a man walks to his right",)
    assert clips["000001@2-5.5"].captions_mirrored == ("he raises his left hand",)
    assert clips["M000002"].captions_mirrored == ("a person hops on the right foot",)
    assert clips["000001"].licence == "AMASS"
    assert "000004: val.txt names it, but there is no motion of that name" in told
    assert "000009: it is in none of the lists" in told
    assert "000003: it has no caption and no action" in told
    for name in ("Mean.npy", "Std.npy"):
        np.testing.assert_array_equal(np.load(dataset.folder / name), np.load(humanml3d / name))


def test_the_joints_of_the_published_clip_are_where_they_were(humanml3d: Path, tmp_path: Path, prepare) -> None:
    prepare("humanml3d", humanml3d, tmp_path / "data")
    dataset = Dataset.open(tmp_path / "data")
    clip = next(clip for clip in dataset.clips if clip.name == "000001")
    published = torch.from_numpy(np.load(humanml3d / "new_joints" / "000001.npy")).float()
    # Every third frame at 30 fps is every second one at 20.
    frames = slice(clip.start, clip.start + clip.frames, 3)
    posed = joints_of(dataset.rotations[frames], dataset.root[frames], dataset.offsets)
    wanted = published[::2][: len(posed)] - published[0, 0] * torch.tensor([1.0, 0.0, 1.0])
    wanted = wanted + torch.tensor([0.0, TOE_HEIGHT, 0.0])
    # The published clip faces +Z by hips and shoulders, ours by the pelvis: the one yaw between them is free.
    (x, z), (u, w) = wanted[..., [0, 2]].unbind(-1), posed[..., [0, 2]].unbind(-1)
    yaw = torch.atan2((z * u - x * w).sum(), (x * u + z * w).sum())
    assert abs(float(yaw)) < 0.5
    apart = (rotate_about_y(yaw.expand(wanted.shape[:-1]), wanted) - posed).norm(dim=-1)
    assert float(apart.mean()) < 0.01
    assert float(apart.max()) < 0.04
    assert clip.frames == pytest.approx(len(published) * 1.5, abs=2)


def test_features_give_the_same_motion_as_positions(humanml3d: Path, tmp_path: Path, prepare) -> None:
    prepare("humanml3d", humanml3d, tmp_path / "data")
    dataset = Dataset.open(tmp_path / "data")
    one, other = (next(clip for clip in dataset.clips if clip.name == name) for name in ("000001", "000003"))
    frames = other.frames - 30
    first, second = (
        joints_of(
            dataset.rotations[c.start : c.start + frames], dataset.root[c.start : c.start + frames], dataset.offsets
        )
        for c in (one, other)
    )
    assert float((first - second).norm(dim=-1).mean()) < 0.005


def test_positions_in_centimetres_are_told(humanml3d: Path, tmp_path: Path, prepare) -> None:
    for file in (humanml3d / "new_joints").iterdir():
        np.save(file, np.load(file) * 100)
    shutil.rmtree(humanml3d / "new_joint_vecs")
    status, told = prepare("humanml3d", humanml3d, tmp_path / "data")
    assert status == 2
    assert "its legs are 82.6 m long, which looks like centimetres: use --scale 0.01" in told
    assert not (tmp_path / "data").exists()
    assert prepare("humanml3d", humanml3d, tmp_path / "data", "--scale", 0.01)[0] == 0


def test_strict_writes_nothing_where_something_is_left_out(humanml3d: Path, tmp_path: Path, prepare) -> None:
    status, told = prepare("humanml3d", humanml3d, tmp_path / "data", "--strict")
    assert status == 2
    assert "000004: val.txt names it" in told
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: np.save(folder / "Std.npy", np.zeros(263, np.float32)), "Std.npy is not HumanML3D's"),
        (lambda folder: np.save(folder / "Mean.npy", np.zeros(251, np.float32)), "Mean.npy is not HumanML3D's"),
        (lambda folder: [(folder / f"{s}.txt").unlink() for s in ("train", "val", "test")], "has none of train.txt"),
        (
            lambda folder: [shutil.rmtree(folder / n) for n in ("new_joints", "new_joint_vecs")],
            "has neither new_joints",
        ),
        (lambda folder: (folder / "texts" / "000001.txt").write_text("a#b"), "000001.txt, line 1, is not of the form"),
        (
            lambda folder: np.save(folder / "new_joints" / "000001.npy", np.array([{}], object), allow_pickle=True),
            "000001: it cannot be read: ",
        ),
    ],
)
def test_what_is_wrong_with_the_folder_is_told(humanml3d: Path, tmp_path: Path, prepare, spoil, said: str) -> None:
    spoil(humanml3d)
    _, told = prepare("humanml3d", humanml3d, tmp_path / "data")
    assert said in told


def test_kit(walk: Motion, tmp_path: Path, prepare) -> None:
    folder = tmp_path / "KIT-ML"
    for name in ("new_joints", "new_joint_vecs", "texts"):
        (folder / name).mkdir(parents=True)
    rotations, root = torch.from_numpy(walk.rotations[::2]), torch.from_numpy(walk.root[::2])
    offsets = torch.from_numpy(walk.offsets)
    world, joints = forward_kinematics(quaternion_to_matrix(rotations), root, offsets)
    np.save(folder / "new_joints" / "00001.npy", body_to_kit(world, joints).numpy())
    features = Kit251().from_motion(rotations[:40], root[:40], offsets)
    np.save(folder / "new_joint_vecs" / "00002.npy", features.numpy())
    for clip in ("00001", "00002"):
        (folder / "texts" / f"{clip}.txt").write_text("A person walks.#a/DET#0.0#0.0\n", encoding="utf-8")
        with (folder / "train.txt").open("a", encoding="utf-8") as file:
            file.write(f"{clip}\n")
    status, told = prepare("kit", folder, tmp_path / "data", "--fps", 12.5)
    assert status == 0, told
    dataset = Dataset.open(tmp_path / "data")
    assert [clip.name for clip in dataset.clips] == ["00001", "00002"]
    for clip, frames in zip(dataset.clips, (len(root), 40), strict=True):
        part = slice(clip.start, clip.start + clip.frames)
        posed = joints_of(dataset.rotations[part], dataset.root[part], dataset.offsets)
        assert clip.frames == pytest.approx(frames, abs=1)
        wanted = joints[: clip.frames]
        # Legs are those of the motion; MMM has no collars, so that shoulders are a guess.
        legs = [4, 5, 7, 8]
        apart = (posed - posed[:, :1])[:, legs] - (wanted - wanted[:, :1])[:, legs]
        assert float(apart.norm(dim=-1).mean()) < 0.05
