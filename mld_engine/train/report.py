# SPDX-License-Identifier: GPL-3.0-or-later
"""A first look at a trained model on held-out clips; `evaluate` has the full tables.

Rows: the clips themselves ("real"), the same clips through the VAE ("rebuilt"), and motion of their
captions and lengths ("made").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import torch
from torch import Tensor

from ..checkpoints.config import PackConfig
from ..diffusion.guidance import guide
from ..diffusion.sampler import sample
from ..diffusion.schedule import NoiseSchedule
from ..evaluate.metrics.animator import FootSliding, Jitter
from ..evaluate.metrics.reconstruction import AccelerationError, JointError
from ..kinematics import forward_kinematics
from ..models.denoiser import Denoiser, Kind
from ..models.loading import build
from ..models.vae import MotionDecoder, MotionEncoder
from ..representations.base import Representation, Statistics
from ..rotations import quaternion_to_matrix
from .checkpoint import part
from .motions import Motions
from .runner import compute_in

Rows = dict[str, dict[str, float]]
_FRAMES_AT_ONCE: Final = 1 << 15
_LENGTH_GRID: Final = 8
_SEED: Final = 0
_STEPS: Final = 20


class Networks:
    """Networks for computing, from the weights that the stages left (names with prefixes)."""

    def __init__(self, config: PackConfig, tensors: Mapping[str, Tensor], device: torch.device) -> None:
        vae = config.vae
        assert vae is not None, "training is for packs with a VAE"
        self.config = config
        self.encoder = build(lambda: MotionEncoder(vae), part(tensors, "encoder"), "encoder").to(device)
        self.decoder = build(lambda: MotionDecoder(vae), part(tensors, "decoder"), "decoder").to(device)
        self.denoiser: Denoiser | None = None
        self.latents: Statistics | None = None
        if part(tensors, "denoiser"):
            weights = part(tensors, "denoiser")
            self.denoiser = build(lambda: Denoiser(config.denoiser), weights, "denoiser").to(device)
            mean, std = tensors["statistics.latent_mean"], tensors["statistics.latent_std"]
            self.latents = Statistics(mean, std).to(device)


@torch.no_grad()
def measure(
    networks: Networks, motions: Motions, representation: Representation, fps: float, empty: Tensor | None
) -> dict[str, Rows]:
    """Rows of each split that has clips: "val" and "test"."""
    # In full precision, as packs are used: rounding alone would add jerk.
    with compute_in(motions.device, "fp32"):
        return _measured(networks, motions, representation, fps, empty)


def _measured(
    networks: Networks, motions: Motions, representation: Representation, fps: float, empty: Tensor | None
) -> dict[str, Rows]:
    config = networks.config
    result: dict[str, Rows] = {}
    for split in ("val", "test"):
        clips = motions.splits[split]
        if not clips:
            continue
        lengths = {clip: _shortened(int(motions.frames[clip]), config) for clip in clips}
        latents = _made_latents(networks, motions, lengths, empty)
        rows = {name: _Row(fps) for name in ("real", "rebuilt", *(["made"] if latents is not None else []))}
        for frames, group in _by_length(lengths):
            real = torch.stack([motions.clip(clip, frames) for clip in group])
            made = {"real": real, "rebuilt": networks.decoder(networks.encoder(real).mean, frames)}
            if latents is not None:
                index = torch.tensor([clips.index(clip) for clip in group], device=motions.device)
                made["made"] = networks.decoder(latents[index], frames)
            joints = {name: _joints(motions, representation, features) for name, features in made.items()}
            for name, row in rows.items():
                row.add(joints[name], joints["real"] if name == "rebuilt" else None)
        result[split] = {name: row.values() for name, row in rows.items()}
    return result


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


class _Row:
    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._own: list[Any] = [FootSliding(), Jitter()]
        self._compared: list[Any] = [JointError(), AccelerationError()]
        self._pairs = False

    def add(self, joints: Tensor, real: Tensor | None) -> None:
        """World joints (B, T, 22, 3) of clips, and those that they should be."""
        for number, clip in enumerate(joints.cpu().numpy()):
            for metric in self._own:
                metric.add(clip, self._fps)
            if real is not None:
                self._pairs = True
                for metric in self._compared:
                    metric.add(clip, real[number].cpu().numpy())

    def values(self) -> dict[str, float]:
        metrics = [*self._own, *(self._compared if self._pairs else [])]
        return {metric.name: metric.value() for metric in metrics}


def _joints(motions: Motions, representation: Representation, features: Tensor) -> Tensor:
    motion = representation.to_motion(motions.statistics.denormalize(features))
    return forward_kinematics(quaternion_to_matrix(motion.rotations), motion.root, motions.offsets)[1]


def _shortened(frames: int, config: PackConfig) -> int:
    """A multiple of `_LENGTH_GRID`, so that many clips are computed at once, within the model's limits."""
    return max(min(frames, config.max_frames) // _LENGTH_GRID * _LENGTH_GRID, config.min_frames)


def _by_length(lengths: Mapping[int, int]) -> Iterable[tuple[int, list[int]]]:
    groups: dict[int, list[int]] = {}
    for clip, frames in lengths.items():
        groups.setdefault(frames, []).append(clip)
    for frames, clips in sorted(groups.items()):
        size = max(1, _FRAMES_AT_ONCE // frames)
        for begin in range(0, len(clips), size):
            yield frames, clips[begin : begin + size]


def _made_latents(
    networks: Networks, motions: Motions, lengths: Mapping[int, int], empty: Tensor | None
) -> Tensor | None:
    """Latents (clips, tokens, dim) for the first caption of each clip, or its label, with the pack's guidance."""
    denoiser, latents = networks.denoiser, networks.latents
    if denoiser is None or latents is None:
        return None
    device, schedule = motions.device, NoiseSchedule(networks.config.schedule)
    clips = torch.tensor(list(lengths), device=device)
    count, rows = motions.captions.count[0, clips], motions.captions.rows[0, clips, 0]
    text, action = motions.captions.embeddings[rows], motions.action[0, clips].clamp_min(0)
    kind = torch.where(count > 0, int(Kind.TEXT), int(Kind.ACTION if denoiser.config.actions else Kind.NULL))
    style = torch.full_like(action, denoiser.no_style)
    nothing = torch.zeros_like(kind)
    if empty is not None:
        nothing = torch.full_like(kind, int(Kind.TEXT))
    without = torch.zeros_like(text) if empty is None else empty.expand_as(text)
    conditions = torch.cat(
        [
            denoiser.condition_tokens(nothing, without, action, style),
            denoiser.condition_tokens(kind, text, action, style),
        ]
    )
    frames = torch.tensor(list(lengths.values()), device=device)
    duration = denoiser.duration_tokens(frames)
    duration = None if duration is None else duration.repeat(2, 1)
    steps = min(_STEPS, networks.config.schedule.max_steps)
    times = denoiser.time_tokens(torch.tensor(schedule.timesteps(steps), device=device))

    def denoise(noisy: Tensor, index: int) -> Tensor:
        both = noisy.repeat(2, 1, 1)
        output = denoiser.denoise(both, times[index].expand(len(both), -1), conditions, duration)
        without, wanted = output.chunk(2)
        return guide(without, wanted, networks.config.schedule.guidance_scale)

    shape = (len(clips), denoiser.config.tokens, denoiser.config.latent_dim)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(_SEED)).to(device)
    return latents.denormalize(sample(denoise, noise, schedule, steps))
