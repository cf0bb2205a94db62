# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes RigSnapshots out of named bones with heads and tails. Pure numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blender_addon.rig.snapshot import RigSnapshot

Vector = NDArray[np.float64]


@dataclass
class Builder:
    """Bones by key, parents before children, in the standing Z-up frame."""

    keys: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    heads: list[Vector] = field(default_factory=list)
    tails: list[Vector] = field(default_factory=list)

    def add(self, key: str, parent: str | None, head: Any, tail: Any) -> str:
        """Append a bone and return its key."""
        self.keys.append(key)
        self.parents.append(-1 if parent is None else self.keys.index(parent))
        self.heads.append(np.asarray(head, dtype=np.float64))
        self.tails.append(np.asarray(tail, dtype=np.float64))
        return key


def snapshot_of(
    builder: Builder,
    to_armature: NDArray[np.float64] | None = None,
    world: NDArray[np.float64] | None = None,
    *,
    name: str = "Rig",
    rename: Callable[[str], str] | Mapping[str, str] | None = None,
    rolls: np.random.Generator | None = None,
    random_axes: np.random.Generator | None = None,
    **fields: Any,
) -> RigSnapshot:
    """The builder's bones as a snapshot; `to_armature` (3, 3) maps the standing frame to armature space."""
    matrix = np.eye(3) if to_armature is None else to_armature
    heads = np.array(builder.heads) @ matrix.T
    tails = np.array(builder.tails) @ matrix.T
    count = len(builder.keys)
    rest = np.tile(np.eye(4), (count, 1, 1))
    rest[:, :3, 3] = heads
    lengths = np.linalg.norm(tails - heads, axis=1)
    for index in range(count):
        if random_axes is not None:
            axes = _random_rotation(random_axes)
        else:
            axes = _bone_axes(tails[index] - heads[index], rolls.uniform(-np.pi, np.pi) if rolls is not None else 0.0)
        rest[index, :3, :3] = axes
    pick = rename if callable(rename) else (lambda key: (rename or {}).get(key, key))
    values: dict[str, Any] = {
        "name": name,
        "bone_names": tuple(pick(key) for key in builder.keys),
        "parents": tuple(builder.parents),
        "rest": rest,
        "lengths": lengths,
        "world": np.eye(4) if world is None else world,
        "basis": np.tile(np.eye(4), (count, 1, 1)),
        "rotation_modes": ("QUATERNION",) * count,
        "inherit_rotation": np.ones(count, dtype=np.bool_),
        "inherit_scale": ("FULL",) * count,
        "use_local_location": np.ones(count, dtype=np.bool_),
        "connected": np.zeros(count, dtype=np.bool_),
        "lock_location": np.zeros((count, 3), dtype=np.bool_),
        "lock_rotation": np.zeros((count, 3), dtype=np.bool_),
        "lock_rotation_w": np.zeros(count, dtype=np.bool_),
        "deform": np.ones(count, dtype=np.bool_),
        "constrained": np.zeros(count, dtype=np.bool_),
    }
    return RigSnapshot(**{**values, **fields})


def random_names(rng: np.random.Generator) -> Callable[[str], str]:
    """A renaming in which no bone name says anything: eight random letters, never the same twice."""
    given: dict[str, str] = {}

    def rename(key: str) -> str:
        while key not in given:
            candidate = "".join(rng.choice(list("bcdfgjkmqvwxz"), size=8))
            if candidate not in given.values():
                given[key] = candidate
        return given[key]

    return rename


def renamed(rig: RigSnapshot, rng: np.random.Generator) -> tuple[RigSnapshot, dict[str, str]]:
    """The same rig with random bone names, and the new name of each old one."""
    rename = random_names(rng)
    names = {old: rename(old) for old in rig.bone_names}
    values = {name: getattr(rig, name) for name in RigSnapshot.__dataclass_fields__}
    return RigSnapshot(**{**values, "bone_names": tuple(names[old] for old in rig.bone_names)}), names


def shuffle_siblings(b: Builder, rng: np.random.Generator) -> None:
    children: dict[int, list[int]] = {}
    for index, parent in enumerate(b.parents):
        children.setdefault(parent, []).append(index)
    order: list[int] = []
    stack = list(rng.permutation(children[-1]))
    while stack:
        index = int(stack.pop())
        order.append(index)
        stack.extend(rng.permutation(children.get(index, [])).astype(int).tolist())
    place = {old: new for new, old in enumerate(order)}
    b.parents = [place.get(b.parents[old], -1) for old in order]
    b.keys, b.heads, b.tails = ([items[old] for old in order] for items in (b.keys, b.heads, b.tails))


def rotation(axis: str, degrees: float) -> NDArray[np.float64]:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    if axis == "x":
        return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _random_rotation(rng: np.random.Generator) -> NDArray[np.float64]:
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else -q


def _bone_axes(direction: Vector, roll: float) -> NDArray[np.float64]:
    """Columns x, y, z with y along the bone, turned about it by `roll` radians."""
    y = direction / np.linalg.norm(direction)
    helper = np.array([0.0, 0.0, 1.0]) if abs(y[2]) < 0.95 else np.array([1.0, 0.0, 0.0])
    x = np.cross(y, helper)
    x /= np.linalg.norm(x)
    z = np.cross(x, y)
    return np.stack([x * np.cos(roll) + z * np.sin(roll), y, -x * np.sin(roll) + z * np.cos(roll)], axis=1)
