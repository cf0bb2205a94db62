# SPDX-License-Identifier: GPL-3.0-or-later
"""The two skeletons of the family: chains, rest axes, and the joints that give facing and contacts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor

from .layout import Layout


@dataclass(frozen=True)
class FeatureSkeleton:
    """A skeleton as the feature extractor sees it.

    chains     each starts at the root or at a joint of an earlier chain; the rotations of EVERY chain
               start again from the root's, so that those of the arms do not know the spine
    axes       unit rest direction of the bone that ends in each joint (the root's is unused)
    lengths    length of that bone on the one body that the whole data set is carried onto
    hips       right, left; with `shoulders` they give the facing direction
    shoulders  right, left
    leg        the two joints of one leg whose bones measure how large a body is
    feet       joints of the four contact numbers, in their order
    still      squared displacement between two frames under which a foot counts as standing
    """

    chains: tuple[tuple[int, ...], ...]
    axes: tuple[tuple[int, int, int], ...]
    lengths: tuple[float, ...]
    hips: tuple[int, int]
    shoulders: tuple[int, int]
    leg: tuple[int, int]
    feet: tuple[int, int, int, int]
    still: float

    @property
    def joints(self) -> int:
        return len(self.axes)

    @property
    def layout(self) -> Layout:
        return Layout(self.joints)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) of every bone, parents first."""
        return tuple(bone for chain in self.chains for bone in pairwise(chain))

    def bone_lengths(self, like: Tensor) -> Tensor:
        """(J,) lengths of the data set's body in the dtype and on the device of `like`."""
        return torch.tensor(self.lengths, dtype=like.dtype, device=like.device)


_LEFT, _RIGHT, _UP, _DOWN, _FORWARD = (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1)
_NONE = (0, 0, 0)

HUMANML: Final = FeatureSkeleton(
    chains=((0, 2, 5, 8, 11), (0, 1, 4, 7, 10), (0, 3, 6, 9, 12, 15), (9, 14, 17, 19, 21), (9, 13, 16, 18, 20)),
    axes=(
        _NONE, _LEFT, _RIGHT, _UP, _DOWN, _DOWN, _UP, _DOWN, _DOWN, _UP, _FORWARD, _FORWARD, _UP, _LEFT, _RIGHT,
        _FORWARD, _DOWN, _DOWN, _DOWN, _DOWN, _DOWN, _DOWN,
    ),
    lengths=(
        0.0, 0.103074, 0.109883, 0.131568, 0.393623, 0.390188, 0.143190, 0.432433,
        0.425643, 0.057365, 0.143382, 0.149419, 0.219360, 0.137487, 0.143383, 0.103039,
        0.131614, 0.122984, 0.256840, 0.263092, 0.266012, 0.269876,
    ),
    hips=(2, 1),
    shoulders=(17, 16),
    leg=(5, 8),
    feet=(7, 10, 8, 11),
    still=0.002,
)  # fmt: skip
"""HumanML3D: the 22 body joints of SMPL, metres, 20 frames a second.

The lengths are those of the published clips, which all have the body of clip 000021."""

KIT: Final = FeatureSkeleton(
    chains=((0, 11, 12, 13, 14, 15), (0, 16, 17, 18, 19, 20), (0, 1, 2, 3, 4), (3, 5, 6, 7), (3, 8, 9, 10)),
    axes=(
        _NONE, _UP, _UP, _UP, _UP, _LEFT, _DOWN, _DOWN, _RIGHT, _DOWN, _DOWN,
        _LEFT, _DOWN, _DOWN, _FORWARD, _FORWARD, _RIGHT, _DOWN, _DOWN, _FORWARD, _FORWARD,
    ),
    lengths=(
        0.0, 80.0, 120.0, 44.0, 30.0, 110.0, 188.0, 145.0, 110.0, 188.0, 145.0,
        52.0, 245.0, 246.0, 30.27, 56.29, 52.0, 245.0, 246.0, 30.27, 56.29,
    ),
    hips=(11, 16),
    shoulders=(5, 8),
    leg=(17, 18),
    feet=(19, 20, 14, 15),
    still=0.05,
)  # fmt: skip
"""KIT Motion-Language: 21 joints of the Master Motor Map, 12.5 frames a second.

The unit is the millimetre of the reference model, a body one metre tall; the lengths are that
model's. The names "right" and "left" of `hips`, `shoulders` and `feet` are the data set's; see
`kit_body` for what they are on a real body."""
