# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule of standing feet in numpy, for the add-on, against the one in torch, for training; and npz containers."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from mld_engine.contract import contacts, npz
from mld_engine.representations.contacts import standing_feet


def wandering(frames: int, seed: int = 0) -> np.ndarray:
    """World joints (T, 22, 3) whose feet are now low, now high, now slow, now fast."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(scale=0.006, size=(frames, 22, 3)) * rng.uniform(0.0, 3.0, (frames, 1, 1))
    return np.array([0.0, 0.09, 0.0]) + np.cumsum(steps, axis=0)


@pytest.mark.parametrize("fps", [20.0, 30.0, 44.0])
def test_the_same_as_in_training(fps: float) -> None:
    joints = wandering(200)
    found = contacts.standing_feet(joints, fps)
    wanted = standing_feet(torch.from_numpy(joints), fps).numpy()
    np.testing.assert_array_equal(found, wanted)
    assert 0.05 < found.mean() < 0.95, "both answers must occur"


def test_faster_capture_is_judged_at_the_same_rate() -> None:
    """A foot that rests for half a second between two steps, at 120 frames per second with the noise of a capture."""
    rng = np.random.default_rng(3)
    seconds = np.arange(240) / 120.0
    travel = np.clip(seconds - 0.5, 0.0, None) - np.clip(seconds - 1.0, 0.0, None)
    joints = np.zeros((240, 22, 3))
    joints[..., 2] = (seconds - travel)[:, None]
    joints += rng.normal(scale=0.0008, size=joints.shape)
    rests = contacts.standing_feet(joints, 120.0).all(axis=1)
    wanted = (seconds > 0.5) & (seconds < 1.0)
    assert (rests == wanted).mean() > 0.97


def test_clips_of_few_frames() -> None:
    still = np.zeros((1, 22, 3))
    assert contacts.standing_feet(still, 30.0).tolist() == [[1.0] * 4]
    assert contacts.standing_feet(still + 1.0, 120.0).tolist() == [[0.0] * 4]
    moving = np.stack([np.zeros((22, 3)), np.full((22, 3), 0.05)])
    assert contacts.standing_feet(moving, 120.0).tolist() == [[0.0] * 4] * 2


def lying(header: bytes, size: int = 64) -> bytes:
    """A member of an archive whose header promises more than there is."""
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
    return start + header + b"\0" * size


@pytest.mark.parametrize(
    "member",
    [
        lying(b"{'descr': '<f8', 'fortran_order': False, 'shape': (4000000000000,), }\n"),
        lying(b"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }\n"),
        lying(b"{'descr': '<f8', 'fortran_order': False, 'shape': (__import__('os').getpid(),), }\n"),
        lying(b"{'descr': '<f8', 'fortran_order': False, 'shape': (9,), }\n"),
        lying(b"{'descr': ("),
        b"no array",
        b"",
    ],
)
def test_containers_that_lie(tmp_path: Path, member: bytes) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("poses.npy", member)
    with pytest.raises(ValueError, match=r"is damaged|stored as a pickle"):
        npz.read_npz(tmp_path / "a.npz", ["poses"])


def test_a_container_that_unpacks_to_gigabytes_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "a.npz", poses=np.zeros(1_000_000))
    assert (tmp_path / "a.npz").stat().st_size < 20_000
    monkeypatch.setattr(npz, "MAX_BYTES", 1 << 20)
    with pytest.raises(ValueError, match="its arrays take more than"):
        npz.read_npz(tmp_path / "a.npz", ["poses"])


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", poses=np.arange(3), labels=np.array([{}], object))
    assert list(npz.read_npz(tmp_path / "a.npz", ["poses", "absent"])) == ["poses"]
    content = npz.npz_bytes({"poses": np.arange(3)})
    with np.load(io.BytesIO(content)) as file:
        assert file["poses"].tolist() == [0, 1, 2]
