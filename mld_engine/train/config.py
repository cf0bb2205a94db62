# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a run's configuration: the default preset, what a preset or file changes, what --set changes."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from ..errors import RequestError
from ..export.files import atomic_file
from ..request import MAX_SEED
from .options import OptimizerOptions, TrainOptions

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PRESETS: Final = ("default", "small", "paper", "tiny")
_FREE_SECTIONS: Final = frozenset({"vae", "denoiser", "schedule"})
"""Sections whose keys are the model configuration's, which checks them itself."""

_STAGE_SECTIONS: Final = ("train_vae", "train_denoiser", "train_evaluator", "distill", "teach", "words")

Values = dict[str, Any]


def load_values(preset: str = "default", file: Path | None = None, changes: Sequence[str] = ()) -> Values:
    """The configuration as nested plain values, complete.

    `file` is a TOML file that holds what differs from `preset`; `changes` are "section.key=value".
    Raises RequestError (bad_config) for a file that cannot be read, a key that does not exist, or a
    value of another type.
    """
    values = _preset("default")
    if preset not in PRESETS:
        raise _bad(f"There is no preset {preset!r}.", f"Presets: {', '.join(PRESETS)}.")
    if preset != "default":
        values = _merged(values, _preset(preset), "")
    if file is not None:
        values = _merged(values, _read(file), "")
    for change in changes:
        values = _merged(values, _parse_change(change), "")
    parse(values)
    return values


def read_values(file: Path) -> Values:
    """A complete configuration that `dump` wrote. Raises RequestError (bad_config)."""
    return _merged(_preset("default"), _read(file), "")


def parse(values: Mapping[str, Any]) -> TrainOptions:
    """Complete values -> records. Raises RequestError (bad_config) naming the key."""
    options: TrainOptions = _record(TrainOptions, values, "")
    if options.seed > MAX_SEED:
        raise _bad(f"seed is {options.seed}, more than {MAX_SEED}.")
    lengths = options.data.lengths
    if not lengths or list(lengths) != sorted(set(lengths)) or lengths[0] < 4:
        raise _bad("data.lengths is no list of rising numbers of frames, each at least 4.")
    if len(options.data.speeds) != 2 or not 0 < options.data.speeds[0] <= 1 <= options.data.speeds[1]:
        raise _bad("data.speeds is no range around 1.")
    if not 0 < options.train_vae.share < 1:
        raise _bad("train_vae.share must be between 0 and 1.")
    if not options.train_vae.encoder and not options.pack.start:
        raise _bad("train_vae.encoder is false, but no pack.start gives an encoder to keep.")
    shares = {
        "data.time_scale": options.data.time_scale,
        "data.balance": options.data.balance,
        "train_vae.polish": options.train_vae.polish,
    }
    for name, share in shares.items():
        if share > 1:
            raise _bad(f"{name} is {share:g}, more than 1.")
    for name in _STAGE_SECTIONS:
        stage: OptimizerOptions = getattr(options, name)
        if len(stage.betas) != 2 or not all(0 <= beta < 1 for beta in (*stage.betas, stage.ema)):
            raise _bad(f"{name}.betas and {name}.ema must be below 1.")
        if stage.steps < 1 or stage.batch < 1 or stage.learning_rate <= 0:
            raise _bad(f"{name}.steps, .batch and .learning_rate must be above 0.")
    for name, latent in (
        ("train_denoiser", options.train_denoiser),
        ("distill", options.distill),
        ("teach", options.teach),
    ):
        if latent.drop + latent.action > 1:
            raise _bad(f"{name}.drop and .action are more than all rows together.")
        if latent.bank < 2 or latent.bank_steps < 1:
            raise _bad(f"{name}.bank must be 2 or more, and {name}.bank_steps above 0.")
    guidance = options.distill.guidance
    if len(guidance) != 2 or not 1 <= guidance[0] <= guidance[1]:
        raise _bad("distill.guidance is no range of guidance scales from 1 on.")
    if not 1 <= options.distill.default_steps <= options.distill.solver_steps or options.distill.ema == 0:
        raise _bad("distill.default_steps must be 1 to distill.solver_steps, and distill.ema above 0.")
    if options.words.batch < 2 or options.words.hidden < 1 or options.words.dropout >= 1:
        raise _bad("words.batch must be 2 or more, words.hidden above 0 and words.dropout below 1.")
    if options.words.captions <= 0 or options.words.captions + options.words.grammar >= 1:
        raise _bad("words.captions must be above 0, and words.captions + words.grammar below 1.")
    if options.words.trials < 1:
        raise _bad("words.trials must be 1 or more.")
    if not 0 <= options.teach.keep < 1:
        raise _bad("teach.keep must be below 1.")
    return options


def with_change(values: Values, section: str, key: str, value: Any) -> Values:
    """A copy with one value changed; `section` is empty for a key at the top."""
    return _merged(values, {section: {key: value}} if section else {key: value}, "")


def dump(values: Mapping[str, Any]) -> str:
    """Nested values -> TOML: plain keys first, then one table a section."""
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    lines = [f"{key} = {_toml(value)}" for key, value in plain.items()]
    for section, content in values.items():
        if isinstance(content, Mapping):
            lines += ["", f"[{section}]", *(f"{key} = {_toml(value)}" for key, value in content.items())]
    return "\n".join(lines) + "\n"


def store(path: Path, values: Mapping[str, Any]) -> None:
    """Write what `read_values` reads, whole: the half of a configuration is another one."""
    with atomic_file(path) as stream:
        stream.write(dump(values).encode("utf-8"))


@cache
def _preset_text(name: str) -> str:
    return (resources.files(__package__) / "presets" / f"{name}.toml").read_text(encoding="utf-8")


def _preset(name: str) -> Values:
    return tomllib.loads(_preset_text(name))


def _read(file: Path) -> Values:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise _bad(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise _bad(f"{file} is not TOML: {error}.") from error


def _parse_change(change: str) -> Values:
    """ "vae.tokens=8" -> {"vae": {"tokens": 8}}; a value that is not TOML is a text."""
    path, sign, text = change.partition("=")
    names = [name.strip() for name in path.split(".")]
    if not sign or not all(names) or len(names) > 2:
        raise _bad(f"--set {change!r} is not section.key=value.")
    try:
        value = tomllib.loads(f"value = {text.strip()}")["value"]
    except ValueError:
        value = text.strip()
    return {names[0]: value} if len(names) == 1 else {names[0]: {names[1]: value}}


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any], path: str) -> Values:
    result: Values = dict(base)
    for key, value in changes.items():
        name = f"{path}{key}"
        if key not in base and path[:-1] not in _FREE_SECTIONS:
            raise _bad(f"There is no setting {name!r}.", f"Known here: {', '.join(base)}.")
        if isinstance(base.get(key), Mapping) != isinstance(value, Mapping):
            raise _bad(
                f"{name} is {value!r}, not {'a section' if isinstance(base.get(key), Mapping) else 'one value'}."
            )
        result[key] = _merged(base[key], value, f"{name}.") if isinstance(value, Mapping) else value
    return result


def _record(kind: Any, values: Mapping[str, Any], path: str) -> Any:
    hints = get_type_hints(kind)
    made = {}
    for field in fields(kind):
        if field.name not in values:
            raise _bad(f"The setting {path}{field.name} is missing.")
        made[field.name] = _value(hints[field.name], values[field.name], f"{path}{field.name}")
    return kind(**made)


def _value(kind: Any, value: Any, name: str) -> Any:
    if is_dataclass(kind):
        return _record(kind, value, f"{name}.")
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise _bad(f"{name} is {value!r}, not one of {', '.join(get_args(kind))}.")
        return value
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise _bad(f"{name} is {value!r}, not a list.")
        return tuple(_value(get_args(kind)[0], item, name) for item in value)
    if get_origin(kind) is dict:
        return dict(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise _bad(f"{name} is {value!r}, not of type {kind.__name__}.")
    if kind in (int, float) and not 0 <= value < math.inf:
        raise _bad(f"{name} is {value!r}, not a number from 0 on.")
    return value


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return repr(value)


def _bad(message: str, hint: str = "") -> RequestError:
    return RequestError("bad_config", message, hint)
