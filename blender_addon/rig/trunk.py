# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain of bones from the hips to the head, found from where the limbs are attached.

Whatever its bones are called, a humanoid's hips are the lowest bone that carries both legs and the
spine, and its chest is where arms and head part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from .snapshot import RigSnapshot

SPINE_PLACES: Final[dict[int, dict[str, int]]] = {
    1: {"spine3": 0},
    2: {"spine1": 0, "spine3": 1},
    3: {"spine1": 0, "spine2": 1, "spine3": 2},
    4: {"spine1": 0, "spine2": 2, "spine3": 3},
    5: {"spine1": 1, "spine2": 2, "spine3": 4},
    6: {"spine1": 1, "spine2": 3, "spine3": 5},
    7: {"spine1": 1, "spine2": 4, "spine3": 6},
}
"""Number of spine bones -> the position from below of the bone for each spine role: bone i of n turns
as far as the joint at 3 (i + 1) / n of three, so each role goes to the bone nearest to it."""


def common_ancestor(rig: RigSnapshot, indices: Iterable[int]) -> int | None:
    """The lowest bone that is, or carries, every bone of `indices`; None when they share no root."""
    shared: list[int] | None = None
    for index in indices:
        line = [index, *rig.ancestors(index)]
        shared = line if shared is None else [bone for bone in shared if bone in line]
    return shared[0] if shared else None


def path_between(rig: RigSnapshot, upper: int, lower: int) -> tuple[int, ...]:
    """Bones from `upper` (exclusive) down the hierarchy to `lower` (inclusive); empty when `lower` is not below."""
    line = [lower, *rig.ancestors(lower)]
    if upper not in line[1:]:
        return ()
    return tuple(reversed(line[: line.index(upper)]))


def own_bones(rig: RigSnapshot, path: Sequence[int]) -> tuple[int, ...]:
    """The bones of a path that can be keyed: a constrained one is moved by the rig's own mechanism."""
    return tuple(index for index in path if not rig.constrained[index])


def spine_chain(rig: RigSnapshot, pelvis: int, spine3: int) -> tuple[int, ...]:
    """The spine bones to key, from the lowest to the chest (`spine3`)."""
    return own_bones(rig, path_between(rig, pelvis, spine3))


def neck_chain(rig: RigSnapshot, spine3: int, head: int) -> tuple[int, ...]:
    """The neck bones to key, from the lowest to the one below the head; empty where there is none."""
    return own_bones(rig, path_between(rig, spine3, head)[:-1])


def spread_spine(chain: Sequence[int]) -> dict[str, int]:
    """Spine roles -> bones, for a chain from `spine_chain`. Chains longer than seven take the nearest bones too."""
    count = len(chain)
    if count in SPINE_PLACES:
        return {role: chain[place] for role, place in SPINE_PLACES[count].items()}
    if count == 0:
        return {}
    return {f"spine{joint}": chain[round(joint * count / 3) - 1] for joint in (1, 2, 3)}
