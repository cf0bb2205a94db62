# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes: what they remember, how they are listed and exchanged, and that nothing of the animator's gets lost."""

from __future__ import annotations

from dataclasses import replace

import bpy
import numpy as np
import pytest

from blender_addon.animation import compat, takes, undo
from blender_addon.animation.errors import AnimationError
from blender_addon.animation.metadata import TakeMetadata
from blender_addon.animation.nla import bake_to_nla
from blender_addon.animation.play import user_action
from blender_addon.animation.source import SourceTake, read_source_take
from blender_addon.animation.take import write_take
from tests.blender.tracks import metadata, pose_track, source_take, write

PROPERTIES = {
    "mld_prompt": "an old man walks slowly",
    "mld_action": "",
    "mld_style": "",
    "mld_seed": 42,
    "mld_guidance": 7.5,
    "mld_steps": 50,
    "mld_seconds": 1.0,
    "mld_fps": 24.0,
    "mld_pack": "research",
    "mld_pack_sha256": "0123456789abcdef" * 4,
    "mld_version": "0.1.0",
    "mld_armature": "Rig",
    "mld_start_frame": 5,
}


def curve_values(action):
    return [
        (curve.data_path, curve.array_index, [tuple(point.co) for point in curve.keyframe_points])
        for curve in compat.fcurves(action)
    ]


class TestWhatATakeRemembers:
    def test_its_request_after_saving_and_opening(self, chain, tmp_path):
        file = str(tmp_path / "take.blend")
        source = source_take()
        write(chain, start_frame=5, source=source, options={"foot_lock": True, "key_reduction": "NONE"})
        write(chain, seed=7)
        bpy.ops.wm.save_as_mainfile(filepath=file)
        bpy.ops.wm.open_mainfile(filepath=file)
        action = bpy.data.actions["an old man walks slowly · seed 42"]
        assert {key: action[key] for key in PROPERTIES} == PROPERTIES
        assert action["mld_options"].to_dict() == {"foot_lock": True, "key_reduction": "NONE"}
        kept = read_source_take(action)
        assert kept.fps == source.fps
        for name in ("rotations", "root", "contacts", "offsets"):
            assert getattr(kept, name).dtype == np.float32
            assert getattr(kept, name).tobytes() == getattr(source, name).tobytes()

    def test_the_source_take_costs_little(self, armatures, tmp_path):
        sizes = []
        for name, source in (("without", None), ("with", source_take(300))):
            bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
            write(armatures.chain(), source=source)
            file = tmp_path / f"{name}.blend"
            bpy.ops.wm.save_as_mainfile(filepath=str(file), compress=False)
            sizes.append(file.stat().st_size)
        assert 300 * (22 * 4 + 3 + 4) * 4 <= sizes[1] - sizes[0] < 120_000

    @pytest.mark.parametrize(
        ("made_from", "condition"),
        [
            ({"prompt": "a person waves"}, {"text": "a person waves"}),
            ({"prompt": "", "action": "walk", "style": "happy"}, {"action": "walk", "style": "happy"}),
            ({"prompt": "", "action": "walk"}, {"action": "walk"}),
            ({"prompt": ""}, {}),
        ],
    )
    def test_the_request_that_makes_it_again(self, chain, made_from, condition):
        made_from = {**made_from, "seconds": 3.3, "guidance": 1.0 / 3.0, "seed": 2**31 - 1}
        action = write_take(chain, pose_track(), start_frame=1, metadata=metadata(**made_from))
        expected = {"seconds": 3.3, "guidance": 1.0 / 3.0, "seed": 2**31 - 1, "count": 1, "steps": 50, "chain": True}
        assert takes.make_request(action) == {**expected, "pack": "research", **condition}

    def test_a_style_that_the_seed_chose_can_be_left_to_another(self, chain, tmp_path):
        happy = metadata(prompt="", action="walk", style="happy")
        write(chain, metadata=replace(happy, style_drawn=True))
        write(chain, metadata=happy, name="chosen")
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "take.blend"))
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "take.blend"))
        drawn, chosen = bpy.data.actions["walk, happy · seed 42"], bpy.data.actions["chosen"]
        assert takes.make_request(drawn) == takes.make_request(chosen)
        assert "style" not in takes.make_request(drawn, drawn_style=False)
        assert takes.make_request(chosen, drawn_style=False)["style"] == "happy"

    def test_a_seed_beyond_32_bits(self, chain):
        action = write(chain, seed=2**40 + 1)
        assert takes.make_request(action)["seed"] == 2**40 + 1

    def test_metadata_from_the_engines_reply(self):
        meta = {
            "text": None, "action": "walk", "style": None, "seed": 3, "guidance": 2.5, "steps": 20, "seconds": 2.0,
            "pack": "research", "pack_sha256": "ff", "engine_version": "0.1.0", "device": "cpu", "warnings": [],
        }  # fmt: skip
        made = TakeMetadata.from_engine(meta, scene_fps=25)
        assert (made.prompt, made.action, made.style, made.fps, made.version) == ("", "walk", "", 25.0, "0.1.0")
        assert not made.style_drawn
        assert TakeMetadata.from_engine({**meta, "style": "old", "style_drawn": True}, scene_fps=25).style_drawn

    def test_damaged_properties_are_explained(self, chain):
        action = write(chain)
        with pytest.raises(AnimationError, match="not stored with it"):
            read_source_take(action)
        del action["mld_seed"]
        with pytest.raises(AnimationError, match="completely"):
            takes.make_request(action)

    def test_a_source_of_another_precision_is_refused_with_nothing_left(self, chain):
        halves = SourceTake(*(array.astype(np.float16) for array in source_take()[:4]), 30.0)
        with pytest.raises(ValueError, match="float16"):
            write(chain, source=halves)
        assert not bpy.data.actions


class TestListAndSwitch:
    def test_newest_first_and_other_actions_left_out(self, chain, armatures):
        other = armatures.chain("Other")
        mine = armatures.action_of_user(chain, {"tail": (0, 1)}, (1, 10))
        first, foreign, second = write(chain, name="zebra"), write(other), write(chain, name="ant")
        assert takes.list_takes(chain) == [second, first]
        assert takes.list_takes(other) == [foreign]
        assert takes.active_take(chain) == second
        assert not takes.is_take(mine)

    def test_takes_follow_an_armature_that_is_renamed(self, chain, armatures):
        action = write(chain)
        stranger = armatures.chain("Stranger", bones=("root", "arm"))
        chain.animation_data.action = None
        chain.name = "Hero"
        assert takes.list_takes(chain) == [action]
        assert takes.list_takes(stranger) == []

    def test_switching_keeps_all_takes_and_plays_the_chosen_one(self, chain):
        first, second = write(chain, seed=1), write(chain, seed=2)
        before = curve_values(first)
        takes.activate_take(chain, first)
        assert takes.active_take(chain) == first
        assert takes.list_takes(chain) == [second, first]
        assert curve_values(first) == before
        bpy.context.scene.frame_set(5)
        expected = pose_track(seed=1).locations["hips"][4]
        assert np.allclose(chain.pose.bones["hips"].location, expected, atol=1e-5)

    def test_a_take_plays_on_a_second_armature_with_the_same_bones(self, chain, armatures):
        action = write(chain)
        twin = armatures.chain("Twin")
        takes.activate_take(twin, action)
        bpy.context.scene.frame_set(9)
        assert np.allclose(twin.pose.bones["hips"].location, pose_track(seed=42).locations["hips"][8], atol=1e-5)

    def test_a_take_for_other_bones_is_refused(self, chain, armatures):
        action = write(chain)
        stranger = armatures.chain("Stranger", bones=("root", "arm"))
        with pytest.raises(AnimationError, match="such as “chest”"):
            takes.activate_take(stranger, action)
        assert stranger.animation_data is None

    def test_switching_by_place_in_the_files_list(self, chain):
        first, second = write(chain, seed=1, name="b"), write(chain, seed=2, name="a")
        assert bpy.data.actions[takes.active_index(chain)] == second
        takes.activate_index(chain, bpy.data.actions.find(first.name))
        assert takes.active_take(chain) == first
        chain.animation_data.action = None
        assert takes.active_index(chain) == -1

    def test_deleting_leaves_the_other_takes(self, chain):
        first, second = write(chain, seed=1), write(chain, seed=2)
        takes.delete_take(second)
        assert takes.list_takes(chain) == [first]
        assert chain.animation_data.action is None

    def test_a_take_that_a_strip_plays_is_not_deleted(self, chain):
        action = write(chain)
        bake_to_nla(chain)
        with pytest.raises(AnimationError, match=r"NLA strip .* on the track .* of “Rig” plays"):
            takes.delete_take(action)
        assert list(bpy.data.actions) == [action]

    def test_an_action_of_the_animators_own_is_not_deleted(self, chain, armatures):
        mine = armatures.action_of_user(chain, {"tail": (0, 1)}, (1, 10))
        with pytest.raises(AnimationError, match="no take"):
            takes.delete_take(mine)
        assert list(bpy.data.actions) == [mine]


class TestNothingGetsLost:
    def test_the_animators_action_survives_saving(self, chain, armatures, tmp_path):
        mine = armatures.action_of_user(chain, {"tail": (0, 1)}, (1, 10))
        before = curve_values(mine)
        assert user_action(chain) == mine
        write(chain)
        assert user_action(chain) is None
        assert chain.animation_data.action != mine
        file = str(tmp_path / "kept.blend")
        bpy.ops.wm.save_as_mainfile(filepath=file)
        bpy.ops.wm.open_mainfile(filepath=file)
        assert curve_values(bpy.data.actions["Mine"]) == before

    def test_an_action_with_other_users_gets_no_fake_user(self, chain, armatures):
        mine = armatures.action_of_user(chain, {"tail": (0, 1)}, (1, 10))
        twin = armatures.chain("Twin")
        compat.assign(twin, compat.Assignment(mine, compat.slot_for(mine, twin)))
        write(chain)
        assert not mine.use_fake_user

    def test_a_new_take_leaves_the_earlier_one_as_it_was(self, chain):
        first = write(chain, seed=1)
        before = curve_values(first), dict(first.items())
        write(chain, seed=2)
        assert (curve_values(first), dict(first.items())) == before

    def test_a_failure_half_way_leaves_nothing_behind(self, chain, armatures):
        mine = armatures.action_of_user(chain, {"tail": (0, 1)}, (1, 10))
        slot = getattr(chain.animation_data, "action_slot", None)
        with pytest.raises(UnicodeEncodeError):
            write(chain, metadata=metadata(pack="\ud800"))
        assert list(bpy.data.actions) == [mine]
        assert chain.animation_data.action == mine
        assert getattr(chain.animation_data, "action_slot", None) == slot
        assert not mine.use_fake_user

    def test_a_failure_on_an_armature_without_animation_leaves_it_without(self, chain):
        with pytest.raises(UnicodeEncodeError):
            write(chain, metadata=metadata(pack="\ud800"))
        assert chain.animation_data is None
        assert not bpy.data.actions

    def test_tracks_that_do_not_fit_are_refused_with_nothing_left(self, chain):
        stray = pose_track(("hips", "left_wing"))
        broken = pose_track()
        broken.rotations["spine"][3, 1] = np.nan
        for track, words in ((broken, "damaged"), (stray, "no bone “left_wing”")):
            with pytest.raises(AnimationError, match=words):
                write_take(chain, track, start_frame=1, metadata=metadata())
        assert chain.animation_data is None
        assert not bpy.data.actions

    def test_one_undo_step(self, chain, armatures):
        armatures.action_of_user(chain, {"tail": (0, 1)}, (1, 10))
        with undo.step("Generate Take"):
            write(chain)
        assert len(bpy.data.actions) == 2
        bpy.ops.ed.undo()
        rig = bpy.data.objects["Rig"]
        assert [action.name for action in bpy.data.actions] == ["Mine"]
        assert rig.animation_data.action.name == "Mine"
        assert not rig.animation_data.action.use_fake_user
        bpy.ops.ed.redo()
        assert takes.active_take(bpy.data.objects["Rig"]).name == "an old man walks slowly · seed 42"
