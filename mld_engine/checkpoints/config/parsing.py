# SPDX-License-Identifier: GPL-3.0-or-later
"""config.json <-> PackConfig, and the checks that span several keys."""

from __future__ import annotations

from typing import Any, Final

from ...contract.skeleton import JOINT_COUNT, PARENTS
from ..reader import Section
from .checks import check_agreement, check_denoiser, check_representation, check_schedule, check_vae
from .keys import (
    DENOISER_KEYS,
    REPRESENTATION_KEYS,
    SCHEDULE_KEYS,
    TEXT_ENCODER_KEYS,
    VAE_KEYS,
    read_record,
    write_record,
)
from .records import (
    ActionStyles,
    DenoiserConfig,
    PackConfig,
    RepresentationConfig,
    ScheduleConfig,
    TextEncoderConfig,
    VaeConfig,
)

FORMAT_VERSION: Final = 1
CONDITION_KINDS: Final = ("text", "action", "unconditional")


def parse_config(values: object, file: str) -> PackConfig:
    """config.json's values -> PackConfig. `file` is named in errors.

    Raises PackError (pack_corrupt) naming the key: missing, unknown, of another type, or at odds
    with another key.
    """
    top = Section(values, file)
    version = top.integer("format_version")
    if version != FORMAT_VERSION:
        raise top.wrong("format_version", f"is {version}; this engine reads version {FORMAT_VERSION}")
    frames = top.section("frames")
    conditions = top.texts("conditions", CONDITION_KINDS)
    reads_text = "text" in conditions or top.has("text_encoder")
    config = PackConfig(
        name=top.text("name"),
        licence=top.text("licence"),
        representation=_representation(top.section("representation")),
        min_frames=frames.integer("min", 1),
        max_frames=frames.integer("max", 1),
        conditions=conditions,
        text_encoder=_text_encoder(top.section("text_encoder")) if reads_text else None,
        actions=top.texts("actions"),
        styles=top.texts("styles"),
        offsets=_offsets(top),
        schedule=_schedule(top.section("schedule")),
        vae=_vae(top.section("vae")) if top.has("vae") else None,
        denoiser=_denoiser(top.section("denoiser")),
        action_styles=_action_styles(top.section("action_styles")) if top.has("action_styles") else (),
    )
    frames.done()
    top.done()
    check_agreement(top, config)
    return config


def config_values(config: PackConfig) -> dict[str, Any]:
    """The JSON values that `parse_config` reads as `config`; optional keys at their default are left out."""
    values: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "name": config.name,
        "licence": config.licence,
        "representation": write_record(config.representation, REPRESENTATION_KEYS),
        "frames": {"min": config.min_frames, "max": config.max_frames},
        "conditions": list(config.conditions),
    }
    if config.text_encoder is not None:
        values["text_encoder"] = write_record(config.text_encoder, TEXT_ENCODER_KEYS)
    values["actions"] = list(config.actions)
    values["styles"] = list(config.styles)
    if config.action_styles:
        values["action_styles"] = {seen.action: dict(seen.counts) for seen in config.action_styles}
    values["skeleton"] = {
        "joints": JOINT_COUNT,
        "offsets": [list(offset) for offset in config.offsets],
        "parents": list(PARENTS),
    }
    values["schedule"] = write_record(config.schedule, SCHEDULE_KEYS)
    if config.vae is not None:
        values["vae"] = write_record(config.vae, VAE_KEYS)
    values["denoiser"] = write_record(config.denoiser, DENOISER_KEYS)
    return values


def _offsets(top: Section) -> tuple[tuple[float, float, float], ...]:
    skeleton = top.section("skeleton")
    if skeleton.integer("joints") != JOINT_COUNT or skeleton.integers("parents") != PARENTS:
        raise top.wrong("skeleton", f"is not the {JOINT_COUNT}-joint SMPL skeleton")
    offsets = skeleton.vectors("offsets", JOINT_COUNT)
    skeleton.done()
    return offsets


def _action_styles(section: Section) -> tuple[ActionStyles, ...]:
    found = []
    for action in section.names():
        counts = section.section(action)
        found.append(ActionStyles(action, tuple((style, counts.integer(style, 1)) for style in counts.names())))
    return tuple(found)


def _representation(section: Section) -> RepresentationConfig:
    config = read_record(RepresentationConfig, REPRESENTATION_KEYS, section)
    check_representation(section, config)
    return config


def _text_encoder(section: Section) -> TextEncoderConfig:
    return read_record(TextEncoderConfig, TEXT_ENCODER_KEYS, section)


def _schedule(section: Section) -> ScheduleConfig:
    config = read_record(ScheduleConfig, SCHEDULE_KEYS, section)
    check_schedule(section, config)
    return config


def _vae(section: Section) -> VaeConfig:
    config = read_record(VaeConfig, VAE_KEYS, section)
    check_vae(section, config)
    return config


def _denoiser(section: Section) -> DenoiserConfig:
    config = read_record(DenoiserConfig, DENOISER_KEYS, section)
    check_denoiser(section, config)
    return config
