# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of config.json's sections: one table a record, which both reads and writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from typing import Any, Final, NamedTuple, TypeVar, get_args

from ..reader import Section
from .records import (
    Architecture,
    DenoiserArchitecture,
    Distribution,
    FinalAlpha,
    Norm,
    NullCondition,
    Positions,
    Prediction,
    Sampler,
    SamplerPreset,
    Spacing,
    TextActivation,
    TextScale,
)

Record = TypeVar("Record")
Read = Callable[[Section, str], Any]


class Key(NamedTuple):
    """`name` in the file is the record's field `attribute`."""

    name: str
    attribute: str
    read: Read


def read_record(record: Callable[..., Record], keys: Iterable[Key], section: Section) -> Record:
    """The section as a record; a key that is not there leaves its field's default. Raises PackError."""
    optional = _defaults(record)
    found = [key for key in keys if key.attribute not in optional or section.has(key.name)]
    made = record(**{key.attribute: key.read(section, key.name) for key in found})
    section.done()
    return made


def write_record(config: object, keys: Iterable[Key]) -> dict[str, Any]:
    """JSON values that `read_record` reads as `config`; fields that have their default are left out."""
    defaults = _defaults(type(config))
    values: dict[str, Any] = {}
    for key in keys:
        value = getattr(config, key.attribute)
        if key.attribute not in defaults or value != defaults[key.attribute]:
            values[key.name] = _plain(value)
    return values


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    if isinstance(value, SamplerPreset):
        return write_record(value, PRESET_KEYS)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _defaults(record: Any) -> dict[str, Any]:
    return {field.name: field.default for field in fields(record) if field.default is not MISSING}


def _whole(lowest: int = 0) -> Read:
    return lambda section, key: section.integer(key, lowest)


def _choice(literal: Any) -> Read:
    return lambda section, key: section.text(key, get_args(literal))


def _words(*choices: str) -> Read:
    return lambda section, key: section.text(key, choices)


def _read_presets(section: Section, key: str) -> tuple[SamplerPreset, ...]:
    return tuple(read_record(SamplerPreset, PRESET_KEYS, item) for item in section.sections(key))


_text: Final[Read] = Section.text
_flag: Final[Read] = Section.flag
_number: Final[Read] = Section.number

REPRESENTATION_KEYS: Final = (
    Key("name", "name", _text),
    Key("fps", "fps", _number),
    Key("rotation_6d", "rotation_6d", _words("columns", "rows")),
    Key("heading", "heading", _words("twist", "velocity", "none")),
    Key("up", "up", _words("y", "-y")),
    Key("features", "features", _whole(1)),
)
TEXT_ENCODER_KEYS: Final = (
    Key("name", "name", _text),
    Key("dim", "dim", _whole(1)),
    Key("pooling", "pooling", _words("mean", "end_token")),
    Key("normalize", "normalize", _flag),
    Key("max_tokens", "max_tokens", _whole(3)),
    Key("package", "package", _text),
    Key("weights_sha256", "weights_sha256", lambda section, key: section.text(key).lower()),
    Key("model", "model", _text),
)
PRESET_KEYS: Final = (
    Key("timesteps", "timesteps", Section.integers),
    Key("guidance_scale", "guidance_scale", _number),
)
SCHEDULE_KEYS: Final = (
    Key("train_steps", "train_steps", _whole(1)),
    Key("beta_start", "beta_start", _number),
    Key("beta_end", "beta_end", _number),
    Key("beta_schedule", "beta_schedule", _words("scaled_linear")),
    Key("prediction", "prediction", _choice(Prediction)),
    Key("steps", "steps", _whole(1)),
    Key("guidance_scale", "guidance_scale", _number),
    Key("spacing", "spacing", _choice(Spacing)),
    Key("steps_offset", "steps_offset", _whole()),
    Key("final_alpha", "final_alpha", _choice(FinalAlpha)),
    Key("sampler", "sampler", _choice(Sampler)),
    Key("lcm_steps", "lcm_steps", _whole(1)),
    Key("presets", "presets", _read_presets),
)
_TRANSFORMER_KEYS: Final = (
    Key("n_tokens", "tokens", _whole(1)),
    Key("latent_dim", "latent_dim", _whole(1)),
    Key("d", "width", _whole(2)),
    Key("layers", "layers", _whole(1)),
    Key("heads", "heads", _whole(1)),
    Key("ff", "feedforward", _whole(1)),
    Key("drop", "dropout", _number),
    Key("norm", "norm", _choice(Norm)),
    Key("skips", "skips", _flag),
    Key("final_norm", "final_norm", _flag),
    Key("latent_projection", "latent_projection", _flag),
)
VAE_KEYS: Final = (
    *_TRANSFORMER_KEYS,
    Key("max_frames", "max_frames", _whole(1)),
    Key("pos", "positions", _choice(Positions)),
    Key("nfeats", "features", _whole(1)),
    Key("architecture", "architecture", _choice(Architecture)),
    Key("distribution", "distribution", _choice(Distribution)),
    Key("end_positions", "end_positions", _flag),
    Key("memory_positions", "memory_positions", _flag),
    Key("harmonics", "harmonics", _whole()),
)
DENOISER_KEYS: Final = (
    *_TRANSFORMER_KEYS,
    Key("n_actions", "actions", _whole()),
    Key("n_styles", "styles", _whole()),
    Key("text_dim", "text_dim", _whole()),
    Key("architecture", "architecture", _choice(DenoiserArchitecture)),
    Key("raw_motion", "raw_motion", _flag),
    Key("time_dim", "time_dim", _whole(2)),
    Key("text_activation", "text_activation", _choice(TextActivation)),
    Key("text_scale", "text_scale", _choice(TextScale)),
    Key("kind_embedding", "kind_embedding", _flag),
    Key("duration_token", "duration_token", _flag),
    Key("null", "null_condition", _choice(NullCondition)),
    Key("guidance_dim", "guidance_dim", _whole()),
    Key("text_adapter", "text_adapter", _whole()),
    Key("text_goals", "text_goals", _whole()),
)
