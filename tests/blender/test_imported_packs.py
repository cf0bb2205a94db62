# SPDX-License-Identifier: GPL-3.0-or-later
"""From a published checkpoint to keys: imported by the engine, chosen in the panel, keyed on a rig."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from panel_session import ask, skip_without_engine

from blender_addon.animation.source import read_source_take

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = REPOSITORY / "tests" / "engine" / "imported_packs.py"


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of packs made of checkpoints, and of the takes that the engine makes with them."""
    skip_without_engine()
    folder = tmp_path_factory.mktemp("imported")
    command = [os.environ["MLD_ENGINE_PYTHON"], str(PROGRAM), str(folder)]
    settings = {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environment = {**os.environ, **settings}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize(
    ("pack", "fps", "request_settings"),
    [
        ("mld", 20, {"condition": "TEXT", "prompt": "a person walks"}),
        ("actions", 20, {"condition": "ACTION", "action_label": "turn_steering_wheel"}),
    ],
)
def test_an_imported_checkpoint_keys_a_rig(
    imported: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, pack: str, fps: int,
    request_settings: dict[str, Any],
) -> None:  # fmt: skip
    monkeypatch.setenv("MLD_PACKS_DIR", str(imported / "packs"))
    monkeypatch.setenv("MLD_T5_MODEL", str(imported / "t5"))
    request.getfixturevalue("addon")
    mannequin = request.getfixturevalue("mannequin")
    bpy.ops.mld.find_packs()
    bpy.ops.mld.use_pack(pack=pack)
    ask(pack=pack, seconds=2.0, steps=4, seed=7, **request_settings)
    assert bpy.ops.mld.generate() == {"FINISHED"}
    action = mannequin.animation_data.action
    assert action["mld_pack"] == pack
    start, end = action.frame_range
    assert (end - start) / bpy.context.scene.render.fps == pytest.approx(2.0)
    rotations, root, _, _, motion_fps = read_source_take(action)
    assert motion_fps == fps
    with np.load(imported / "takes.npz") as takes:
        assert np.abs(rotations - takes[f"{pack}_rotations"]).max() < 1e-5
        assert np.abs(root - takes[f"{pack}_root"]).max() < 1e-5
