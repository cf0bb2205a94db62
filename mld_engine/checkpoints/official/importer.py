# SPDX-License-Identifier: GPL-3.0-or-later
"""A published checkpoint -> a pack: read, recognised, converted, written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from torch import Tensor

from ...errors import PackError, RequestError
from ...representations.registry import FORMATS
from ..config import PackConfig, Prediction, RepresentationConfig, TextEncoderConfig
from ..pack import Pack
from ..writer import check_pack_directory, write_pack
from . import card
from .action_names import BY_COUNT
from .inference import infer_variant
from .lightning import Checkpoint, read_checkpoint
from .statistics import pack_statistics
from .tensor_names import convert
from .variant import MIN_FRAMES, Variant, variant_configs

TextEncoderKind = Literal["clip", "t5"]

SOURCE_FILE: Final = "source.json"
TEXT_ENCODERS: Final[dict[str, TextEncoderConfig]] = {
    "clip": TextEncoderConfig(
        name="clip-vit-large-patch14",
        dim=768,
        pooling="end_token",
        normalize=False,
        max_tokens=77,
        model="ViT-L-14-quickgelu",
    ),
    "t5": TextEncoderConfig(name="sentence-t5-large", dim=768, pooling="mean", normalize=True, max_tokens=256),
}
"""What the published models read text with: CLIP the official MLD, Sentence-T5 every MotionLCM."""
_PUBLISHED_FORMATS: Final = ("humanml263", "kit251", "action150")


@dataclass(frozen=True)
class ImportOptions:
    """What a checkpoint cannot say by itself. `mean` and `std` are .npy files; `actions` names the classes."""

    vae: Path | None = None
    text_encoder: TextEncoderKind | None = None
    mean: Path | None = None
    std: Path | None = None
    actions: tuple[str, ...] = ()
    prediction: Prediction = "eps"
    fps: float | None = None
    name: str = ""
    licence: str = ""
    half: bool = False
    overwrite: bool = False


@dataclass(frozen=True)
class Imported:
    """The pack that was written, what it was recognised as, and what was left out of it."""

    pack: Pack
    variant: Variant
    dropped: dict[str, int]
    inert: tuple[str, ...]


def import_checkpoint(source: Path, directory: Path, options: ImportOptions | None = None) -> Imported:
    """Make a pack of a checkpoint of MLD or MotionLCM in `directory`, whole or not at all.

    Raises RequestError with a sentence that names what is missing or wrong (missing_file,
    bad_checkpoint, checkpoint_not_supported, missing_vae, missing_text_encoder, missing_statistics,
    bad_statistics, missing_actions, output_exists), EngineError (output_failed).
    """
    options = options or ImportOptions()
    check_pack_directory(directory, overwrite=options.overwrite)
    checkpoint = read_checkpoint(source)
    vae = read_checkpoint(options.vae) if options.vae is not None else None
    tensors = _usual_names(checkpoint.tensors if vae is None else {**checkpoint.part("denoiser."), **vae.part("vae.")})
    try:
        variant = infer_variant(tensors, prediction=options.prediction)
        if variant.vae == "none":
            tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith("vae.")}
        converted = convert(variant, tensors)
    except PackError as error:
        raise RequestError(error.code, error.message, error.hint, error.details) from error
    licence = options.licence or card.licence(variant)
    config = _config(variant, options, options.name or directory.resolve().name, licence)
    statistics = pack_statistics(variant, options.mean, options.std)
    files = [checkpoint] if vae is None else [checkpoint, vae]
    dropped = dict(sum((Counter(file.dropped) for file in files), Counter()))
    pack = write_pack(
        directory,
        config,
        encoder=converted.encoder,
        decoder=converted.decoder,
        denoiser=converted.denoiser,
        statistics=statistics,
        model_card=card.model_card(config, variant, files, dropped),
        licence_text=card.licence_text(variant, licence),
        extra_files={SOURCE_FILE: (json.dumps(_source(files, options), indent=1) + "\n").encode()},
        half=options.half,
        overwrite=options.overwrite,
    )
    return Imported(pack, variant, dropped, tuple(sorted({name for file in files for name in file.inert})))


def _usual_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The text's layer counts as second in a pair with its activation, also where there is no activation."""
    usual = {f"denoiser.emb_proj.{part}": f"denoiser.emb_proj.1.{part}" for part in ("weight", "bias")}
    return {usual.get(name, name): tensor for name, tensor in tensors.items()}


def _config(variant: Variant, options: ImportOptions, name: str, licence: str) -> PackConfig:
    representation, body = _representation(variant, options.fps)
    vae, denoiser, schedule = variant_configs(variant)
    return PackConfig(
        name=name,
        licence=licence,
        representation=representation,
        min_frames=MIN_FRAMES,
        max_frames=variant.max_frames,
        conditions=(variant.condition, "unconditional"),
        text_encoder=_text_encoder(variant, options.text_encoder) if variant.condition == "text" else None,
        actions=_actions(variant, options.actions),
        styles=(),
        offsets=body,
        schedule=schedule,
        vae=vae,
        denoiser=denoiser,
    )


def _representation(
    variant: Variant, fps: float | None
) -> tuple[RepresentationConfig, tuple[tuple[float, float, float], ...]]:
    for name in _PUBLISHED_FORMATS:
        if FORMATS[name].published.features == variant.features:
            config = FORMATS[name].published
            body = tuple((float(x), float(y), float(z)) for x, y, z in FORMATS[name].body)
            return (config if fps is None else replace(config, fps=fps)), body
    known = ", ".join(f"{FORMATS[name].published.features} ({name})" for name in _PUBLISHED_FORMATS)
    raise RequestError(
        "checkpoint_not_supported",
        f"The checkpoint's motion has {variant.features} numbers a frame; this engine knows {known}.",
        "Check that the file is a checkpoint of MLD or MotionLCM.",
    )


def _text_encoder(variant: Variant, told: TextEncoderKind | None) -> TextEncoderConfig:
    distilled = variant.family in ("motionlcm_v1", "motionlcm_v2")
    if told is None and not distilled:
        raise RequestError(
            "missing_text_encoder",
            "The checkpoint does not say which text encoder it was trained with: CLIP and Sentence-T5 have "
            "embeddings of the same size.",
            "Give --text-encoder clip for a checkpoint of MLD, --text-encoder t5 for one of MotionLCM.",
        )
    config = TEXT_ENCODERS[told or "t5"]
    if config.dim != variant.text_dim:
        raise RequestError(
            "checkpoint_not_supported",
            f"The checkpoint reads texts of {variant.text_dim} numbers, {config.name} gives {config.dim}.",
            "Check that the file is a checkpoint of MLD or MotionLCM.",
        )
    return config


def _actions(variant: Variant, told: tuple[str, ...]) -> tuple[str, ...]:
    names = told or BY_COUNT.get(variant.actions, ())
    if len(names) == variant.actions and len(set(names)) == len(names):
        return names if variant.actions else ()
    given = f"{len(told)} names were given" if told else "they are not the 12 of HumanAct12 or the 40 of UESTC"
    raise RequestError(
        "missing_actions",
        f"The checkpoint has {variant.actions} action classes, whose names it does not hold: {given}.",
        "Give a text file with one name a line, in the order of their numbers, with --actions FILE "
        "(a data set's action_classes.txt is such a file).",
    )


def _source(files: list[Checkpoint], options: ImportOptions) -> dict[str, object]:
    """Where a pack comes from, for programs."""
    given = {"mean": options.mean, "std": options.std}
    return {
        "files": [
            {"name": file.path.name, "sha256": file.sha256, "epoch": file.epoch, "step": file.step} for file in files
        ],
        "statistics": {key: path.name for key, path in given.items() if path is not None},
    }
