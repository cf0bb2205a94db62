# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong input and wrong circumstances: each gets its own message, and nothing is keyed or lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bpy
import pytest

from blender_addon import runtime
from blender_addon.animation import compat
from tests.blender.armatures import action_of_user, make_active
from tests.blender.panel_session import ask, refusal, skip_without_engine


@pytest.fixture
def engine(addon) -> None:
    skip_without_engine()


@pytest.fixture
def animated(mannequin) -> Iterator[bpy.types.Object]:
    """A mannequin with an Action of the animator's own, which must come out of every test as it was."""
    action = action_of_user(mannequin, {"head": (0.0, 0.5)}, (1, 10))
    yield mannequin
    assert list(bpy.data.actions) == [action]
    assert mannequin.animation_data.action == action
    assert [len(curve.keyframe_points) for curve in compat.fcurves(action)] == [2, 2, 2]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"prompt": ""}, ["prompt is empty", "Type"]),
        ({"prompt": " \t "}, ["prompt is empty"]),
        ({"prompt": "walks" * 2000}, ["10000 characters", "limit"]),
        ({"prompt": "人が歩く"}, ["not English", "English"]),
        ({"prompt": "человек идёт вперёд"}, ["not English"]),
        ({"prompt": "👋👋👋"}, ["no words"]),
        ({"condition": "ACTION", "action_label": "moonwalk"}, ["moonwalk", "action"]),
        ({"condition": "ACTION", "action_label": ""}, ["No action is chosen"]),
        ({"condition": "ACTION", "action_label": "walk", "style_label": "grumpy"}, ["grumpy", "style"]),
        ({"seconds": 0.0}, ["above 0"]),
        ({"seconds": -1.0}, ["above 0", "-1"]),
        ({"seconds": 0.2}, ["too short", "0.8 s"]),
        ({"seconds": 10.5}, ["too long", "10 s"]),
        ({"seconds": float("nan")}, ["must be numbers"]),
        ({"seed": -5}, ["seed", "-5"]),
        ({"steps": 0}, ["steps"]),
        ({"guidance_scale": -2.0}, ["guidance", "-2"]),
    ],
)
def test_a_value_that_cannot_work(engine, animated, settings: dict[str, object], said: list[str]) -> None:
    ask(**settings)
    message = refusal(bpy.ops.mld.generate)
    assert all(part.casefold() in message.casefold() for part in said), message
    assert len(message.splitlines()) == 1


def test_emoji_beside_words_is_fine_and_said(engine, mannequin) -> None:
    ask(prompt="a person waves 👋")
    bpy.ops.mld.generate()
    assert "ignored" in runtime.current().notice.message
    assert mannequin.animation_data.action["mld_prompt"] == "a person waves 👋"


@pytest.mark.parametrize(("asked", "offered"), [(25.0, 10.0), (0.1, 0.8)])
def test_the_nearest_possible_length_is_offered(engine, animated, asked: float, offered: float) -> None:
    panel = ask(seconds=asked)
    refusal(bpy.ops.mld.generate)
    assert runtime.current().notice.offered_seconds == pytest.approx(offered)
    bpy.ops.mld.use_limit_seconds()
    assert panel.seconds == pytest.approx(offered)
    assert runtime.current().notice is None
    assert not bpy.ops.mld.use_limit_seconds.poll()


class TestArmature:
    """What `poll` says does not depend on the engine's answer, but an engine must be installed."""

    @pytest.fixture(autouse=True)
    def prepared(self, engine) -> None:
        ask()

    def test_nothing_selected(self) -> None:
        assert not bpy.ops.mld.generate.poll()
        message = refusal(bpy.ops.mld.generate)
        assert "No armature is selected" in message
        assert "mannequin" in message

    def test_a_mesh_without_armature(self) -> None:
        mesh = bpy.data.objects.new("Cube", bpy.data.meshes.new("Cube"))
        bpy.context.scene.collection.objects.link(mesh)
        make_active(mesh)
        assert "No armature is selected" in refusal(bpy.ops.mld.generate)

    def test_no_bones(self) -> None:
        armature = bpy.data.objects.new("Empty Rig", bpy.data.armatures.new("Empty Rig"))
        bpy.context.scene.collection.objects.link(armature)
        make_active(armature)
        message = refusal(bpy.ops.mld.generate)
        assert "“Empty Rig” has no bones" in message

    def test_edit_mode(self, animated) -> None:
        bpy.ops.object.mode_set(mode="EDIT")
        assert "Leave Edit Mode" in refusal(bpy.ops.mld.generate)
        bpy.ops.object.mode_set(mode="OBJECT")

    def test_bones_that_are_no_body(self, chain) -> None:
        message = refusal(bpy.ops.mld.generate)
        assert "cannot be mapped" in message
        for label in ("Left Upper Leg", "Right Lower Arm", "Left Hand"):
            assert label in message
        assert not bpy.data.actions
        assert "cannot be mapped" in refusal(bpy.ops.mld.detect_bones)
        assert "Left Hand" in refusal(bpy.ops.mld.generate)

    def test_uneven_scale(self, animated) -> None:
        animated.scale = (1.0, 1.0, 2.0)
        bpy.context.view_layer.update()
        assert "scaled differently" in refusal(bpy.ops.mld.generate)
        animated.scale = (1.0, 1.0, 1.0)

    def test_linked_without_override(self, mannequin, tmp_path: Path) -> None:
        library = tmp_path / "library.blend"
        bpy.data.libraries.write(str(library), {mannequin})
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        with bpy.data.libraries.load(str(library), link=True) as (there, here):
            here.objects = [name for name in there.objects if name == "Mannequin"]
        linked = here.objects[0]
        bpy.context.scene.collection.objects.link(linked)
        make_active(linked)
        ask()
        message = refusal(bpy.ops.mld.generate)
        assert "linked from" in message
        assert "Library Override" in message

        override = linked.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer, do_fully_editable=True)
        make_active(override)
        ask()
        assert bpy.ops.mld.generate() == {"FINISHED"}
        assert override.animation_data.action["mld_seed"] == 7


class TestEnginePython:
    def test_environment_names_a_python_that_is_gone(self, addon, animated, monkeypatch) -> None:
        monkeypatch.setenv("MLD_ENGINE_PYTHON", "/nowhere/python")
        ask()
        for operator in (bpy.ops.mld.generate, bpy.ops.mld.engine_start, bpy.ops.mld.regenerate):
            assert not operator.poll()
            message = refusal(operator)
            assert "/nowhere/python" in message
            assert "MLD_ENGINE_PYTHON" in message

    def test_a_python_without_the_engines_packages(self, addon, animated, monkeypatch) -> None:
        live = runtime.current()
        live.session.close()
        monkeypatch.setenv("MLD_ENGINE_PYTHON", sys.executable)
        ask()
        message = refusal(bpy.ops.mld.generate)
        assert "torch" in message
        assert "Install" in message
        live.session.close()

    def test_nothing_installed_on_a_fresh_computer(self, tmp_path: Path, repository: Path) -> None:
        """In a process of its own: a home folder cannot be changed under a running Blender."""
        script = (
            "import sys; sys.path.insert(0, sys.argv[1]); import bpy, blender_addon; blender_addon.register()\n"
            "bpy.ops.mld.add_mannequin(); bpy.context.scene.mld.prompt = 'walk'\n"
            "try: bpy.ops.mld.generate()\n"
            "except RuntimeError as error: print(error)\n"
            "try: bpy.ops.mld.engine_install()\n"
            "except RuntimeError as error: print(error)\n"
            "print('actions:', len(bpy.data.actions)); blender_addon.unregister()"
        )
        environment = {name: value for name, value in os.environ.items() if name != "MLD_ENGINE_PYTHON"}
        done = subprocess.run(
            [sys.executable, "-c", script, str(repository)],
            env=environment | {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "APPDATA": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "The engine is not installed yet. Press Install Engine" in done.stdout, done.stderr
        assert "Blender may not go online" in done.stdout
        assert "Allow Online Access" in done.stdout
        assert "actions: 0" in done.stdout
