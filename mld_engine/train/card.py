# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts that lie in a trained pack: what it is, and what may be done with it."""

from __future__ import annotations

from ..checkpoints.config import PackConfig
from ..checkpoints.pack import Pack
from ..data.store import Dataset


def model_card(config: PackConfig, dataset: Dataset, measured: str, base: Pack | None = None) -> str:
    """Markdown from the configuration, the data, the table of measurements and the pack that was trained further."""
    fps, vae = config.representation.fps, config.vae
    linear = f", a linear part of {vae.harmonics} cosines beside its transformers" if vae and vae.harmonics else ""
    latent = f"a VAE ({vae.tokens} tokens x {vae.latent_dim}{linear}) and " if vae is not None else ""
    actions = ", ".join(config.actions) or "none"
    styles = ", ".join(config.styles) or "none"
    started = "" if base is None else f"The training started from the pack {base.name} ({base.sha256[:12]}).\n"
    return f"""# {config.name}

A latent diffusion model of human motion: {latent}a transformer denoiser of {config.denoiser.layers} layers.

**Licence of use: {config.licence}.** See LICENSE.txt.

## What goes in and comes out
- Conditions: {", ".join(config.conditions)}.
- Length: {config.min_frames} to {config.max_frames} frames at {fps:g} fps.
- Result: local rotations of 22 SMPL joints, path of the pelvis, ground contact of ankles and toes.
- Settings: guidance {config.schedule.guidance_scale:g}, {config.schedule.steps} steps.
- Actions: {actions}.
- Styles: {styles}.

## Measured
On held-out clips: themselves (real), through the VAE (rebuilt), made from their captions (made).

{measured}

## Training data
{dataset.name}: {dataset.seconds / 3600:.2f} hours, {len(dataset.clips)} clips.
Licences of the clips: {_licences(dataset)}.
{started}The training configuration is in config.toml.
"""


def licence_text(config: PackConfig, dataset: Dataset) -> str:
    """LICENSE.txt: the licence of use, and the hours of motion under each licence of the data."""
    lines = [f"Licence of use of this pack and of motion made with it: {config.licence}", "", "Training data:"]
    for licence in (*dataset.licences, ""):
        clips = [clip for clip in dataset.clips if clip.licence == licence]
        if clips:
            hours = sum(clip.frames for clip in clips) / dataset.fps / 3600
            lines.append(f"- {licence or 'no licence stated'}: {len(clips)} clips, {hours:.2f} h")
    return "\n".join(lines) + "\n"


def _licences(dataset: Dataset) -> str:
    return ", ".join(dataset.licences) or "not stated"
