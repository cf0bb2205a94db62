# SPDX-License-Identifier: GPL-3.0-or-later
"""The operators with the real engine and the default pack, called as a script calls them in background mode."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from blender_addon import runtime
from blender_addon.animation import compat, takes
from blender_addon.animation.source import read_source_take
from tests.blender.armatures import action_of_user, active_action, make_active
from tests.blender.panel_session import ask, refusal, skip_without_engine


@pytest.fixture(autouse=True)
def engine(addon) -> None:
    skip_without_engine()


def key_values(action: bpy.types.Action) -> np.ndarray:
    """(K, 2) frame and value of every key, curve after curve."""
    return np.array([tuple(point.co) for curve in compat.fcurves(action) for point in curve.keyframe_points])


def travel(armature: bpy.types.Object, action: bpy.types.Action) -> float:
    """Metres of the world between the hips at the first and at the last frame."""
    places = []
    for frame in action.frame_range:
        bpy.context.scene.frame_set(int(frame))
        places.append((armature.matrix_world @ armature.pose.bones["pelvis"].matrix).translation.copy())
    return (places[1] - places[0]).length


class TestGenerate:
    def test_keys_are_there_when_it_returns(self, mannequin) -> None:
        bpy.context.scene.render.fps = 30
        ask(prompt="a person walks forward", seconds=2.0, steps=20, guidance_scale=3.5)
        assert bpy.ops.mld.generate() == {"FINISHED"}
        action = active_action(mannequin)
        assert tuple(action.frame_range) == (1.0, 61.0)
        assert "a person walks forward" in action.name
        expected = {
            "mld_prompt": "a person walks forward",
            "mld_action": "",
            "mld_style": "",
            "mld_seed": 7,
            "mld_guidance": 3.5,
            "mld_steps": 20,
            "mld_seconds": 2.0,
            "mld_fps": 30.0,
            "mld_pack": "research",
        }
        assert {name: action[name] for name in expected} == expected
        assert len(action["mld_pack_sha256"]) == 64
        assert action["mld_version"]
        assert travel(mannequin, action) > 0.8

    def test_same_request_gives_the_same_take(self, mannequin) -> None:
        ask()
        bpy.ops.mld.generate()
        bpy.ops.mld.generate()
        first, second = takes.list_takes(mannequin)
        for array, again in zip(read_source_take(first), read_source_take(second), strict=True):
            np.testing.assert_array_equal(array, again)
        # The pose that the armature is in enters the keys in single precision.
        np.testing.assert_allclose(key_values(first), key_values(second), atol=1e-6)

    def test_random_seed_is_kept_with_the_take_and_shown(self, mannequin) -> None:
        panel = ask(use_random_seed=True)
        seeds = []
        for _ in range(2):
            bpy.ops.mld.generate()
            assert active_action(mannequin)["mld_seed"] == panel.seed
            seeds.append(panel.seed)
        assert seeds[0] != seeds[1]

    def test_variations_are_takes_of_following_seeds(self, mannequin) -> None:
        ask(variations=3)
        bpy.ops.mld.generate()
        made = takes.list_takes(mannequin)
        assert sorted(action["mld_seed"] for action in made) == [7, 8, 9]
        assert active_action(mannequin)["mld_seed"] == 7
        ask(seed=9)
        bpy.ops.mld.generate()
        alone = active_action(mannequin)
        among = next(action for action in made if action["mld_seed"] == 9)
        np.testing.assert_allclose(key_values(alone), key_values(among), atol=1e-6)

    def test_action_label_with_style(self, mannequin) -> None:
        ask(condition="ACTION", action_label="kick", style_label="angry")
        bpy.ops.mld.generate()
        action = active_action(mannequin)
        assert (action["mld_action"], action["mld_style"], action["mld_prompt"]) == ("kick", "angry", "")
        assert "kick" in action.name

    def test_an_empty_style_is_drawn_by_each_seed(self, mannequin) -> None:
        walk = {"condition": "ACTION", "action_label": "walk"}
        ask(**walk, style_label="", seed=20, variations=3)
        bpy.ops.mld.generate()
        made = takes.list_takes(mannequin)
        styles = {action["mld_seed"]: action["mld_style"] for action in made}
        assert all(styles.values())
        assert len(set(styles.values())) > 1
        for action in made:
            assert f"walk, {action['mld_style']} · seed {action['mld_seed']}" in action.name
            assert takes.make_request(action)["style"] == action["mld_style"]
        ask(**walk, style_label=styles[21], seed=21)
        bpy.ops.mld.generate()
        chosen, drawn = active_action(mannequin), next(action for action in made if action["mld_seed"] == 21)
        for array, again in zip(read_source_take(chosen), read_source_take(drawn), strict=True):
            np.testing.assert_array_equal(array, again)

    def test_unconditional(self, mannequin) -> None:
        ask(condition="UNCONDITIONAL", prompt="not used")
        bpy.ops.mld.generate()
        assert active_action(mannequin)["mld_prompt"] == active_action(mannequin)["mld_action"] == ""

    @pytest.mark.parametrize(("fps", "base"), [(24, 1.0), (25, 1.0), (60, 1.001)])
    def test_seconds_are_kept_at_the_scene_rate(self, mannequin, fps: int, base: float) -> None:
        bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = fps, base
        ask(seconds=2.0)
        bpy.ops.mld.generate()
        first, last = active_action(mannequin).frame_range
        assert (last - first) / (fps / base) == pytest.approx(2.0, abs=0.5 / fps)

    def test_starts_at_the_playhead_when_asked(self, mannequin) -> None:
        bpy.context.scene.frame_set(40)
        ask(start_at_playhead=True)
        bpy.ops.mld.generate()
        assert active_action(mannequin).frame_range[0] == 40.0

    def test_in_place_reaches_the_retargeting(self, mannequin) -> None:
        ask(seconds=2.0, steps=20, in_place=True)
        bpy.ops.mld.generate()
        assert travel(mannequin, active_action(mannequin)) < 0.1

    def test_key_reduction_reaches_the_keys(self, mannequin) -> None:
        ask(seconds=2.0, steps=20)
        bpy.ops.mld.generate()
        dense = len(key_values(active_action(mannequin)))
        ask(seconds=2.0, steps=20, key_reduction="LINEAR", key_error_degrees=2.0)
        bpy.ops.mld.generate()
        assert len(key_values(active_action(mannequin))) < 0.7 * dense

    @pytest.mark.parametrize("handles", ["ALIGNED", "AUTO_CLAMPED", "MIXED"])
    def test_handles_are_as_chosen(self, mannequin, handles: str) -> None:
        ask(seconds=2.0, key_reduction="BEZIER", key_handles=handles)
        bpy.ops.mld.generate()
        points = [point for curve in compat.fcurves(active_action(mannequin)) for point in curve.keyframe_points]
        assert {point.interpolation for point in points} == {"BEZIER"}
        kinds = [point.handle_left_type for point in points]
        assert kinds == [point.handle_right_type for point in points]
        assert set(kinds) == ({"AUTO_CLAMPED", "ALIGNED"} if handles == "MIXED" else {handles})

    def test_an_action_of_the_animators_own_survives(self, mannequin) -> None:
        own = action_of_user(mannequin, {"head": (0.0, 0.5)}, (1, 10))
        before = key_values(own)
        ask()
        bpy.ops.mld.generate()
        assert active_action(mannequin) != own
        np.testing.assert_array_equal(key_values(bpy.data.actions["Mine"]), before)
        assert bpy.data.actions["Mine"].users

    def test_one_undo_takes_it_back(self, mannequin) -> None:
        name = mannequin.name
        ask()
        bpy.ops.mld.generate()
        bpy.ops.ed.undo()
        assert active_action(bpy.data.objects[name]) is None
        assert bpy.context.scene.mld.prompt == "a person walks forward"


class TestTarget:
    def test_armature_of_the_active_mesh(self, mannequin) -> None:
        body = next(item for item in bpy.data.objects if item.type == "MESH" and item.find_armature())
        make_active(body)
        ask()
        bpy.ops.mld.generate()
        assert active_action(mannequin)

    def test_only_selected_armature_beside_an_active_camera(self, mannequin) -> None:
        camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
        bpy.context.scene.collection.objects.link(camera)
        bpy.context.view_layer.objects.active = camera
        mannequin.select_set(True)
        ask()
        bpy.ops.mld.generate()
        assert active_action(mannequin)

    def test_several_selected_armatures_are_not_guessed_among(self, mannequin) -> None:
        bpy.ops.mld.add_mannequin()
        for item in bpy.context.view_layer.objects:
            item.select_set(item.type == "ARMATURE")
        bpy.context.view_layer.objects.active = None
        assert "Several armatures are selected" in refusal(bpy.ops.mld.generate)


class TestRegenerate:
    def test_same_request_new_seed_old_take_kept(self, mannequin) -> None:
        bpy.context.scene.frame_set(30)
        ask(condition="ACTION", action_label="walk", style_label="happy", start_at_playhead=True)
        bpy.ops.mld.generate()
        old = active_action(mannequin)
        before = key_values(old)
        ask(prompt="something else", seconds=3.0)
        bpy.ops.mld.regenerate()
        new = active_action(mannequin)
        assert new != old
        np.testing.assert_array_equal(key_values(old), before)
        assert new["mld_seed"] != old["mld_seed"]
        same = ("mld_action", "mld_style", "mld_prompt", "mld_seconds", "mld_steps", "mld_guidance")
        assert [new[name] for name in same] == [old[name] for name in same]
        assert tuple(new.frame_range) == tuple(old.frame_range)

    def test_a_drawn_style_is_drawn_again(self, mannequin) -> None:
        ask(condition="ACTION", action_label="walk", style_label="")
        bpy.ops.mld.generate()
        assert active_action(mannequin)["mld_style"]
        ask()
        for _ in range(2):
            bpy.ops.mld.regenerate()
            assert "style" not in runtime.current().last_request
            assert active_action(mannequin)["mld_style"]

    def test_needs_something_to_repeat(self, mannequin) -> None:
        runtime.current().last_request = None
        assert not bpy.ops.mld.regenerate.poll()
        assert "no take to make again" in refusal(bpy.ops.mld.regenerate)


class TestTakes:
    @pytest.fixture
    def two_takes(self, mannequin) -> tuple[str, str]:
        """Names, the newer and active one last."""
        for seed in (1, 2):
            ask(seed=seed)
            bpy.ops.mld.generate()
        newer, older = takes.list_takes(mannequin)
        return older.name, newer.name

    def test_use_take_plays_it(self, mannequin, two_takes: tuple[str, str]) -> None:
        assert active_action(mannequin).name == two_takes[1]
        bpy.ops.mld.use_take(take=two_takes[0])
        assert active_action(mannequin).name == two_takes[0]

    def test_click_in_the_list_plays_it(self, mannequin, two_takes: tuple[str, str]) -> None:
        mannequin.mld.take_index = bpy.data.actions.find(two_takes[0])
        assert active_action(mannequin).name == two_takes[0]
        assert mannequin.mld.take_index == bpy.data.actions.find(two_takes[0])

    def test_delete_take(self, mannequin, two_takes: tuple[str, str]) -> None:
        bpy.ops.mld.delete_take(take=two_takes[0])
        assert [action.name for action in takes.list_takes(mannequin)] == [two_takes[1]]
        bpy.ops.mld.delete_take()
        assert takes.list_takes(mannequin) == []
        assert "plays no take" in refusal(bpy.ops.mld.delete_take)

    def test_unknown_take(self, mannequin, two_takes: tuple[str, str]) -> None:
        assert "no take “nothing”" in refusal(lambda: bpy.ops.mld.use_take(take="nothing"))

    def test_bake_and_go_on(self, mannequin, two_takes: tuple[str, str]) -> None:
        bpy.ops.mld.bake_to_nla()
        assert [track.strips[0].action.name for track in mannequin.animation_data.nla_tracks] == [two_takes[1]]
        assert active_action(mannequin) is None
        assert "plays no take" in refusal(bpy.ops.mld.bake_to_nla)
        ask(seed=3)
        bpy.ops.mld.generate()
        assert active_action(mannequin)["mld_seed"] == 3
        assert "NLA strip" in refusal(lambda: bpy.ops.mld.delete_take(take=two_takes[1]))


class TestBones:
    def test_detect_bones_writes_the_map_down(self, mannequin) -> None:
        bpy.ops.mld.detect_bones()
        assert mannequin.mld.bones.pelvis == "pelvis"
        assert mannequin.mld.bones_source == "SMPL"
        assert all(getattr(mannequin.mld.bones, role) for role in ("left_hip", "right_wrist", "head"))

    def test_a_bone_chosen_by_hand_is_the_one_that_is_keyed(self, mannequin) -> None:
        bpy.ops.mld.detect_bones()
        mannequin.mld.bones.left_foot = ""
        assert mannequin.mld.bones_source == "by hand"
        ask()
        bpy.ops.mld.generate()
        keyed = takes.keyed_bones(active_action(mannequin))
        assert "right_foot" in keyed
        assert "left_foot" not in keyed

    def test_a_bone_that_is_gone_is_named(self, mannequin) -> None:
        bpy.ops.mld.detect_bones()
        mannequin.mld.bones.left_knee = "no such bone"
        ask()
        message = refusal(bpy.ops.mld.generate)
        assert "no such bone" in message
        assert "Detect Bones" in message
        assert active_action(mannequin) is None
