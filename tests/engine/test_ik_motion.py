# SPDX-License-Identifier: GPL-3.0-or-later
"""Joint positions back to rotations: captured motion whose rotations are known, and a published sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mld_engine.contract.skeleton import JOINT_INDEX, REST_OFFSETS
from mld_engine.data.store import ClipRecord
from mld_engine.ik import fit_rotations
from tests.bench.fit_rotations import at_rate, choose_clips, measure, pooled

CLIPS = 30
_LEGS = [JOINT_INDEX[name] for name in ("left_hip", "right_hip", "left_knee", "right_knee")]
_UPPER_ARMS = [JOINT_INDEX[name] for name in ("left_shoulder", "right_shoulder")]


@pytest.fixture(scope="module")
def clips(shared_dir: Path) -> list[ClipRecord]:
    folder = shared_dir / "data" / "motion"
    if not (folder / "motion.npz").is_file():
        pytest.skip(f"no captured motion in {folder}")
    return choose_clips(folder, CLIPS)


@pytest.mark.parametrize("fps", [30.0, 20.0])
def test_known_rotations_come_back(clips: list[ClipRecord], fps: float) -> None:
    result = pooled(measure(*at_rate(clip, fps), fps) for clip in clips)
    assert float(result.position_mm.mean()) < 1.0
    assert float(result.direction_degrees.mean()) < 0.3
    assert result.flips == 0
    # Twist included. Joints do not show how forearms turn, nor the elbow's axis in the rest pose: in some sources,
    # of which few clips are here, it bends about an axis that is tilted by 25 degrees.
    assert float(result.rotation_degrees[:, _LEGS].mean()) < 2.0
    assert float(result.rotation_degrees[:, _UPPER_ARMS].mean()) < 3.5
    assert float(result.rotation_degrees[:, _UPPER_ARMS].median()) < 1.0
    assert float(result.rotation_degrees[:, [0, 9]].mean()) < 0.5


def test_noise_of_some_millimetres_is_no_trouble(clips: list[ClipRecord]) -> None:
    result = pooled(measure(*at_rate(clip, 20.0), 20.0, noise_mm=3.0) for clip in clips[:10])
    assert float(result.position_mm.mean()) < 5.0
    assert float(result.direction_degrees.mean()) < 3.0
    assert result.flips == 0


def test_published_sample(shared_dir: Path) -> None:
    """A clip of HumanML3D on that data set's own skeleton, of other proportions than the contract's."""
    file = shared_dir / "data" / "humanml3d_sample" / "new_joints_012314.npy"
    if not file.is_file():
        pytest.skip(f"no {file}")
    joints = torch.from_numpy(np.load(file, allow_pickle=False)).float()
    fit = fit_rotations(joints, torch.from_numpy(REST_OFFSETS), fps=20.0)
    assert float(fit.error_metres.mean()) < 0.001
    assert float(fit.error_metres.max()) < 0.005
