# SPDX-License-Identifier: GPL-3.0-or-later
"""A first look at a trained model on held-out clips; `evaluate` has the full tables.

Rows: the clips themselves ("real"), the same clips through the VAE ("rebuilt"), and motion of their
captions and lengths ("made").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..checkpoints.config import PackConfig
from ..evaluate.batches import BatchNetworks, BatchVae, Wishes
from ..evaluate.joints import world_joints
from ..evaluate.metrics.animator import FootSliding, Jitter
from ..evaluate.metrics.reconstruction import AccelerationError, JointError
from ..models.denoiser import Kind
from .checkpoint import part
from .motions import Motions
from .runner import compute_in

Rows = dict[str, dict[str, float]]
_LENGTH_GRID: Final = 8
_SEED: Final = 0
_STEPS: Final = 20


def measure(
    config: PackConfig, tensors: Mapping[str, Tensor], motions: Motions, empty: Tensor | None
) -> dict[str, Rows]:
    """Rows of each split that has clips: "val" and "test".

    `tensors` are the weights that the stages left (names with prefixes), the denoiser's only once it is trained;
    `empty` is the empty text's embedding, where that stands for no condition.
    """

    def of(name: str) -> dict[str, Tensor]:
        return part(tensors, name)

    denoiser = BatchNetworks(config, of, motions.device, empty) if of("denoiser") else None
    vae = denoiser or BatchVae(config, of, motions.device)
    splits = {split: motions.splits[split] for split in ("val", "test") if motions.splits[split]}
    # In full precision, as packs are used: rounding alone would add jerk.
    with compute_in(motions.device, "fp32"):
        return {split: _measured(vae, denoiser, motions, clips) for split, clips in splits.items()}


def _measured(vae: BatchVae, denoiser: BatchNetworks | None, motions: Motions, clips: Sequence[int]) -> Rows:
    config = vae.config
    lengths = [_shortened(int(motions.frames[clip]), config) for clip in clips]
    real = [motions.statistics.denormalize(motions.clip(*wanted)) for wanted in zip(clips, lengths, strict=True)]
    shown = {"real": real, "rebuilt": vae.rebuild(real)}
    if denoiser is not None:
        steps = min(_STEPS, config.schedule.max_steps)
        wishes = _wishes(denoiser, motions, clips, [len(features) for features in real])
        shown["made"] = denoiser.generate(wishes, guidance=config.schedule.guidance_scale, steps=steps, seed=_SEED)
    joints = {name: world_joints(clips, vae.representation, motions.offsets) for name, clips in shown.items()}
    fps = config.representation.fps
    return {name: _row(found, joints["real"] if name == "rebuilt" else None, fps) for name, found in joints.items()}


def table(report: Mapping[str, Rows]) -> str:
    """As Markdown."""
    lines = ["| split | motion | MPJPE mm | ACCL mm/frame^2 | sliding m/s | jerk m/s^3 |", "|---|---|---|---|---|---|"]
    for split, rows in report.items():
        for name, values in rows.items():
            cells = [
                f"{values[key]:.{digits}f}" if key in values else ""
                for key, digits in (("MPJPE", 1), ("ACCL", 2), ("sliding", 3), ("jerk", 1))
            ]
            lines.append(f"| {split} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _row(
    clips: Sequence[NDArray[np.floating]], real: Sequence[NDArray[np.floating]] | None, fps: float
) -> dict[str, float]:
    """World joints (T, 22, 3) of clips, and those that they should be, if any."""
    seen, compared = (FootSliding(), Jitter()), (JointError(), AccelerationError())
    for clip in clips:
        for metric in seen:
            metric.add(clip, fps)
    for clip, wanted in zip(clips, real or (), strict=real is not None):
        for error in compared:
            error.add(clip, wanted)
    return {metric.name: metric.value() for metric in (*seen, *(compared if real else ()))}


def _shortened(frames: int, config: PackConfig) -> int:
    """A multiple of `_LENGTH_GRID`, so that many clips are computed at once, within the model's limits."""
    return max(min(frames, config.max_frames) // _LENGTH_GRID * _LENGTH_GRID, config.min_frames)


def _wishes(denoiser: BatchNetworks, motions: Motions, clips: Sequence[int], frames: Sequence[int]) -> Wishes:
    """The first caption of each clip, or its label."""
    chosen = torch.tensor(clips, device=motions.device)
    captions = motions.captions
    label = Kind.ACTION if denoiser.config.denoiser.actions else Kind.NULL
    action = motions.action[0, chosen].clamp_min(0)
    return Wishes(
        torch.where(captions.count[0, chosen] > 0, int(Kind.TEXT), int(label)),
        captions.embeddings[captions.rows[0, chosen, 0]],
        action,
        torch.full_like(action, denoiser.no_style),
        tuple(frames),
    )
