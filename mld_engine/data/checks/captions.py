# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of what is said about a clip, on its own and beside what moves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from ...conditions.prompt import check_prompt
from ...contract.skeleton import JOINT_INDEX
from ...errors import RequestError
from .motion import ClipView
from .report import Finding

_LIMBS: Final = {
    "wrist": re.compile(r"\b(left|right)\s+(?:\w+\s+)?(?:arm|hand|elbow|fist|wrist|palm|forearm)\b", re.IGNORECASE),
    "ankle": re.compile(r"\b(left|right)\s+(?:\w+\s+)?(?:leg|foot|knee|heel|toes?|shin)\b", re.IGNORECASE),
}
"""The joint whose movement shows what words of this kind say."""
_SIDE: Final = re.compile(r"\b(left|right)\b", re.IGNORECASE)
_CLEARLY: Final = 3.0
"""The other side has to move this many times as much before the words are doubted."""
_LEAST_METRES: Final = 0.5
_SMOOTHED_FRAMES: Final = 5


def check_captions(view: ClipView) -> Iterator[Finding]:
    """Warnings about a clip's captions; the motion itself stays of use."""
    record = view.record
    if not record.captions and not record.action:
        yield Finding("captions", "warning", "it has no caption and no action: nothing can be asked for", record.name)
    for caption in record.captions:
        problem = _unreadable(caption)
        if problem:
            yield Finding("captions", "warning", f"{caption[:60]!r} {problem}", record.name)
            break
    for joint in _LIMBS:
        told = side_told(record.captions, joint)
        moving = side_moving(view, joint)
        if told and moving and told != moving:
            quoted = next(caption for caption in record.captions if _LIMBS[joint].search(caption))
            message = f"{quoted[:60]!r}, but the {moving} {joint} moves far more than the {told} one"
            yield Finding("sides", "warning", message, record.name)


def side_told(captions: Sequence[str], joint: str) -> str:
    """The one side that there is in all captions which name a limb of this kind; empty where there are two or none."""
    naming = [caption for caption in captions if _LIMBS[joint].search(caption)]
    sides = {side.lower() for caption in naming for side in _SIDE.findall(caption)}
    return sides.pop() if len(sides) == 1 else ""


def side_moving(view: ClipView, joint: str) -> str:
    """The side whose wrist or ankle moves clearly more, seen from the body; empty where none does."""
    around = view.joints - view.joints[:, :1]
    cosine, sine = np.cos(view.yaw)[:, None], np.sin(view.yaw)[:, None]
    lengths = {}
    for side in ("left", "right"):
        x, y, z = np.moveaxis(around[:, JOINT_INDEX[f"{side}_{joint}"]], -1, 0)[..., None]
        path = np.concatenate([cosine * x - sine * z, y, sine * x + cosine * z], 1)
        # Tremor of a capture adds up over time; movement lasts longer than a few frames.
        steps = np.linalg.norm(np.diff(path[::_SMOOTHED_FRAMES], axis=0), axis=1)
        lengths[side] = float(steps.sum())
    more, less = sorted(lengths, key=lengths.__getitem__, reverse=True)
    clear = lengths[more] > _CLEARLY * lengths[less] and lengths[more] > _LEAST_METRES
    return more if clear else ""


def _unreadable(caption: str) -> str:
    try:
        check_prompt(caption)
    except RequestError as error:
        return {
            "empty_prompt": "is empty",
            "prompt_too_long": "is too long for a text encoder",
            "prompt_without_words": "has no words",
            "prompt_not_english": "is not English",
        }[error.code]
    strange = sorted({letter for letter in caption if letter.isalpha() and not letter.isascii()})
    return f"has letters that English has not: {' '.join(strange)}" if strange else ""
