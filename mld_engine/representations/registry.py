# SPDX-License-Identifier: GPL-3.0-or-later
"""Representations by the name that a pack's configuration gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..checkpoints.config import RepresentationConfig
from ..errors import PackError
from .base import Representation
from .smpl203 import Smpl203

REPRESENTATIONS: Final[dict[str, Callable[[RepresentationConfig], Representation]]] = {
    "smpl203": lambda config: Smpl203(fps=config.fps),
}


def make_representation(config: RepresentationConfig) -> Representation:
    """Raises PackError (pack_corrupt) for a name that is not in the table or another number of features."""
    if config.name not in REPRESENTATIONS:
        raise PackError(
            "pack_corrupt",
            f"The pack writes motion as {config.name!r}; this engine reads {', '.join(sorted(REPRESENTATIONS))}.",
            "Update the engine.",
        )
    representation = REPRESENTATIONS[config.name](config)
    if representation.features != config.features:
        raise PackError(
            "pack_corrupt",
            f"The pack has {config.features} features a frame; {config.name} has {representation.features}.",
        )
    return representation
