# SPDX-License-Identifier: GPL-3.0-or-later
"""BoneMap, validation, and the order in which detection tries its ways."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.rig import roles
from blender_addon.rig.bone_map import BoneMap, detect, validate
from blender_addon.rig.presets import Preset, fingerprint
from tests.rig.humanoids import make_humanoid, random_names


def test_roles_cover_the_skeleton():
    assert len(roles.ROLES) == 22
    assert set(roles.LABELS) == set(roles.PANEL_ORDER) == set(roles.ROLES)
    assert len(set(roles.LABELS.values())) == 22
    assert roles.MIRRORED_ROLE["left_elbow"] == "right_elbow"
    assert roles.MIRRORED_ROLE["spine2"] == "spine2"
    assert roles.PARENT_ROLE["left_elbow"] == "left_shoulder"
    assert len(roles.SIDE_PAIRS) == 8


def test_head_or_neck_is_enough():
    mapped = set(roles.REQUIRED)
    assert roles.missing_required(mapped) == ("head",)
    assert roles.missing_required(mapped | {"neck"}) == ()
    assert roles.missing_required(mapped | {"head"}) == ()
    assert roles.missing_required(()) == (*[role for role in roles.ROLES if role in (*roles.REQUIRED, "head")],)


def test_lookups():
    bone_map = BoneMap({"pelvis": "hip", "head": "skull"})
    assert bone_map.get("pelvis") == "hip"
    assert bone_map.get("neck") is None
    assert "head" in bone_map
    assert "left_knee" in bone_map.missing


def test_a_good_map_has_no_problems():
    rig, truth = make_humanoid()
    assert validate(BoneMap(truth), rig) == ()


@pytest.mark.parametrize(
    ("change", "role", "words"),
    [
        ({"left_elbow": None}, "left_elbow", "has no bone"),
        ({"left_elbow": "Ghost"}, "left_elbow", "no bone “Ghost”"),
        ({"left_elbow": "left_shoulder"}, "left_elbow", "both"),
        ({"left_elbow": "right_elbow", "right_elbow": "left_elbow"}, "left_elbow", "not below"),
        ({"left_ankle": "left_knee", "left_knee": "left_ankle"}, "left_ankle", "not below"),
        ({"belly": "spine1"}, "belly", "no role"),
    ],
)
def test_problems_name_the_role(change: dict, role: str, words: str):
    rig, truth = make_humanoid()
    bones = {key: bone for key, bone in {**truth, **change}.items() if bone is not None}
    problems = validate(BoneMap(bones), rig)
    assert any(problem.blocking and problem.role == role and words in problem.message for problem in problems)


def test_arms_beside_their_collar_bones_are_only_a_remark():
    """Control rigs carry the arm by a constraint: it hangs on the chest and not on the collar bone."""
    rig, truth = make_humanoid()
    parents = list(rig.parents)
    parents[rig.index(truth["left_shoulder"])] = rig.index(truth["spine3"])
    values = {name: getattr(rig, name) for name in type(rig).__dataclass_fields__}
    loose = type(rig)(**{**values, "parents": tuple(parents)})
    problems = validate(BoneMap(truth), loose)
    assert [problem.role for problem in problems] == ["left_shoulder"]
    assert not problems[0].blocking
    assert detect(loose).usable


def test_constrained_twins_are_left_alone():
    """Of two skeletons with the same names for the roles, the one that constraints move is not keyed."""
    rig, _ = make_humanoid(rename=lambda key: f"DEF-{key}")
    values = {name: getattr(rig, name) for name in type(rig).__dataclass_fields__}
    driven = type(rig)(**{**values, "constrained": np.ones(len(rig), dtype=np.bool_)})
    assert detect(rig).usable
    assert not detect(driven).usable


def test_a_few_constraints_are_a_remark_by_name_and_a_doubt_by_structure():
    named, truth = make_humanoid()
    anonymous, hidden = make_humanoid(rename=random_names(np.random.default_rng(8)))
    for rig, knee, usable in ((named, truth["left_knee"], True), (anonymous, hidden["left_knee"], False)):
        values = {name: getattr(rig, name) for name in type(rig).__dataclass_fields__}
        constrained = np.array([bone == knee for bone in rig.bone_names])
        detection = detect(type(rig)(**{**values, "constrained": constrained}))
        assert detection.usable == usable
        remark = next(note for note in detection.notes if "Constraints move 1" in note)
        assert knee in remark
        assert ("Choose the controls" in remark) == (not usable)


def test_presets_come_first():
    rig, truth = make_humanoid(rename=random_names(np.random.default_rng(1)))
    chosen = {role: bone for role, bone in truth.items() if role not in ("spine1", "spine2")}
    detection = detect(rig, (Preset("Ours", chosen, fingerprint(rig)),))
    assert detection.source == "preset: Ours"
    assert dict(detection.bone_map.bones) == chosen
    assert detection.confidence == 1.0


def test_a_preset_of_another_rig_is_passed_over():
    rig, truth = make_humanoid()
    other = Preset("Other", truth, "0" * 64)
    foreign = Preset("Foreign", {role: f"x{bone}" for role, bone in truth.items()})
    broken = Preset("Broken", {**truth, "left_elbow": truth["left_shoulder"], "left_shoulder": truth["left_elbow"]})
    assert detect(rig, (other, foreign, broken)).source == "SMPL"


def test_missing_limb_is_named():
    rig, truth = make_humanoid(rename={"left_elbow": "stump"})
    assert detect(rig).usable, "the structure fills in what the names leave out"
    keep = [i for i, bone in enumerate(rig.bone_names) if bone not in (truth["left_wrist"], "stump")]
    place = {old: new for new, old in enumerate(keep)}
    values = {}
    for name in type(rig).__dataclass_fields__:
        value = getattr(rig, name)
        if name == "parents":
            value = tuple(place.get(value[i], -1) for i in keep)
        elif isinstance(value, tuple):
            value = tuple(value[i] for i in keep)
        elif name not in ("name", "world"):
            value = value[keep]
        values[name] = value
    detection = detect(type(rig)(**values))
    assert not detection.usable
    assert {"left_elbow", "left_wrist"} <= set(detection.missing)


def test_limbs_without_length_or_of_two_lengths_are_noticed():
    """The names are right, the rest pose is not: the animator is told, and nothing is used unseen."""
    rig, truth = make_humanoid()
    values = {name: getattr(rig, name) for name in type(rig).__dataclass_fields__}
    collapsed = rig.rest.copy()
    collapsed[rig.index(truth["left_elbow"]), :3, 3] = rig.heads[rig.index(truth["left_shoulder"])]
    detection = detect(type(rig)(**{**values, "rest": collapsed}))
    assert not detection.usable
    assert any("no length: upper arm" in note for note in detection.notes)
    stretched = rig.rest.copy()
    stretched[rig.index(truth["left_wrist"]), 0, 3] += 0.2
    detection = detect(type(rig)(**{**values, "rest": stretched}))
    assert detection.usable
    assert any("differ in length: lower arm" in note for note in detection.notes)


def test_a_refusal_always_says_why():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rig, _ = make_humanoid(rename=random_names(rng), extras=("fingers", "hair"))
        values = {name: getattr(rig, name) for name in type(rig).__dataclass_fields__}
        parents = tuple(int(rng.integers(-1, index)) if index else -1 for index in range(len(rig)))
        detection = detect(type(rig)(**{**values, "parents": parents}))
        assert not detection.usable
        assert detection.missing or detection.notes
