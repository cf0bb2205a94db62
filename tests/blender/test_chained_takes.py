# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion that is longer than the model's limit: offered, chained, and made again."""

from __future__ import annotations

import bpy
from panel_session import ask, refusal, skip_without_engine

from blender_addon import runtime


def test_a_long_take_is_offered_in_segments_and_made(addon, mannequin) -> None:
    skip_without_engine()
    scene = bpy.context.scene
    ask(condition="ACTION", action_label="walk", seconds=14.0)
    assert "or have 2 segments chained" in refusal(bpy.ops.mld.generate)
    assert runtime.current().notice.offered_segments == 2
    assert bpy.ops.mld.chain_segments() == {"FINISHED"}
    assert scene.mld.chain_segments
    take = mannequin.animation_data.action
    assert take["mld_seconds"] == 14.0
    first, last = take.frame_range
    assert (last - first) / scene.render.fps == 14.0

    scene.mld.chain_segments = False
    bpy.ops.mld.regenerate()
    assert mannequin.animation_data.action["mld_seconds"] == 14.0, "a chained take is made again as it was"


def test_the_offer_is_refused_with_the_reason_when_something_else_is_wrong(addon, mannequin) -> None:
    skip_without_engine()
    ask(condition="ACTION", action_label="walk", seconds=14.0)
    refusal(bpy.ops.mld.generate)
    ask(condition="TEXT", prompt=" ", seconds=14.0)
    told = refusal(bpy.ops.mld.chain_segments)
    assert told.startswith("Error: The prompt is empty."), told
    assert runtime.current().notice.message == "The prompt is empty."
