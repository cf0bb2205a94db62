# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension zip, installed by Blender's own installer into a fresh user folder, makes a take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mld_engine.setup.build import build_extension
from mld_engine.setup.console import Console

_IN_BLENDER = """\
import json, sys
import bpy
done = bpy.ops.extensions.package_install_files(filepath=sys.argv[1], repo="user_default", enable_on_install=True)
assert done == {"FINISHED"}, done
import bl_ext.user_default.motion_latent_diffusion as addon
bpy.ops.mld.add_mannequin()
armature = bpy.context.view_layer.objects.active
settings = bpy.context.scene.mld
settings.condition, settings.prompt, settings.seconds = "TEXT", "a person waves", 2.0
settings.use_random_seed, settings.seed, settings.steps = False, 11, 10
done = bpy.ops.mld.generate()
action = armature.animation_data.action
told = {
    "done": sorted(done),
    "folder": addon.__path__[0],
    "source": str(addon.contract.source_root()),
    "prompt": action["mld_prompt"],
    "seed": action["mld_seed"],
    "frames": list(action.frame_range),
    "fps": bpy.context.scene.render.fps,
}
bpy.ops.preferences.addon_disable(module="bl_ext.user_default.motion_latent_diffusion")
told["disabled"] = not hasattr(bpy.types.Scene, "mld")
print("RESULT " + json.dumps(told), flush=True)
"""


def test_the_installed_zip_generates_with_its_own_engine_source(repository: Path, tmp_path: Path) -> None:
    if not os.environ.get("MLD_ENGINE_PYTHON"):
        pytest.skip("MLD_ENGINE_PYTHON does not name the engine's Python")
    archive = build_extension(repository, tmp_path / "no-venv", Console(), tmp_path / "extension.zip")
    user_folder = tmp_path / "blender user"
    user_folder.mkdir()
    told = subprocess.run(
        [sys.executable, "-c", _IN_BLENDER, str(archive)],
        cwd=tmp_path,
        env=os.environ | {"BLENDER_USER_RESOURCES": str(user_folder)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    results = [line[7:] for line in told.stdout.splitlines() if line.startswith("RESULT ")]
    assert results, told.stdout + told.stderr
    result = json.loads(results[0])
    installed = Path(result["folder"])
    assert user_folder in installed.parents
    assert Path(result["source"]) == installed
    assert (result["done"], result["prompt"], result["seed"]) == (["FINISHED"], "a person waves", 11)
    first, last = result["frames"]
    assert last - first == round(2.0 * result["fps"])
    assert result["disabled"]
