# SPDX-License-Identifier: GPL-3.0-or-later
"""The pack configuration that a training configuration and a data set lead to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from ..checkpoints.config import CONDITION_KINDS, PackConfig, TextEncoderConfig, parse_config
from ..checkpoints.config.keys import DENOISER_KEYS, TEXT_ENCODER_KEYS, VAE_KEYS, Key, write_record
from ..checkpoints.pack import Pack
from ..contract.skeleton import JOINT_COUNT, PARENTS
from ..data.store import Dataset
from ..errors import PackError, RequestError
from .options import TrainOptions
from .pack_texts import taught_licence

_REPRESENTATIONS: Final[dict[str, dict[str, Any]]] = {
    "smpl203": {"name": "smpl203", "rotation_6d": "columns", "heading": "twist", "features": 203},
}
_FIXED_SCHEDULE: Final = {
    "beta_schedule": "scaled_linear",
    "spacing": "leading",
    "steps_offset": 1,
    "final_alpha": "first",
}


def text_encoder_config(name: str) -> TextEncoderConfig:
    """The text encoder of that name, as the default pack describes it. Raises RequestError (bad_config)."""
    config = Pack.open().config.text_encoder
    if config is None or config.name != name:
        known = config.name if config else "none"
        raise RequestError("bad_config", f"Training has no text encoder {name!r}.", f"Known: {known}.")
    return config


def model_config(options: TrainOptions, dataset: Dataset, encoder: TextEncoderConfig) -> PackConfig:
    """Raises RequestError (bad_config) naming the key of [vae], [denoiser] or [schedule] that is wrong."""
    if options.data.representation not in _REPRESENTATIONS:
        known = ", ".join(_REPRESENTATIONS)
        message = f"Training cannot write motion as {options.data.representation!r}."
        raise RequestError("bad_config", message, f"Known: {known}.")
    representation = {**_REPRESENTATIONS[options.data.representation], "fps": dataset.fps}
    conditions = _conditions(options, dataset)
    actions = dataset.actions if "action" in conditions else ()
    styles = dataset.styles if "action" in conditions else ()
    seen = _action_styles(options, dataset) if styles else {}
    vae = {
        **_short(options.vae, VAE_KEYS),
        "max_frames": options.data.lengths[-1],
        "nfeats": representation["features"],
    }
    denoiser = {
        **_short(options.denoiser, DENOISER_KEYS),
        "n_tokens": vae.get("n_tokens"),
        "latent_dim": vae.get("latent_dim"),
        "n_actions": len(actions),
        "n_styles": len(styles),
        "text_dim": encoder.dim if "text" in conditions else 0,
    }
    values = {
        "format_version": 1,
        "name": options.pack.name,
        "licence": licence(options, dataset),
        "representation": representation,
        "frames": {"min": options.data.lengths[0], "max": options.data.lengths[-1]},
        "conditions": conditions,
        **({"text_encoder": write_record(encoder, TEXT_ENCODER_KEYS)} if "text" in conditions else {}),
        "actions": list(actions),
        "styles": list(styles),
        **({"action_styles": seen} if seen else {}),
        "skeleton": {"joints": JOINT_COUNT, "offsets": dataset.offsets.tolist(), "parents": list(PARENTS)},
        "schedule": {**_FIXED_SCHEDULE, **options.schedule},
        "vae": vae,
        "denoiser": denoiser,
    }
    try:
        return parse_config(values, "the training configuration")
    except PackError as error:
        raise RequestError(
            "bad_config", error.message, "Change it with --set, or in the configuration file."
        ) from error


def continued_config(base: Pack, dataset: Dataset, options: TrainOptions) -> PackConfig:
    """That of a pack that is trained further."""
    line = taught_licence(base, dataset, options.pack.licence)
    return replace(base.config, name=options.pack.name, licence=line)


def licence(options: TrainOptions, dataset: Dataset) -> str:
    """The pack's licence of use: as configured, or what its training data asks for."""
    return options.pack.licence or f"as its training data: {', '.join(dataset.licences) or 'not stated'}"


def _conditions(options: TrainOptions, dataset: Dataset) -> list[str]:
    training = options.train_denoiser
    described = any(clip.captions for clip in dataset.clips) and training.drop + training.action < 1
    offered = {
        "text": described,
        "action": bool(dataset.actions) and training.action > 0,
        "unconditional": training.drop > 0 or not described,
    }
    return [kind for kind in CONDITION_KINDS if offered[kind]]


def _action_styles(options: TrainOptions, dataset: Dataset) -> dict[str, dict[str, int]]:
    """Action -> style -> the clips that training sees so; a mirrored clip is another one.

    Empty where the training tells no styles: nobody is to draw what was not learned.
    """
    if not options.train_denoiser.style:
        return {}
    clips = [clip for clip in dataset.clips if clip.split == "train"]
    seen = Counter((clip.action, clip.style) for clip in clips)
    if options.data.mirror:
        seen.update((clip.action_mirrored, clip.style) for clip in clips)
    counts = {
        action: {style: seen[action, style] for style in dataset.styles if seen[action, style]}
        for action in dataset.actions
    }
    return {action: styles for action, styles in counts.items() if styles}


def _short(values: Mapping[str, Any], keys: Iterable[Key]) -> dict[str, Any]:
    """Keys under the long names of the records, such as `width`, under those of config.json, such as `d`."""
    names = {key.attribute: key.name for key in keys}
    return {names.get(name, name): value for name, value in values.items()}
