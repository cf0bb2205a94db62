# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion in the features that a published evaluator was trained on.

What a pack makes in these features already is handed on as it is. Other motion is posed on its body,
brought to the evaluator's frame rate, and its joints go the way that the data set's own joints went.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...checkpoints.config import RepresentationConfig
from ...checkpoints.pack import Pack
from ...data.store import Clip, Dataset
from ...kinematics import forward_kinematics
from ...representations.humanml.bones import uniform_skeleton
from ...representations.humanml.extract import extract_features, with_next_pose
from ...representations.humanml.kit_body import body_to_kit
from ...representations.humanml.skeleton import HUMANML, KIT
from ...representations.registry import make_representation
from ...rotations import quaternion_to_matrix, slerp
from ..held_out import motion_of

_SAME_TIME = 1e-6


@dataclass(frozen=True)
class EvaluatorFeatures:
    """Converts a pack's motion and a data set's clips to humanml263, kit251 or action150, as `target` says."""

    target: RepresentationConfig
    pack: Pack

    @property
    def same(self) -> bool:
        """Whether the pack's own features are these."""
        ours = self.pack.config.representation
        return (ours.name, ours.fps, ours.up) == (self.target.name, self.target.fps, self.target.up)

    @property
    def note(self) -> str:
        """How motion comes to these features, for the report."""
        ours = self.pack.config.representation
        if self.same:
            return "Generated motion: the pack's own features."
        return (
            f"Generated motion: {ours.name} at {ours.fps:g} fps, posed on the pack's body, brought to "
            f"{self.target.fps:g} fps and converted to {self.target.name}."
        )

    def of_pack(self, features: Tensor) -> Tensor:
        """The pack's features (B, T, F) -> (B, T', F')."""
        if self.same:
            return features
        motion = make_representation(self.pack.config.representation).to_motion(features.cpu())
        return self._of_motion(motion.rotations, motion.root, self.pack.fps, torch.tensor(self.pack.offsets))

    def of_clip(self, dataset: Dataset, clip: Clip, frames: int) -> Tensor:
        """The first `frames` of a captured clip -> (T', F'), by the joints of the body that it was captured on."""
        rotations, root = motion_of(dataset, clip, min(frames + 1, clip.frames))
        converted = self._of_motion(rotations, root, dataset.fps, torch.tensor(dataset.offsets))
        return converted[: self.rows(frames)]

    def rows(self, frames: int) -> int:
        """As many rows of the evaluator's features are `frames` of the pack."""
        return _count(frames, self.pack.fps, self.target.fps)

    def _of_motion(self, rotations: Tensor, root: Tensor, fps: float, offsets: Tensor) -> Tensor:
        rotations, root = _resampled(rotations, root, fps, self.target.fps)
        if self.target.name == "action150":
            return make_representation(self.target).from_motion(rotations, root, offsets)
        world, joints = forward_kinematics(quaternion_to_matrix(rotations), root, offsets)
        if self.target.name == "kit251":
            return extract_features(with_next_pose(body_to_kit(world, joints)), KIT)
        uniform = uniform_skeleton(joints, HUMANML, HUMANML.bone_lengths(joints))
        return extract_features(with_next_pose(uniform), HUMANML)


def _count(frames: int, fps: float, target: float) -> int:
    return int((frames - 1) / fps * target + _SAME_TIME) + 1


def _resampled(rotations: Tensor, root: Tensor, fps: float, target: float) -> tuple[Tensor, Tensor]:
    """rotations (..., T, 22, 4) and root (..., T, 3) at another frame rate: slerp, and straight lines for the root."""
    if fps == target:
        return rotations, root
    last = root.shape[-2] - 1
    at = torch.arange(_count(last + 1, fps, target), dtype=torch.float64) * (fps / target)
    before = (at + _SAME_TIME).floor().long().clamp(max=last)
    after = (before + 1).clamp(max=last)
    share = (at - before).clamp(min=0.0)[:, None].to(root)
    turned = slerp(rotations[..., before, :, :], rotations[..., after, :, :], share[..., None])
    return turned, torch.lerp(root[..., before, :], root[..., after, :], share)
