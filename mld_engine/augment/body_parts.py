# SPDX-License-Identifier: GPL-3.0-or-later
"""Which actions are done with the arms alone, and so can be done on the legs of another clip."""

from __future__ import annotations

from typing import Final

from ..contract.skeleton import JOINT_INDEX


def _arm(side: str) -> tuple[int, ...]:
    return tuple(JOINT_INDEX[f"{side}_{part}"] for part in ("collar", "shoulder", "elbow", "wrist"))


ARM_JOINTS: Final[dict[str, tuple[int, ...]]] = {
    "wave_left": _arm("left"),
    "wave_right": _arm("right"),
    "wave_both": (*_arm("left"), *_arm("right")),
    "raise_left": _arm("left"),
    "raise_right": _arm("right"),
    "raise_both": (*_arm("left"), *_arm("right")),
    "drink": (*_arm("left"), *_arm("right")),
    "guide": (*_arm("left"), *_arm("right")),
}
"""Action of the arms -> the joints that it moves."""

LEG_ACTIONS: Final = (
    "walk", "walk_backward", "run", "turn_left", "turn_right", "turn_around", "sidestep_left",
    "sidestep_right", "skip", "sit", "crouch",
)  # fmt: skip
"""Actions of the legs, on which those of the arms are put."""
