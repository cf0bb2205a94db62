# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.bench.fit_rotations`: joint positions of motion with known rotations, turned back into rotations.

Run it from the repository root in the engine's environment. It reports and never fails. Motion comes from
`data/motion` in the folder of test characters and motion (MLD_TEST_DATA).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from mld_engine.contract.skeleton import JOINT_INDEX, JOINT_NAMES, REST_OFFSETS
from mld_engine.data.sources import packed
from mld_engine.data.store import ClipRecord
from mld_engine.ik import fit_rotations
from mld_engine.ik.speed import SMPLIFY_MILLISECONDS
from mld_engine.kinematics import forward_kinematics
from mld_engine.rotations import matrix_to_quaternion, multiply, quaternion_to_matrix, quaternion_to_rotation_vector

LIMBS = {
    JOINT_INDEX[f"{side}_{bone}"]: JOINT_INDEX[f"{side}_{end}"]
    for bone, end in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
    for side in ("left", "right")
}
"""Joint that turns the limb's bone -> joint at the bone's end."""
FLIP_DEGREES = 30.0
"""A joint that turns this much more from one frame to the next than it did in truth counts as a flip."""
SHORTEST_FRAMES = 40


@dataclass(frozen=True)
class Measures:
    """Of one clip or many, frames first.

    position_mm        (T,) mean distance of the 22 joints
    direction_degrees  (T, 8) between fitted and true direction of the limbs
    rotation_degrees   (T, 22) between fitted and true world rotation of every joint
    flips              frames in which some joint flips
    seconds            wall time of the fit
    """

    position_mm: Tensor
    direction_degrees: Tensor
    rotation_degrees: Tensor
    flips: int
    seconds: float


def measure(rotations: Tensor, root: Tensor, fps: float, noise_mm: float = 0.0) -> Measures:
    """Fit to the joints of a clip (T, 22, 4), (T, 3), with noise of this deviation on every coordinate."""
    offsets = torch.from_numpy(REST_OFFSETS)
    local = quaternion_to_matrix(rotations)
    world, joints = forward_kinematics(local, root, offsets)
    generator = torch.Generator().manual_seed(0)
    observed = joints + noise_mm / 1000.0 * torch.randn(joints.shape, generator=generator)
    started = time.perf_counter()
    fit = fit_rotations(observed, offsets, fps=fps)
    seconds = time.perf_counter() - started
    fitted_local = quaternion_to_matrix(fit.rotations)
    fitted_world, fitted_joints = forward_kinematics(fitted_local, fit.root, fit.offsets)
    excess = angle(fitted_local[1:], fitted_local[:-1]) - angle(local[1:], local[:-1])
    return Measures(
        position_mm=1000.0 * (fitted_joints - joints).norm(dim=-1).mean(-1),
        direction_degrees=_direction_error(joints, fitted_joints),
        rotation_degrees=angle(world, fitted_world),
        flips=int((excess > FLIP_DEGREES).any(-1).sum()),
        seconds=seconds,
    )


def angle(first: Tensor, second: Tensor) -> Tensor:
    """Degrees (...) between rotations (..., 3, 3)."""
    turn = matrix_to_quaternion(multiply(first.transpose(-1, -2), second))
    return torch.rad2deg(quaternion_to_rotation_vector(turn).norm(dim=-1))


def _direction_error(joints: Tensor, fitted: Tensor) -> Tensor:
    starts, ends = list(LIMBS), list(LIMBS.values())
    truth = normalize(joints[..., ends, :] - joints[..., starts, :], dim=-1)
    other = normalize(fitted[..., ends, :] - fitted[..., starts, :], dim=-1)
    return torch.rad2deg(torch.atan2(torch.linalg.cross(truth, other).norm(dim=-1), (truth * other).sum(-1)))


def pooled(parts: Iterable[Measures]) -> Measures:
    """All frames of all clips."""
    parts = list(parts)
    return Measures(
        torch.cat([part.position_mm for part in parts]),
        torch.cat([part.direction_degrees for part in parts]),
        torch.cat([part.rotation_degrees for part in parts]),
        sum(part.flips for part in parts),
        sum(part.seconds for part in parts),
    )


def choose_clips(folder: Path, count: int, seed: int = 0) -> list[ClipRecord]:
    """Random clips of the packed folder."""
    clips = [clip for clip in packed.read(folder) if len(clip.rotations) >= SHORTEST_FRAMES]
    order = np.random.default_rng(seed).permutation(len(clips))
    return [clips[index] for index in order[:count]]


def at_rate(clip: ClipRecord, fps: float) -> tuple[Tensor, Tensor]:
    """Rotations and root of a clip, resampled along the straight lines between its frames."""
    rotations, root = torch.from_numpy(clip.rotations.copy()), torch.from_numpy(clip.root.copy())
    times = torch.arange(0, len(root) - 1, packed.FPS / fps)
    before = times.long()
    share = (times - before)[:, None]
    start, end = rotations[before], rotations[before + 1]
    end = torch.where((start * end).sum(-1, keepdim=True) < 0, -end, end)
    return (
        normalize(start + share[..., None] * (end - start), dim=-1),
        root[before] + share * (root[before + 1] - root[before]),
    )


def report(result: Measures, heading: str) -> str:
    """Lines for people."""
    frames = len(result.position_mm)
    joints = ", ".join(
        f"{name} {mean:.1f} (median {median:.1f})"
        for name, mean, median in zip(
            JOINT_NAMES,
            result.rotation_degrees.mean(0).tolist(),
            result.rotation_degrees.median(0).values.tolist(),
            strict=True,
        )
    )
    limbs = result.rotation_degrees[:, list(LIMBS)].mean()
    position, worst = result.position_mm.mean(), result.position_mm.max()
    speed, threads = frames / result.seconds, torch.get_num_threads()
    return "\n".join(
        [
            heading,
            f"  joint position error       {position:.2f} mm (worst frame {worst:.1f})",
            f"  direction error of limbs   {result.direction_degrees.mean():.2f} degrees",
            f"  rotation error of limbs    {limbs:.2f} degrees, twist included",
            f"  frames with a flip         {result.flips} of {frames}",
            f"  speed                      {speed:,.0f} frames/s on {threads} thread(s); "
            f"SMPLify as published {1000.0 / SMPLIFY_MILLISECONDS:.1f}",
            f"  rotation error by joint    {joints}",
        ]
    )


def report_by_source(clips: Sequence[ClipRecord], parts: Sequence[Measures]) -> str:
    """Rotation error of left and right limbs together; sources differ in how they define the twist of bones."""
    lines = [
        "  rotation error by source   " + "".join(f"{name:>10}" for name in ("thigh", "shin", "upper arm", "forearm"))
    ]
    for source in sorted({clip.source for clip in clips}):
        result = pooled(part for clip, part in zip(clips, parts, strict=True) if clip.source == source)
        means = result.rotation_degrees[:, list(LIMBS)].mean(0).view(-1, 2).mean(-1).tolist()
        lines.append(f"    {source:<25}" + "".join(f"{mean:10.1f}" for mean in means))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report; always 0."""
    shared = Path(os.environ.get("MLD_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared")
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fit_rotations", description=__doc__)
    parser.add_argument("--folder", type=Path, default=shared / "data" / "motion", help="packed motion")
    parser.add_argument("--clips", type=int, default=250, metavar="N")
    parser.add_argument("--fps", type=float, nargs="+", default=[30.0, 20.0])
    parser.add_argument("--noise", type=float, default=0.0, metavar="MM", help="on every coordinate")
    parser.add_argument("--threads", type=int, default=2, metavar="N")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    clips = choose_clips(options.folder, options.clips)
    for fps in options.fps:
        parts = [measure(*at_rate(clip, fps), fps, options.noise) for clip in clips]
        print(report(pooled(parts), f"{len(clips)} clips at {fps:g} frames/s, noise {options.noise:g} mm"))
        print(report_by_source(clips, parts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
