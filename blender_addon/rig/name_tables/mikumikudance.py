# SPDX-License-Identifier: GPL-3.0-or-later
"""MikuMikuDance models: Japanese names, with 左 and 右 or Blender's `.L` and `.R`.

Upper and lower body (上半身, 下半身) part above the hips, so the bone that carries both is the pelvis.
"""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="MikuMikuDance",
    bones={
        "pelvis": ("腰", "グルーブ", "センター", "全ての親", "下半身"),
        "spine3": ("上半身3", "上半身2", "上半身"),
        "neck": "首",
        "head": "頭",
        **both_sides(
            "左",
            "右",
            collar="{}肩",
            shoulder="{}腕",
            elbow="{}ひじ",
            wrist="{}手首",
            hip="{}足",
            knee="{}ひざ",
            ankle="{}足首",
            foot=("{}足先EX", "{}つま先"),
        ),
    },
)
