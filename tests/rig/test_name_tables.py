# SPDX-License-Identifier: GPL-3.0-or-later
"""Every name table on the real hierarchy of its family, and the form of the tables."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.rig import roles
from blender_addon.rig.bone_map import detect
from blender_addon.rig.name_tables import FAMILIES
from tests.rig.families import CASES, FamilyCase
from tests.rig.rig_builder import renamed


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_family_is_recognised(case: FamilyCase):
    rig, truth = case.build()
    detection = detect(rig)
    assert dict(detection.bone_map.bones) == truth
    assert detection.source == case.source
    assert detection.usable
    assert detection.confidence > 0.9
    assert detection.missing == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_same_skeleton_with_meaningless_names_is_mapped_by_structure(case: FamilyCase):
    rig, truth = case.build()
    anonymous, names = renamed(rig, np.random.default_rng(7))
    detection = detect(anonymous)
    assert detection.source == "structure"
    assert detection.usable
    found = dict(detection.bone_map.bones)
    expected = {role: names[bone] for role, bone in truth.items()}
    if found["pelvis"] != expected["pelvis"]:
        # Biped's thighs hang on the lowest spine bone, which is then as good a pelvis as the one above it.
        assert case.source == "Biped"
        pelvis = anonymous.index(found["pelvis"])
        assert all(anonymous.is_below(anonymous.index(found[role]), pelvis) for role in ("left_hip", "spine3"))
        for role in ("pelvis", "spine1", "spine2"):
            found.pop(role, None)
            expected.pop(role, None)
    assert found == expected


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_table_names_every_required_role(family):
    assert set(family.bones) <= set(roles.ROLES)
    assert roles.missing_required(family.bones) == ()
    for left, right in roles.SIDE_PAIRS:
        assert (left in family.bones) == (right in family.bones)


def test_every_table_has_a_case():
    assert {case.source for case in CASES} | {"Rigify"} == {family.name for family in FAMILIES}
