# SPDX-License-Identifier: GPL-3.0-or-later
"""A take as an NLA strip, on a track of its own above all others."""

from __future__ import annotations

import bpy

from . import compat
from .editable import check_can_animate
from .errors import AnimationError
from .identity import is_take
from .play import play, restored_on_error
from .takes import active_take


def bake_to_nla(armature: bpy.types.Object, action: bpy.types.Action | None = None) -> bpy.types.NlaStrip:
    """Push a take, by default the active one, to a strip on a new topmost track, where its keys lie.

    The strip replaces what is below while it lasts and is silent before and after, so the animator's own
    tracks, which are not touched, show there. Then the armature plays no take and is ready for the next one; an
    active Action of the animator's own stays active.

    Raises AnimationError, with nothing changed, when there is no take or the armature cannot be keyed.
    """
    check_can_animate(armature)
    action = action or active_take(armature)
    if not is_take(action):
        raise AnimationError(f"“{armature.name}” plays no take.", "Generate one, or choose one in the list of takes.")
    data = armature.animation_data or armature.animation_data_create()
    with restored_on_error(armature):
        track = data.nla_tracks.new(prev=data.nla_tracks[-1] if data.nla_tracks else None)
        try:
            strip = _add_strip(track, action, armature)
            if active_take(armature) is not None:
                play(armature, None)
        except BaseException:
            data.nla_tracks.remove(track)
            raise
    return strip


def _add_strip(track: bpy.types.NlaTrack, action: bpy.types.Action, armature: bpy.types.Object) -> bpy.types.NlaStrip:
    first, last = action.frame_range
    track.name = action.name
    strip = track.strips.new(action.name, int(first), action)
    compat.set_strip_slot(strip, compat.slot_for(action, armature))
    strip.name = action.name
    strip.action_frame_start, strip.action_frame_end = first, last
    strip.frame_start_raw, strip.frame_end_raw = first, last
    strip.extrapolation = "NOTHING"
    strip.blend_type = "REPLACE"
    strip.use_auto_blend = False
    strip.blend_in = strip.blend_out = 0.0
    strip.use_sync_length = False
    # A new strip reports 0 and yet plays fully; written down so that the editor shows what is played.
    strip.influence = 1.0
    return strip
