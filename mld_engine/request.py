# SPDX-License-Identifier: GPL-3.0-or-later
"""One checked request: what to make, how long, from which seed, with which sampler settings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeGuard

from .conditions.action import label_row
from .conditions.prompt import check_prompt
from .errors import RequestError
from .segments import overlap_frames, segment_lengths

if TYPE_CHECKING:
    from .checkpoints.pack import Pack

DEFAULT_SECONDS: Final = 4.0
MAX_SEED: Final = 2**31 - 1
MAX_COUNT: Final = 64
MAX_GUIDANCE: Final = 30.0
MAX_CHAINED_SECONDS: Final = 60.0
SECONDS_TOLERANCE: Final = 1e-4
"""A limit such as 9.8 s arrives as 9.80000019 from a single-precision field."""


@dataclass(frozen=True)
class Request:
    """A request that a pack can carry out; make one with `resolve`.

    `text` or `action` (with an optional `style`), or neither for an unconditional motion. `seconds`
    is what was asked for; the motion has `frames` frames, made of `segments` that overlap (one in
    most cases, see `segments`).
    """

    text: str | None
    action: str | None
    style: str | None
    seconds: float
    frames: int
    segments: tuple[int, ...]
    seed: int
    count: int
    guidance: float
    steps: int

    @property
    def condition(self) -> Literal["text", "action", "unconditional"]:
        """Which of the pack's condition kinds this request uses."""
        if self.text is not None:
            return "text"
        return "action" if self.action is not None else "unconditional"

    def seed_of(self, take: int) -> int:
        """Seed of take number `take` (from 0): the following seeds, starting again at 0 after the largest."""
        return (self.seed + take) % (MAX_SEED + 1)

    @classmethod
    def resolve(
        cls,
        pack: Pack,
        *,
        text: object = None,
        action: object = None,
        style: object = None,
        seconds: object = None,
        seed: object = None,
        count: object = None,
        guidance: object = None,
        steps: object = None,
        chain: object = None,
    ) -> Request:
        """Check raw values (as they come from JSON) against what the pack can do; None means its default.

        Raises RequestError, whose code names the first value that is wrong: empty_prompt,
        prompt_too_long, prompt_without_words, prompt_not_english, unknown_action, unknown_style,
        condition_not_supported, bad_seconds, seconds_too_short, seconds_over_limit, bad_seed,
        bad_count, bad_guidance, bad_steps, malformed. With `chain`, motion that is longer than the
        pack's limit is made of segments, up to MAX_CHAINED_SECONDS.
        """
        text, action, style = _resolve_condition(pack, text, action, style)
        if chain is not None and not isinstance(chain, bool):
            raise RequestError("malformed", f"Chaining is a yes/no value, not {_kind(chain)}.")
        length = _resolve_seconds(pack, seconds, chained=bool(chain))
        number_of_steps = resolve_steps(pack, steps)
        return cls(
            text=text,
            action=action,
            style=style,
            seconds=length,
            frames=round(length * pack.fps),
            segments=_segments(pack, length),
            seed=_integer("seed", seed, 0, MAX_SEED, default=0),
            count=_integer("count", count, 1, MAX_COUNT, default=1),
            guidance=resolve_guidance(pack, guidance, number_of_steps),
            steps=number_of_steps,
        )


def _resolve_condition(
    pack: Pack, text: object, action: object, style: object
) -> tuple[str | None, str | None, str | None]:
    for name, value in (("text", text), ("action", action), ("style", style)):
        if value is not None and not isinstance(value, str):
            raise RequestError("malformed", f"The {name} must be words, not {_kind(value)}.")
    if text is not None and action is not None:
        raise RequestError("malformed", "A request has a text or an action, not both.", "Leave one of them out.")
    if style is not None and action is None:
        raise RequestError("malformed", "A style goes with an action.", "Choose an action, or leave the style out.")
    wanted = "text" if text is not None else "action" if action is not None else "unconditional"
    if wanted not in pack.conditions:
        raise RequestError(
            "condition_not_supported",
            f"The pack {pack.name!r} makes no motion from {_CONDITION_WORDS[wanted]}.",
            f"It works from: {', '.join(_CONDITION_WORDS[kind] for kind in pack.conditions)}.",
            {"conditions": list(pack.conditions)},
        )
    if isinstance(text, str):
        return check_prompt(text), None, None
    if not isinstance(action, str):
        return None, None, None
    label_row("action", action, pack.actions, pack.name)
    if isinstance(style, str):
        label_row("style", style, pack.styles, pack.name)
        return None, action, style
    return None, action, None


_CONDITION_WORDS: Final = {"text": "a text", "action": "an action label", "unconditional": "nothing (unconditional)"}


def _segments(pack: Pack, seconds: float) -> tuple[int, ...]:
    """Lengths of the segments that make up a motion, in frames."""
    return tuple(segment_lengths(round(seconds * pack.fps), pack.config.max_frames, overlap_frames(pack.fps)))


def _resolve_seconds(pack: Pack, value: object, *, chained: bool) -> float:
    shortest, longest = pack.min_seconds, pack.max_seconds
    if value is None:
        return min(max(DEFAULT_SECONDS, shortest), longest)
    if not _is_number(value) or not value > 0:
        raise RequestError(
            "bad_seconds",
            f"The length must be a number of seconds above 0, not {_shown(value)}.",
            f"The model {pack.name!r} makes {shortest:g} to {longest:g} s.",
            {"minimum_seconds": shortest, "limit_seconds": longest},
        )
    if value < shortest - SECONDS_TOLERANCE:
        raise RequestError(
            "seconds_too_short",
            f"{value:g} s is too short: the model {pack.name!r} makes motion of at least {shortest:g} s.",
            f"Ask for {shortest:g} s or more.",
            {"minimum_seconds": shortest},
        )
    if chained and value > max(longest, MAX_CHAINED_SECONDS) + SECONDS_TOLERANCE:
        raise RequestError(
            "seconds_over_limit",
            f"{value:g} s is too long: at most {MAX_CHAINED_SECONDS:g} s can be chained from segments.",
            f"Ask for {MAX_CHAINED_SECONDS:g} s or less.",
            {"limit_seconds": MAX_CHAINED_SECONDS},
        )
    if not chained and value > longest + SECONDS_TOLERANCE:
        segments = len(_segments(pack, float(value))) if value <= MAX_CHAINED_SECONDS + SECONDS_TOLERANCE else 0
        more = f"or have {segments} segments chained" if segments else f"or chain up to {MAX_CHAINED_SECONDS:g} s"
        raise RequestError(
            "seconds_over_limit",
            f"{value:g} s is too long: the model {pack.name!r} makes at most {longest:g} s in one take.",
            f"Ask for {longest:g} s or less, {more}.",
            {"limit_seconds": longest, "segments": segments},
        )
    return float(value)


def resolve_steps(pack: Pack, value: object) -> int:
    """The number of denoising steps asked for, or the pack's own. Raises RequestError (bad_steps)."""
    schedule = pack.config.schedule
    steps = _integer("steps", value, 1, schedule.max_steps, default=schedule.steps)
    if schedule.step_choices and steps not in schedule.step_choices:
        raise RequestError(
            "bad_steps",
            f"The pack {pack.name!r} makes motion in {_either(schedule.step_choices)} denoising steps, not {steps}.",
            f"{schedule.steps} is its own number.",
            {"minimum": 1, "maximum": schedule.max_steps, "choices": list(schedule.step_choices)},
        )
    return steps


def resolve_guidance(pack: Pack, value: object, steps: int) -> float:
    """The guidance scale asked for, or the pack's own at that many steps. Raises RequestError (bad_guidance)."""
    own = pack.config.schedule.guidance_for(steps)
    # A distilled model was taught what guidance does, and never saw motion without it.
    lowest = 1.0 if pack.config.denoiser.guidance_dim else 0.0
    if value is None:
        return own
    if not _is_number(value) or not lowest <= value <= MAX_GUIDANCE:
        raise RequestError(
            "bad_guidance",
            f"The guidance scale must be a number from {lowest:g} to {MAX_GUIDANCE:g}, not {_shown(value)}.",
            f"{own:g} is the pack's own.",
            {"minimum": lowest, "maximum": MAX_GUIDANCE},
        )
    return float(value)


def _either(numbers: Sequence[int]) -> str:
    """(1, 2, 4) -> 1, 2 or 4."""
    *others, last = map(str, numbers)
    return f"{', '.join(others)} or {last}" if others else last


def _integer(name: str, value: object, lowest: int, highest: int, *, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise RequestError(
            f"bad_{name}",
            f"The {_INTEGER_WORDS[name]} must be a whole number from {lowest} to {highest}, not {_shown(value)}.",
            details={"minimum": lowest, "maximum": highest},
        )
    return value


_INTEGER_WORDS: Final = {"seed": "seed", "count": "number of takes", "steps": "number of denoising steps"}


def _is_number(value: object) -> TypeGuard[int | float]:
    """A finite number: JSON's true is no 1, and "5" is no 5."""
    # Compared, not converted: a whole number of 400 digits is finite and still too large for a float.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _kind(value: object) -> str:
    names = {bool: "a yes/no value", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)


def _shown(value: object) -> str:
    return repr(value) if len(repr(value)) <= 40 else _kind(value)
