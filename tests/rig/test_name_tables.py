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
    found = dict(detection.bone_map.bones)
    expected = {role: names[bone] for role, bone in truth.items()}
    wrong = {role for role in roles.REQUIRED if found.get(role) != expected[role]}
    assert detection.source == "structure"
    assert not detection.usable or not wrong
    assert not any(found.get(role) == expected[roles.MIRRORED_ROLE[role]] for role in wrong if role in roles.ROLES[1:])


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_table_names_every_required_role(family):
    assert set(family.bones) <= set(roles.ROLES)
    assert roles.missing_required(family.bones) == ()
    for left, right in roles.SIDE_PAIRS:
        assert (left in family.bones) == (right in family.bones)


def test_every_table_has_a_case():
    assert {case.source for case in CASES} | {"Rigify"} == {family.name for family in FAMILIES}
