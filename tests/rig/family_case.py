# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons of well-known families of rigs, written as outlines: real names and real hierarchies.

One bone a line, indented below its parent, with `= role` where it plays one. A bone with `{}` stands
for both sides. Joints are those of the parametric humanoid; other bones stand between the joints
around them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from blender_addon.rig.roles import ROLES
from blender_addon.rig.snapshot import RigSnapshot
from tests.rig.humanoids import make_humanoid
from tests.rig.rig_builder import Builder, Vector, snapshot_of


@dataclass
class Node:
    """A bone of an outline."""

    bone: str
    role: str
    parent: Node | None
    children: list[Node]


@dataclass(frozen=True)
class FamilyCase:
    """An outline, the words for left and right, and the table that should recognise it."""

    title: str
    source: str
    sides: tuple[str, str]
    outline: str

    def build(self) -> tuple[RigSnapshot, dict[str, str]]:
        """The rig and its true bone map."""
        roots = _parse(self.outline, self.sides)
        nodes = list(_walk(roots))
        joints = _joint_positions()
        builder = Builder()
        places: dict[int, Vector] = {}
        for node in nodes:
            places[id(node)] = _place(node, joints, places)
        for node in nodes:
            head = places[id(node)]
            onward = [child for child in node.children if child.role] or node.children
            tail = places[id(onward[0])] if onward else head + np.array([0.0, -0.02, 0.04])
            if np.linalg.norm(tail - head) < 1e-3:
                tail = head + np.array([0.0, -0.02, 0.04])
            builder.add(node.bone, node.parent.bone if node.parent else None, head, tail)
        truth = {node.role: node.bone for node in nodes if node.role}
        return snapshot_of(builder, name=self.title), {role: truth[role] for role in ROLES if role in truth}


def _parse(outline: str, sides: tuple[str, str]) -> list[Node]:
    roots: list[Node] = []
    open_nodes: list[tuple[int, Node]] = []
    for line in outline.strip("\n").splitlines():
        text = line.strip()
        bone, _, role = (part.strip() for part in text.partition("="))
        depth = len(line) - len(line.lstrip())
        while open_nodes and open_nodes[-1][0] >= depth:
            open_nodes.pop()
        parent = open_nodes[-1][1] if open_nodes else None
        node = Node(bone, role, parent, [])
        (parent.children if parent else roots).append(node)
        open_nodes.append((depth, node))
    return [copy for root in roots for copy in _sided(root, None, None, sides)]


def _sided(node: Node, parent: Node | None, side: int | None, words: tuple[str, str]) -> list[Node]:
    """The node, or its left and right copies, with everything below."""
    copies = []
    for own_side in (0, 1) if side is None and "{}" in node.bone else (side,):
        role = node.role
        if own_side is not None and role:
            role = f"{('left', 'right')[own_side]}_{role}"
        bone = node.bone if own_side is None else node.bone.replace("{}", words[own_side])
        copy = Node(bone, role, parent, [])
        copy.children = [child for below in node.children for child in _sided(below, copy, own_side, words)]
        copies.append(copy)
    return copies


def _walk(nodes: list[Node]) -> list[Node]:
    return [found for node in nodes for found in (node, *_walk(node.children))]


def _joint_positions() -> dict[str, Vector]:
    rig, truth = make_humanoid(arm_angle=10.0)
    return {role: rig.heads[rig.index(bone)] for role, bone in truth.items()}


def _place(node: Node, joints: dict[str, Vector], places: dict[int, Vector]) -> Vector:
    if node.role:
        return joints[node.role]
    if node.parent is None:
        return np.zeros(3)
    above = places[id(node.parent)]
    below = next((joints[found.role] for found in _walk(node.children) if found.role), None)
    if below is not None:
        return (above + below) / 2.0
    if re.search(r"end|nub", node.bone, re.IGNORECASE):
        before = places[id(node.parent.parent)] if node.parent.parent else np.zeros(3)
        return above + 0.15 * (above - before) / np.linalg.norm(above - before)
    return above + np.array([0.03 * np.sign(above[0]), -0.06, 0.02])
