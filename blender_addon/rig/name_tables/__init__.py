# SPDX-License-Identifier: GPL-3.0-or-later
"""What bones are called in the families of rigs that animators meet: one module of pure data each.

To add a family, write a module like the others and name it in FAMILIES.
"""

from __future__ import annotations

from typing import Final

from . import (
    auto_rig_pro,
    auto_rig_pro_export,
    biped,
    bvh_short,
    cats,
    character_creator,
    cmu,
    cmu_asf,
    daz_genesis_8,
    daz_genesis_9,
    kaykit,
    makehuman,
    mikumikudance,
    mikumikudance_english,
    mixamo,
    mixamo_control_rig,
    ready_player_me,
    renderpeople,
    rigify_generated,
    rigify_metarig,
    smpl,
    unity,
    unreal,
    vrm,
)
from .family import Family, Names

FAMILIES: Final[tuple[Family, ...]] = (
    rigify_generated.FAMILY,
    auto_rig_pro.FAMILY,
    mixamo_control_rig.FAMILY,
    mixamo.FAMILY,
    ready_player_me.FAMILY,
    rigify_metarig.FAMILY,
    unreal.FAMILY,
    vrm.FAMILY,
    mikumikudance.FAMILY,
    mikumikudance_english.FAMILY,
    cats.FAMILY,
    character_creator.FAMILY,
    daz_genesis_8.FAMILY,
    daz_genesis_9.FAMILY,
    auto_rig_pro_export.FAMILY,
    makehuman.FAMILY,
    biped.FAMILY,
    cmu.FAMILY,
    cmu_asf.FAMILY,
    smpl.FAMILY,
    kaykit.FAMILY,
    renderpeople.FAMILY,
    unity.FAMILY,
    bvh_short.FAMILY,
)
"""In order of preference where several fit equally well: control rigs before the skeletons they move."""

__all__ = ["FAMILIES", "Family", "Names"]
