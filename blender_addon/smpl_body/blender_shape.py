# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of a body: its sliders are the mesh's shape keys, and its bones follow them when asked to."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import NDArray

from .conversion import BodyError
from .stature import PROPERTY, Stature, bone_length

FITTED = "mld_betas"
"""ID property of the armature data: the betas that its bones were fitted to."""


def shape_key_name(number: int) -> str:
    """Of a beta, counted from 1."""
    return f"Beta {number}"


def is_body(armature: bpy.types.Object) -> bool:
    return armature.type == "ARMATURE" and PROPERTY in armature.data


def body_mesh(armature: bpy.types.Object) -> bpy.types.Object | None:
    """The mesh with the sliders; None where it was deleted or changed beyond use."""
    for item in armature.children:
        keys = item.data.shape_keys if item.type == "MESH" else None
        if keys is not None and shape_key_name(1) in keys.key_blocks:
            return item
    return None


def sliders(item: bpy.types.Object) -> list[bpy.types.ShapeKey]:
    """The shape keys of the betas, in their order."""
    blocks = item.data.shape_keys.key_blocks
    numbers = range(1, len(blocks) + 1)
    return [blocks[shape_key_name(number)] for number in numbers if shape_key_name(number) in blocks]


def bones_fit(armature: bpy.types.Object, item: bpy.types.Object) -> bool:
    """Whether the bones stand where the sliders say."""
    fitted = armature.data.get(FITTED, ())
    return np.allclose(list(fitted), [key.value for key in sliders(item)], atol=1e-5) if len(fitted) else False


def fit_bones(context: bpy.types.Context, armature: bpy.types.Object) -> None:
    """Put the bones on the joints of the shaped body and its soles at the armature's height; the pose is kept.

    The armature is expected to be the active object. Raises BodyError when mesh or bones have changed beyond use.
    """
    item = body_mesh(armature)
    if item is None:
        raise BodyError(f"The mesh of “{armature.name}” is gone.", "Add the body again from its file.")
    keys = sliders(item)
    try:
        stature = Stature.from_property(armature.data[PROPERTY])
        betas = [key.value for key in keys]
        heads = stature.heads(betas)
    except (KeyError, TypeError, ValueError) as error:
        raise BodyError(f"The joints of “{armature.name}” are damaged.", "Add the body again from its file.") from error
    if missing := [name for name in stature.names if name not in armature.data.bones]:
        raise BodyError(f"“{armature.name}” has no bone “{missing[0]}” any more.", "Undo that, or add the body again.")
    lift = -float(_shaped_vertices(item, keys)[:, 2].min())
    heads[:, 2] += lift
    mode = armature.mode
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        for name, head in zip(stature.names, heads, strict=True):
            bone = armature.data.edit_bones[name]
            bone.use_connect = False
            bone.head, bone.tail, bone.roll = head, (*head[:2], head[2] + bone_length(name)), 0.0
    finally:
        bpy.ops.object.mode_set(mode=mode)
    item.location = (0.0, 0.0, lift)
    armature.data[FITTED] = betas


def _shaped_vertices(item: bpy.types.Object, keys: list[bpy.types.ShapeKey]) -> NDArray[np.float64]:
    """(V, 3) in the mesh's own space, without the armature."""
    basis = _coordinates(item.data.shape_keys.reference_key)
    return basis + sum((key.value * (_coordinates(key) - basis) for key in keys), np.zeros_like(basis))


def _coordinates(key: bpy.types.ShapeKey) -> NDArray[np.float64]:
    flat = np.empty(3 * len(key.data), np.float32)
    key.data.foreach_get("co", flat)
    return flat.astype(np.float64).reshape(-1, 3)
