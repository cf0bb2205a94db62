# SPDX-License-Identifier: GPL-3.0-or-later
"""AMASS files: SMPL's own equation puts the joints where the motion has them; reading brings the motion back."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from body_oracle import about, from_rotation_vector, joints, motion_joints, standing, tumble

from mld_engine.contract import skeleton
from mld_engine.errors import EngineError, RequestError
from mld_engine.export.amass import read_amass, write_amass
from mld_engine.export.files import check_output_path, numbered_paths
from mld_engine.motion import Motion

REST_PELVIS = [-0.0018, -0.2233, 0.0282]


def test_layout(tmp_path: Path) -> None:
    path = tmp_path / "take.npz"
    write_amass(path, tumble())
    with np.load(path, allow_pickle=False) as file:
        assert file["poses"].shape == (12, 156)
        assert file["poses"].dtype == np.float32
        assert not file["poses"][:, 66:].any()
        assert file["poses"][:, :66].any(axis=0).all()
        assert file["trans"].shape == (12, 3)
        assert file["trans"].dtype == np.float32
        assert float(file["mocap_framerate"]) == 30.0
        assert file["betas"].tolist() == [0.0] * 16
        assert str(file["gender"]) == "neutral"
        meta = json.loads(str(file["meta"]))
    assert meta["rest_pelvis"] == REST_PELVIS
    assert meta["text"] == "歩く"
    assert meta["seed"] == 7


def test_standing_body_is_turned_upright_and_walks_to_minus_y(tmp_path: Path) -> None:
    write_amass(tmp_path / "take.npz", standing())
    with np.load(tmp_path / "take.npz") as file:
        np.testing.assert_allclose(file["poses"][0, :3], [math.pi / 2, 0, 0], atol=1e-6)
        assert not file["poses"][:, 3:].any()
        pelvis = file["trans"] + np.array(REST_PELVIS)
    np.testing.assert_allclose(pelvis, [[0, 0, 0.9], [0.1, -0.5, 0.9]], atol=1e-6)


def test_smpl_equation_gives_the_motions_joints(tmp_path: Path) -> None:
    """SMPL: the body turns about its rest pelvis, then moves by trans. Compared in Z up."""
    motion = tumble()
    write_amass(tmp_path / "take.npz", motion)
    expected = motion_joints(motion.rotations, motion.root, motion.offsets) @ about("X", math.pi / 2).T
    with np.load(tmp_path / "take.npz") as file:
        for frame in range(motion.frames):
            local = np.array([from_rotation_vector(v) for v in file["poses"][frame, :66].reshape(22, 3)])
            found = joints(local, np.array(REST_PELVIS) + file["trans"][frame], motion.offsets)
            np.testing.assert_allclose(found, expected[frame], atol=2e-6)


@pytest.mark.parametrize("motion", [tumble(), standing()], ids=["tumble", "standing"])
def test_round_trip(tmp_path: Path, motion: Motion) -> None:
    write_amass(tmp_path / "take.npz", motion)
    back = read_amass(tmp_path / "take.npz")
    alignment = np.abs((back.rotations * motion.rotations).sum(-1))
    np.testing.assert_allclose(alignment, 1.0, atol=1e-6)
    np.testing.assert_allclose(back.root, motion.root, atol=1e-6)
    np.testing.assert_array_equal(back.contacts, motion.contacts)
    np.testing.assert_array_equal(back.offsets, motion.offsets)
    assert back.fps == motion.fps
    assert back.meta == motion.meta


def test_same_motion_same_bytes_whatever_the_clock(tmp_path: Path) -> None:
    write_amass(tmp_path / "a.npz", tumble())
    write_amass(tmp_path / "b.npz", tumble())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_reads_a_file_of_somebody_else(tmp_path: Path) -> None:
    poses = np.zeros((3, 165))
    poses[:, 0] = math.pi / 2
    poses[:, 3 * 16 + 2] = -0.5
    np.savez(
        tmp_path / "amass.npz",
        poses=poses, trans=np.array([[0, 0, 1.2]] * 3), mocap_framerate=120.0, betas=np.zeros(10), gender="male",
    )  # fmt: skip
    motion = read_amass(tmp_path / "amass.npz")
    assert motion.frames == 3
    assert motion.fps == 120.0
    np.testing.assert_allclose(motion.rotations[:, 0], [[1, 0, 0, 0]] * 3, atol=1e-6)
    np.testing.assert_allclose(motion.rotations[0, 16], [math.cos(0.25), 0, 0, -math.sin(0.25)], atol=1e-6)
    np.testing.assert_allclose(motion.root[0], [-0.0018, 1.2 + 0.0282, 0.2233], atol=1e-6)
    np.testing.assert_array_equal(motion.offsets, skeleton.REST_OFFSETS)


def test_files_that_are_no_motion(tmp_path: Path) -> None:
    cases = {
        "text.npz": lambda path: path.write_text("hello"),
        "cut.npz": lambda path: (write_amass(path, tumble()), path.write_bytes(path.read_bytes()[:2000])),
        "empty.npz": lambda path: np.savez(path, trans=np.zeros((2, 3))),
        "pickle.npz": lambda path: np.savez(path, poses=np.array([{"a": 1}], object), trans=np.zeros((1, 3))),
        "short.npz": lambda path: np.savez(path, poses=np.zeros((2, 30)), trans=np.zeros((2, 3)), mocap_framerate=30),
        "nan.npz": lambda path: np.savez(
            path, poses=np.full((2, 156), np.nan), trans=np.zeros((2, 3)), mocap_framerate=30
        ),
        "still.npz": lambda path: np.savez(path, poses=np.zeros((2, 156)), trans=np.zeros((2, 3)), mocap_framerate=0),
        "absent.npz": lambda path: None,
    }
    for name, make in cases.items():
        make(tmp_path / name)
        with pytest.raises(RequestError) as caught:
            read_amass(tmp_path / name)
        assert caught.value.code == "bad_motion_file", name
        assert name in caught.value.message


def test_numbered_paths() -> None:
    assert numbered_paths(Path("a/take.npz"), 1) == [Path("a/take.npz")]
    assert numbered_paths(Path("a/take.v2.npz"), 2) == [Path("a/take.v2_000.npz"), Path("a/take.v2_001.npz")]


def test_output_paths_are_judged_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("x")
    (tmp_path / "folder.npz").mkdir()
    check_output_path(tmp_path / "new" / "deeper" / "take.NPZ", ".npz")
    for path, kind in [
        (tmp_path / "take.txt", RequestError),
        (tmp_path / "take", RequestError),
        (tmp_path / "folder.npz", RequestError),
        (tmp_path / "file.txt" / "take.npz", EngineError),
        (tmp_path / "file.txt" / "deeper" / "take.npz", EngineError),
    ]:
        with pytest.raises(kind) as caught:
            check_output_path(path, ".npz")
        assert caught.value.code == "output_failed"
        assert str(path) in caught.value.message
        assert caught.value.hint
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file.txt", "folder.npz"]


@pytest.mark.skipif(os.name != "posix", reason="file size limits are POSIX")
def test_full_disk_keeps_the_older_file_and_leaves_no_part(tmp_path: Path, repository: Path) -> None:
    """The limit on file size makes writing fail half-way, as a full disk does."""
    path = tmp_path / "take.npz"
    write_amass(path, standing())
    before = path.read_bytes()
    code = (
        "import resource, sys; from pathlib import Path; sys.path[:0] = ['tests/engine'];"
        "from body_oracle import tumble; from mld_engine.export.amass import write_amass;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "write_amass(Path(sys.argv[1]), tumble(200))"
    )
    run = subprocess.run(
        [sys.executable, "-B", "-c", code, str(path)],
        cwd=repository, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert run.returncode == 1
    assert "mld_engine.errors.EngineError: Cannot save" in run.stderr
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["take.npz"]


@pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX")
def test_new_files_have_the_usual_permissions(tmp_path: Path) -> None:
    write_amass(tmp_path / "sub" / "take.npz", standing())
    (tmp_path / "plain").touch()
    assert (tmp_path / "sub" / "take.npz").stat().st_mode == (tmp_path / "plain").stat().st_mode
