# SPDX-License-Identifier: GPL-3.0-or-later
"""KayKit's adventurers and skeletons. The bone that turns at the wrist is `wrist.l`; `hand.l` is the palm."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="KayKit",
    bones={
        "pelvis": "hips",
        "spine3": ("chest", "spine"),
        "neck": "neck",
        "head": "head",
        **both_sides(
            "l",
            "r",
            collar="shoulder.{}",
            shoulder="upperarm.{}",
            elbow="lowerarm.{}",
            wrist=("wrist.{}", "hand.{}"),
            hip="upperleg.{}",
            knee="lowerleg.{}",
            ankle="foot.{}",
            foot="toes.{}",
        ),
    },
    signature=("handslot.l", "handslot.r"),
)
