# SPDX-License-Identifier: GPL-3.0-or-later
"""HumanAct12 and UESTC from pickles that are read without running them, and pickles that want to be run."""

from __future__ import annotations

import os
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from mld_engine.data.sources.pickle_file import read_pickle_file
from mld_engine.data.store import Dataset
from mld_engine.errors import RequestError
from mld_engine.motion import Motion
from mld_engine.pickles.numpy_objects import listed, numbers, read_numpy_objects
from tests.data.comparing import degrees_apart


class Hostile:
    """Pickles as a call of a function with arguments."""

    def __init__(self, call: Callable[..., Any], *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call, self.arguments


def smpl_poses(motion: Motion) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rotation vectors (T, 72) and a path (T, 3) as seen by a camera whose Y axis points down."""
    rotations = Rotation.from_quat(motion.rotations[..., [1, 2, 3, 0]].reshape(-1, 4))
    vectors = rotations.as_rotvec().reshape(motion.frames, 22, 3)
    half_turn = Rotation.from_rotvec([np.pi, 0.0, 0.0])
    vectors[:, 0] = (half_turn * Rotation.from_rotvec(vectors[:, 0])).as_rotvec()
    poses = np.concatenate([vectors.reshape(motion.frames, -1), np.zeros((motion.frames, 6))], 1)
    return poses.astype(np.float32), half_turn.apply(motion.root).astype(np.float32)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_humanact12(walk: Motion, tmp_path: Path, prepare, protocol: int) -> None:
    poses, path = smpl_poses(walk)
    joints = np.repeat(path[:, None], 24, axis=1)
    content = {
        "poses": [poses, poses[:40] + 7],
        "oldposes": [poses],
        "joints3D": [joints, joints[:40]],
        "y": [1, np.int64(8)],
    }
    (tmp_path / "humanact12poses.pkl").write_bytes(pickle.dumps(content, protocol=protocol))
    status, told = prepare("humanact12", tmp_path, tmp_path / "data", "--fps", 20)
    assert status == 0, told
    dataset = Dataset.open(tmp_path / "data")
    assert dataset.actions == ("turn_steering_wheel", "walk")
    clip = dataset.clips[0]
    assert (clip.name, clip.action, clip.frames) == ("humanact12/0000", "walk", walk.frames)
    rotations, root = (np.array(part[: clip.frames]) for part in (dataset.rotations, dataset.root))
    assert degrees_apart(rotations, walk.rotations).max() < 1.0
    np.testing.assert_allclose(np.diff(root[:, [0, 2]], axis=0), np.diff(walk.root[:, [0, 2]], axis=0), atol=1e-3)


def test_uestc(walk: Motion, tmp_path: Path, prepare) -> None:
    poses, path = smpl_poses(walk)
    # A camera that looks along Z at scale s sees a depth of 500 / (270 s).
    depth = path[:, 2] + 4.0
    scale = 500.0 / 270.0 / depth
    camera = np.stack([scale, scale, path[:, 0], path[:, 1]], 1)
    names = ["a8_d0_p001_c1_color.avi", "a3_d2_p003_c1_color.avi", "a3_d8_p001_c2_color.avi", "broken.avi"]
    content = {"pose": [poses, poses[:50] * 1.01, poses, poses], "orig_cam": [camera, camera[:50], camera, camera]}
    (tmp_path / "vibe_cache_refined.pkl").write_bytes(pickle.dumps(content))
    (tmp_path / "info").mkdir()
    (tmp_path / "info" / "names.txt").write_text("\n".join(names))
    (tmp_path / "info" / "num_frames_min.txt").write_text("100\n50\n99\n99\n")
    status, told = prepare("uestc", tmp_path, tmp_path / "data")
    assert status == 0, told
    assert "uestc/a3_d8_p001_c2_color: its view moves around the subject" in told
    assert "uestc/broken: its name is not of the form" in told
    dataset = Dataset.open(tmp_path / "data")
    first, second = dataset.clips
    assert (first.split, first.action, first.action_mirrored) == ("train", "left_kicking", "right_kicking")
    assert (second.split, second.action, second.frames) == ("test", "squatting", 50)
    assert first.frames == 100
    root = np.array(dataset.root[:100])
    np.testing.assert_allclose(np.diff(root, axis=0), np.diff(walk.root[:100], axis=0), atol=2e-3)


def test_pickles_of_other_numpy_and_python_versions(tmp_path: Path) -> None:
    array = np.arange(6, dtype=">i4").reshape(2, 3)
    fortran = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    ragged = np.empty(2, object)
    ragged[:] = [array, fortran]
    content = {"a": array, "f": fortran, "r": ragged, "s": np.float32(1.5), "t": ("x", None, True)}
    for protocol in (2, 3, 4, 5):
        data = pickle.dumps(content, protocol=protocol)
        for module in (b"numpy.core.multiarray", b"numpy._core.multiarray"):
            current = b"numpy._core.multiarray" if b"numpy._core.multiarray" in data else b"numpy.core.multiarray"
            if protocol < 4 or module == current:
                (tmp_path / "data.pkl").write_bytes(data.replace(current, module))
                read = read_pickle_file(tmp_path / "data.pkl")
                np.testing.assert_array_equal(numbers(read["a"]), array)
                np.testing.assert_array_equal(numbers(read["f"]), fortran)
                np.testing.assert_array_equal(numbers(listed(read["r"])[1]), fortran)
                assert read["s"] == 1.5
                assert read["t"] == ("x", None, True)


@pytest.mark.parametrize(
    "hostile",
    [
        Hostile(os.system, "touch run"),
        Hostile(eval, "open('run', 'w')"),
        Hostile(exec, "open('run', 'w')"),
        Hostile(open, "run", "w"),
        Hostile(np.save, "run", np.zeros(2)),
        Hostile(np.load, "run"),
        Hostile(np.ndarray, (1 << 40,)),
        Hostile(np.ones, 1 << 40),
        Hostile(getattr, "text", "format"),
        Hostile(__import__, "antigravity"),
        np.ndarray.tofile,
        1 + 2j,
    ],
    ids=lambda value: getattr(getattr(value, "call", value), "__name__", str(value)),
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_everything_but_arrays_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hostile: object, protocol: int
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data.pkl").write_bytes(pickle.dumps({"poses": [hostile]}, protocol=protocol))
    with pytest.raises(RequestError, match="is refused, and nothing in it was run"):
        listed(read_pickle_file(Path("data.pkl"))["poses"][0])
    assert not Path("run").exists()


def test_arrays_that_lie_about_themselves_are_refused(tmp_path: Path) -> None:
    data = pickle.dumps({"a": np.arange(300.0)}, protocol=2)
    file = tmp_path / "data.pkl"
    spoiled = {
        "larger than its data": data.replace(b"M\x2c\x01", b"M\x2c\x7f"),
        "cut": data[: len(data) // 2],
        "objects": data.replace(b"f8", b"O8"),
        "a name in place of a type": data.replace(b"f8", b"zz"),
        "no pickle": b"HIERARCHY",
        "nothing": b"",
    }
    assert len(set(spoiled.values()) - {data}) == len(spoiled)
    for problem, content in spoiled.items():
        file.write_bytes(content)
        with pytest.raises(RequestError, match="is refused"):
            read_pickle_file(file)
        assert problem


def test_deep_nesting_ends_in_an_error(tmp_path: Path) -> None:
    file = tmp_path / "deep.pkl"
    file.write_bytes(b"\x80\x02" + b"(" * 100_000 + b"t" * 100_000 + b".")
    assert sum(1 for _ in pickletools.genops(file.read_bytes())) == 200_002
    with pytest.raises(RequestError, match="nested deeper"):
        read_pickle_file(file)


def test_a_pickle_of_something_else_is_told(tmp_path: Path, prepare) -> None:
    (tmp_path / "humanact12poses.pkl").write_bytes(pickle.dumps({"poses": [], "y": []}))
    status, told = prepare("humanact12", tmp_path, tmp_path / "data")
    assert status == 2
    assert "is no HumanAct12 pickle: 'joints3D' is missing" in told


def test_lists_that_name_each_other_are_not_unfolded() -> None:
    """A thousand bytes of pickle that stand for 100^6 numbers."""
    data = b"\x80\x02](K\x01K\x01eq\x00"
    for level in range(6):
        data += b"0](" + (b"h" + bytes([level])) * 100 + b"eq" + bytes([level + 1])
    folded = read_numpy_objects(data + b".")
    with pytest.raises(ValueError, match="lists hold more than"):
        numbers(folded)
    np.testing.assert_array_equal(numbers(read_numpy_objects(pickle.dumps([[1, 2], (3, 4)]))), [[1, 2], [3, 4]])
    for odd in ([{}], [None, "a"], [10**400]):
        with pytest.raises(ValueError, match="array of numbers"):
            numbers(read_numpy_objects(pickle.dumps(odd)))


def test_classes_that_there_are_not_are_left_out(walk: Motion, tmp_path: Path, prepare) -> None:
    """-1 is not the last class, and infinity is no number of one."""
    poses, path = smpl_poses(walk)
    joints = np.repeat(path[:, None], 24, 1)
    content = {"poses": [poses] * 5, "joints3D": [joints] * 5, "y": [-1, 12, float("inf"), 1.5, 0]}
    (tmp_path / "humanact12poses.pkl").write_bytes(pickle.dumps(content))
    status, told = prepare("humanact12", tmp_path, tmp_path / "data")
    assert status == 0
    assert [clip.name for clip in Dataset.open(tmp_path / "data").clips] == ["humanact12/0004"]
    assert "its class is -1, none of the twelve" in told
