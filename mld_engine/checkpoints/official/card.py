# SPDX-License-Identifier: GPL-3.0-or-later
"""What an imported pack says about itself: licence and model card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ..config import PackConfig
from .lightning import Checkpoint
from .variant import Variant

_DATA: Final = {
    263: "HumanML3D (motion from AMASS and HumanAct12)",
    251: "KIT Motion-Language",
    150: "HumanAct12 or UESTC",
}
_MLD: Final = "Chen et al., Executing your Commands via Motion Diffusion in Latent Space, CVPR 2023"
_MOTION_LCM: Final = (
    "Dai et al., MotionLCM: Real-time Controllable Motion Generation via Latent Consistency Model, 2024"
)


def licence(variant: Variant) -> str:
    """One line, for lists of packs."""
    return f"Non-commercial: published weights, trained on {_data(variant)}"


def licence_text(variant: Variant, licence: str) -> str:
    """The text of LICENSE.txt: an honest note, as the published files carry no licence of their own."""
    return (
        f"{licence}\n\n"
        "This pack was made from a published checkpoint on the computer of whoever imported it. It is not part of "
        "this program and has no licence from its authors.\n\n"
        "- MLD's code is under the MIT licence; MotionLCM's code and weights are for non-commercial use. "
        f"Publication: {_publication(variant)}.\n"
        f"- The weights were trained on {_data(variant)}. AMASS, and what is derived from it, is for non-commercial "
        "research; HumanAct12, KIT and UESTC are for research. The terms of the data reach the weights, and may "
        "reach motion made with them.\n"
        "- Do not pass this pack on, and do not use it commercially, unless you have the right to.\n"
    )


def model_card(config: PackConfig, variant: Variant, files: Sequence[Checkpoint], dropped: Mapping[str, int]) -> str:
    """The text of MODEL_CARD.md."""
    latent = f"latent {variant.latent_tokens} x {variant.latent_dim}" if variant.latent_tokens else "no latent"
    rows = {
        "model": f"{variant.family} ({_publication(variant)})",
        "motion": f"{config.representation.name}, {config.representation.fps:g} fps, "
        f"{config.min_frames} to {config.max_frames} frames",
        "network": f"{latent}, {variant.vae_layers} VAE layers, {variant.denoiser_layers} denoiser layers",
        "sampler": f"{config.schedule.sampler}, {config.schedule.steps} steps, "
        f"guidance {config.schedule.guidance_scale:g}",
        "conditions": ", ".join(config.conditions),
        "text encoder": config.text_encoder.name if config.text_encoder else "none",
        "action labels": ", ".join(config.actions) or "none",
        "left out": ", ".join(f"{name} ({count} tensors)" for name, count in sorted(dropped.items())) or "nothing",
    }
    lines = [f"# {config.name}: imported checkpoint", "", f"**Licence of use: {config.licence}.** See LICENSE.txt.", ""]
    lines += ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items()), "", "## Source", ""]
    for file in files:
        trained = [
            f"{name} {value}" for name, value in (("epoch", file.epoch), ("step", file.step)) if value is not None
        ]
        lines.append(f"- `{file.path.name}`, SHA-256 {file.sha256}" + (f", {', '.join(trained)}" if trained else ""))
    return "\n".join(lines) + "\n"


def _data(variant: Variant) -> str:
    return _DATA.get(variant.features, "data of unknown licence")


def _publication(variant: Variant) -> str:
    return _MOTION_LCM if variant.family.startswith("motionlcm") else _MLD
