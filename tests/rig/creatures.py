# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs that are not human, as RigSnapshots: nothing may be keyed on them."""

from __future__ import annotations

import numpy as np

from blender_addon.rig.snapshot import RigSnapshot
from tests.rig.rig_builder import Builder, random_names, snapshot_of

UP, FRONT = np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0])


def quadruped(names: np.random.Generator | None = None) -> RigSnapshot:
    """A dog, 0.6 m at the shoulder, with head, tail and four legs of three joints and a paw."""
    b = Builder()
    hips = np.array([0.0, 0.4, 0.6])
    parent = b.add("pelvis", None, hips, hips + FRONT * 0.2)
    for i in range(3):
        start = hips + FRONT * (0.2 + 0.2 * i)
        parent = b.add(f"spine{i}", parent, start, start + FRONT * 0.2)
    chest = parent
    neck = hips + FRONT * 0.8
    parent = b.add("neck", chest, neck, neck + FRONT * 0.12 + UP * 0.15)
    b.add("head", parent, neck + FRONT * 0.12 + UP * 0.15, neck + FRONT * 0.35 + UP * 0.15)
    parent = "pelvis"
    for i in range(4):
        start = hips - FRONT * (0.05 + 0.1 * i)
        parent = b.add(f"tail{i}", parent, start, start - FRONT * 0.1)
    for place, root, at in (("front", chest, hips + FRONT * 0.75), ("hind", "pelvis", hips)):
        for side, x in (("left", 0.1), ("right", -0.1)):
            top = at + np.array([x, 0.0, 0.0])
            knee, ankle = top + FRONT * 0.04 - UP * 0.25, top - UP * 0.5
            paw = ankle + FRONT * 0.06 - UP * 0.08
            b.add(f"{side}_{place}_upper", root, top, knee)
            b.add(f"{side}_{place}_lower", f"{side}_{place}_upper", knee, ankle)
            b.add(f"{side}_{place}_ankle", f"{side}_{place}_lower", ankle, paw)
            b.add(f"{side}_{place}_paw", f"{side}_{place}_ankle", paw, paw + FRONT * 0.05)
    return snapshot_of(b, name="Dog", rename=random_names(names) if names is not None else None)


def snake(names: np.random.Generator | None = None) -> RigSnapshot:
    """Twenty bones in a row on the ground."""
    b = Builder()
    parent = None
    for i in range(20):
        start = np.array([0.02 * (i % 2), 0.1 * i, 0.05])
        parent = b.add(f"body{i}", parent, start, start + np.array([0.0, 0.1, 0.0]))
    return snapshot_of(b, name="Snake", rename=random_names(names) if names is not None else None)


def hand(names: np.random.Generator | None = None) -> RigSnapshot:
    """A forearm with a hand and five fingers, pointing up."""
    b = Builder()
    b.add("forearm", None, [0, 0, 0], [0, 0, 0.25])
    b.add("hand", "forearm", [0, 0, 0.25], [0, 0, 0.33])
    for finger in range(5):
        parent = "hand"
        across = np.array([0.02 * (finger - 2), 0.0, 0.0])
        for segment in range(4):
            start = across * (1.0 + 0.2 * segment) + UP * (0.29 + 0.035 * segment)
            parent = b.add(f"finger{finger}.{segment}", parent, start, start + UP * 0.035)
    return snapshot_of(b, name="Hand", rename=random_names(names) if names is not None else None)


def single_bone(names: np.random.Generator | None = None) -> RigSnapshot:
    """One bone."""
    b = Builder()
    b.add("Bone", None, [0, 0, 0], [0, 0, 1])
    return snapshot_of(b, name="Bone", rename=random_names(names) if names is not None else None)


def spider(names: np.random.Generator | None = None) -> RigSnapshot:
    """A body with eight legs of three joints."""
    b = Builder()
    b.add("body", None, [0, 0, 0.3], [0, -0.2, 0.3])
    b.add("abdomen", "body", [0, 0.05, 0.3], [0, 0.4, 0.35])
    for pair in range(4):
        for side, x in (("left", 1.0), ("right", -1.0)):
            out = np.array([x * np.cos(0.5 * pair - 0.75), -np.sin(0.75 - 0.5 * pair), 0.0])
            root = np.array([0.0, -0.1, 0.3]) + out * 0.08
            knee, ankle = root + out * 0.25 + UP * 0.2, root + out * 0.5 - UP * 0.1
            b.add(f"{side}_{pair}_upper", "body", root, knee)
            b.add(f"{side}_{pair}_lower", f"{side}_{pair}_upper", knee, ankle)
            b.add(f"{side}_{pair}_foot", f"{side}_{pair}_lower", ankle, ankle + out * 0.1 - UP * 0.2)
    return snapshot_of(b, name="Spider", rename=random_names(names) if names is not None else None)


CREATURES = {"quadruped": quadruped, "snake": snake, "hand": hand, "single bone": single_bone, "spider": spider}
