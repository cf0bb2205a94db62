# SPDX-License-Identifier: GPL-3.0-or-later
"""The structure search on rigs whose names say nothing, and on creatures it must refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from blender_addon.rig import roles
from blender_addon.rig.bone_map import detect
from blender_addon.rig.snapshot import RigSnapshot
from blender_addon.rig.structure_matching import match_structure
from tests.rig.creatures import CREATURES
from tests.rig.humanoids import Proportions, make_humanoid, random_humanoid, random_names
from tests.rig.rig_builder import renamed

SEEDS = 120


def _anonymous(**options):
    return make_humanoid(rename=random_names(np.random.default_rng(11)), **options)


def test_random_humanoids_are_mapped_or_refused_but_never_mapped_wrong():
    """Random proportions, rest poses, chains, rolls, axes, scales, extras: at least 95 % map entirely right."""
    right, wrong = 0, []
    for seed in range(SEEDS):
        rig, truth = random_humanoid(seed)
        detection = detect(rig)
        found = dict(detection.bone_map.bones)
        if not detection.usable:
            continue
        if found == truth:
            right += 1
        else:
            wrong.append((seed, {role for role in roles.ROLES if found.get(role) != truth.get(role)}))
        for left, mirrored in roles.SIDE_PAIRS:
            assert found.get(left) is None or found.get(left) != truth.get(mirrored), f"seed {seed}: sides exchanged"
    assert right >= 0.95 * SEEDS
    assert len(wrong) <= 0.01 * SEEDS, wrong


@pytest.mark.parametrize("arm_angle", [0.0, 20.0, 45.0, 70.0, 85.0])
@pytest.mark.parametrize("elbow_bend", [0.0, 60.0])
def test_rest_poses(arm_angle: float, elbow_bend: float):
    rig, truth = _anonymous(arm_angle=arm_angle, elbow_bend=elbow_bend, leg_spread=15.0)
    detection = detect(rig)
    assert dict(detection.bone_map.bones) == truth
    assert detection.usable


@pytest.mark.parametrize("spine_count", range(1, 8))
@pytest.mark.parametrize("neck_count", range(4))
def test_trunks(spine_count: int, neck_count: int):
    rig, truth = _anonymous(spine_count=spine_count, neck_count=neck_count, extras=("root", "face"))
    detection = detect(rig)
    assert dict(detection.bone_map.bones) == truth
    assert detection.usable


@pytest.mark.parametrize("collars", [True, False])
@pytest.mark.parametrize("toes", [True, False])
def test_optional_bones(collars: bool, toes: bool):
    rig, truth = _anonymous(collars=collars, toes=toes, extras=("fingers", "twist"))
    detection = detect(rig)
    assert dict(detection.bone_map.bones) == truth


@pytest.mark.parametrize("facing", [0.0, 37.0, 90.0, 180.0, 270.0])
@pytest.mark.parametrize("y_up", [False, True])
@pytest.mark.parametrize("unit", [0.01, 1.0, 100.0])
def test_left_follows_the_facing(facing: float, y_up: bool, unit: float):
    rig, truth = _anonymous(facing_degrees=facing, y_up=y_up, unit=unit)
    detection = detect(rig)
    assert dict(detection.bone_map.bones) == truth
    assert detection.usable


@pytest.mark.parametrize("axis", [0, 1])
def test_lying_object(axis: int):
    """The object itself is turned by a right angle: its own axes tell which way the character is long."""
    world = np.eye(4)
    world[:3, :3] = np.roll(np.eye(3), 1 + axis, axis=0)
    rig, truth = _anonymous(world=world)
    assert dict(detect(rig).bone_map.bones) == truth


def test_unknown_facing_is_not_guessed():
    """A T-pose with straight knees and no toes looks the same from behind: the map needs the animator's eye."""
    rng = np.random.default_rng(5)
    rig, truth = _anonymous(toes=False, knee_bend=0.0, random_axes=rng)
    detection = detect(rig)
    assert dict(detection.bone_map.bones) == truth
    assert not detection.usable
    assert any("front" in note for note in detection.notes)


def test_names_of_the_sides_settle_an_unknown_facing():
    letters = random_names(np.random.default_rng(3))

    def rename(key: str) -> str:
        word = letters(key.replace("left", "side").replace("right", "side"))
        return word + (".L" if key.startswith("left") else ".R" if key.startswith("right") else "")

    options = {"rename": rename, "toes": False, "knee_bend": 0.0, "facing_degrees": 180.0}
    rig, truth = make_humanoid(random_axes=np.random.default_rng(5), **options)
    detection = detect(rig)
    assert dict(detection.bone_map.bones) == truth
    assert detection.source == "structure"
    assert detection.usable


@pytest.mark.parametrize("creature", CREATURES)
@pytest.mark.parametrize("anonymous", [False, True])
def test_creatures_are_refused_with_what_is_missing(creature: str, anonymous: bool):
    rig = CREATURES[creature](np.random.default_rng(2) if anonymous else None)
    detection = detect(rig)
    assert not detection.usable
    assert detection.missing
    assert set(detection.missing) <= set(roles.REQUIRED) | {"head"}
    assert {"left_shoulder", "right_shoulder"} <= set(detection.missing)


def test_wings_are_not_taken_for_arms():
    rig, truth = _anonymous(extras=("wings", "fingers"))
    detection = detect(rig)
    assert dict(detection.bone_map.bones) == truth
    assert detection.usable


def test_rivals_are_named():
    """Wings spread like arms, no fingers: the surest map comes with the question and less confidence."""
    rig, truth = _anonymous(
        extras=("wings",), proportions=Proportions().scaled(arms=0.85), arm_angle=-5.0, collars=False
    )
    match = match_structure(rig)
    assert any("both look like arms" in note for note in match.notes)
    assert match.confidence < match_structure(_anonymous()[0]).confidence
    assert {role: rig.bone_names[bone] for role, bone in match.bones.items()} == truth


def test_rigify_metarig_fixture():
    """Blender's own human metarig, read once in Blender: face, palms and heels included."""
    values = json.loads((Path(__file__).parent / "data" / "rigify_metarig.json").read_text(encoding="utf-8"))
    rig = RigSnapshot.from_dict(values)
    named = detect(rig)
    assert named.source == "Rigify metarig"
    anonymous, names = renamed(rig, np.random.default_rng(0))
    detection = detect(anonymous)
    assert detection.source == "structure"
    assert detection.usable
    assert dict(detection.bone_map.bones) == {role: names[bone] for role, bone in named.bone_map.bones.items()}
