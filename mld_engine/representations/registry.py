# SPDX-License-Identifier: GPL-3.0-or-later
"""Representations by the name that a pack's configuration gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checkpoints.config import RepresentationConfig
from ..contract.skeleton import REST_OFFSETS
from ..errors import PackError
from . import action150, humanml263, kit251, smpl203
from .base import Representation


class Format(NamedTuple):
    """A representation that the engine reads.

    make       builds it from a pack's configuration
    published  the configuration of the models that were published in it
    body       (22, 3) float32 metres: rest offsets of the body that its motions are given on
    """

    make: Callable[[RepresentationConfig], Representation]
    published: RepresentationConfig
    body: NDArray[np.float32]


FORMATS: Final[dict[str, Format]] = {
    "smpl203": Format(
        lambda config: smpl203.Smpl203(fps=config.fps),
        RepresentationConfig("smpl203", 30.0, smpl203.FEATURES, rotation_6d="columns", heading="twist"),
        REST_OFFSETS,
    ),
    "humanml263": Format(
        lambda config: humanml263.Humanml263(fps=config.fps),
        RepresentationConfig("humanml263", humanml263.FPS, 263, rotation_6d="columns", heading="velocity"),
        humanml263.BODY.numpy(),
    ),
    "kit251": Format(
        lambda config: kit251.Kit251(fps=config.fps),
        RepresentationConfig("kit251", kit251.FPS, 251, rotation_6d="columns", heading="velocity"),
        REST_OFFSETS,
    ),
    "action150": Format(
        lambda config: action150.Action150(fps=config.fps, up=config.up),
        RepresentationConfig("action150", action150.FPS, 150, rotation_6d="rows", heading="none", up="-y"),
        REST_OFFSETS,
    ),
}


def make_representation(config: RepresentationConfig) -> Representation:
    """Raises PackError (pack_corrupt) for a name that is not in the table, another number of features, or
    conventions that the format does not have."""
    if config.name not in FORMATS:
        raise PackError(
            "pack_corrupt",
            f"The pack writes motion as {config.name!r}; this engine reads {', '.join(sorted(FORMATS))}.",
            "Update the engine.",
        )
    known = FORMATS[config.name]
    if known.published.features != config.features:
        raise PackError(
            "pack_corrupt",
            f"The pack has {config.features} features a frame; {config.name} has {known.published.features}.",
        )
    for key in ("rotation_6d", "heading"):
        found, expected = getattr(config, key), getattr(known.published, key)
        if found != expected:
            raise PackError("pack_corrupt", f"The pack has {key} {found!r}; {config.name} has {expected!r}.")
    if config.up != "y" and known.published.up == "y":
        raise PackError("pack_corrupt", f"The pack has up {config.up!r}; {config.name} is always Y up.")
    return known.make(config)
