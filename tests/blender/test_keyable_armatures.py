# SPDX-License-Identifier: GPL-3.0-or-later
"""Armatures that can be keyed and ones that cannot: linked, overridden, or with a strip being edited."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from blender_addon.animation import takes
from blender_addon.animation.editable import playback_obstacles
from blender_addon.animation.errors import AnimationError
from blender_addon.animation.nla import bake_to_nla
from blender_addon.animation.take import write_take
from tests.blender.tracks import metadata, pose_track, write


class TestArmaturesThatCannotBeKeyed:
    def test_an_object_that_is_no_armature(self):
        empty = bpy.data.objects.new("Empty", None)
        with pytest.raises(AnimationError, match="no armature"):
            write_take(empty, pose_track(), start_frame=1, metadata=metadata())

    def test_an_nla_strip_being_edited(self, chain):
        write(chain)
        bake_to_nla(chain)
        track = chain.animation_data.nla_tracks[0]
        track.select = track.strips[0].select = True
        chain.animation_data.use_tweak_mode = True
        count = len(bpy.data.actions)
        with pytest.raises(AnimationError, match="tweak mode"):
            write(chain)
        with pytest.raises(AnimationError, match="tweak mode"):
            bake_to_nla(chain)
        assert len(bpy.data.actions) == count

    def test_what_hides_a_take_is_said(self, chain):
        write(chain)
        assert playback_obstacles(chain) == ()
        bake_to_nla(chain)
        write(chain)
        data = chain.animation_data
        data.nla_tracks[0].is_solo = True
        data.action_influence = 0.5
        data.action_blend_type = "ADD"
        assert [word for text in playback_obstacles(chain) for word in ("solo", "0.50", "Replace") if word in text] == [
            "solo",
            "0.50",
            "Replace",
        ]


@pytest.fixture
def library(armatures, tmp_path):
    """A file with three armatures: Rig has no animation, Playing has an Action, Animated an Action and an NLA track."""
    armatures.chain()
    armatures.action_of_user(armatures.chain("Playing"), {"tail": (2, 3)}, (1, 10), "Linked")
    animated = armatures.chain("Animated")
    armatures.action_of_user(animated, {"tail": (0, 1)}, (1, 10))
    strip = animated.animation_data.nla_tracks.new().strips.new("Theirs", 1, animated.animation_data.action)
    strip.name, strip.extrapolation = "Theirs", "NOTHING"
    file = str(tmp_path / "library.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    return file


def linked(file, name):
    with bpy.data.libraries.load(file, link=True) as (_, wanted):
        wanted.objects = [name]
    return wanted.objects[0]


class TestLibraries:
    def test_a_linked_armature_is_refused_with_the_way_out(self, library):
        rig = linked(library, "Rig")
        with pytest.raises(AnimationError, match=r"linked from library\.blend.*Library Override > Make"):
            write(rig)
        assert not bpy.data.actions

    def test_an_override_that_is_not_editable_is_refused(self, library):
        rig = linked(library, "Rig").override_create(remap_local_usages=True)
        rig.override_library.is_system_override = True
        with pytest.raises(AnimationError, match="locked for editing"):
            write(rig)

    @pytest.mark.parametrize("name", ["Rig", "Playing", "Animated"])
    def test_an_override_keeps_its_takes_and_strips_when_the_file_is_opened_again(self, library, tmp_path, name):
        rig = linked(library, name).override_create(remap_local_usages=True)
        bpy.context.scene.collection.objects.link(rig)
        write(rig, seed=1)
        bake_to_nla(rig)
        write(rig, seed=2)
        file = str(tmp_path / "shot.blend")
        bpy.ops.wm.save_as_mainfile(filepath=file)
        bpy.ops.wm.open_mainfile(filepath=file)
        rig = next(item for item in bpy.data.objects if item.override_library)
        assert ("Linked" in bpy.data.actions) == (name == "Playing")
        assert [takes.make_request(action)["seed"] for action in takes.list_takes(rig)] == [2, 1]
        assert takes.make_request(takes.active_take(rig))["seed"] == 2
        own = ["Theirs"] if name == "Animated" else []
        strips = [strip.name for track in rig.animation_data.nla_tracks for strip in track.strips]
        assert strips == [*own, "an old man walks slowly · seed 1"]
        bpy.context.scene.frame_set(5)
        assert np.allclose(rig.pose.bones["hips"].location, pose_track(seed=2).locations["hips"][4], atol=1e-5)

    def test_a_linked_take_is_not_deleted(self, chain, tmp_path):
        write(chain)
        file = str(tmp_path / "takes.blend")
        bpy.ops.wm.save_as_mainfile(filepath=file)
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        with bpy.data.libraries.load(file, link=True) as (source, wanted):
            wanted.actions = list(source.actions)
        with pytest.raises(AnimationError, match="linked from another file"):
            takes.delete_take(wanted.actions[0])
