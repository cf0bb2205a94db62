# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of one's own model: BVH -> data set -> VAE -> denoiser -> evaluation -> pack -> keys on a rig."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from pathlib import Path

import bpy
import pytest
from panel_session import ask, skip_without_engine

from blender_addon.contract import source_root

MOVES = {"walk": "a person walks", "wave_both": "a person waves both hands"}


def engine(*arguments: str) -> str:
    """Run one command of the engine and give its output."""
    environment = os.environ | {"PYTHONPATH": str(source_root())}
    command = [os.environ["MLD_ENGINE_PYTHON"], "-m", "mld_engine", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def motion_capture(folder: Path) -> None:
    """A few short BVH files and the table that says what they show: every other one is held out."""
    folder.mkdir()
    rows = []
    for action, caption in MOVES.items():
        take = folder.parent / f"{action}.npz"
        settings = ["--seconds", "1.6", "--steps", "4", "--seed", "3", "--count", "4", "--out", str(take)]
        engine("generate", "--action", action, *settings, "--bvh", str(folder / f"{action}.bvh"))
        for number in range(4):
            split = ("train", "test")[number % 2]
            rows.append({"file": f"{action}_{number:03d}.bvh", "captions": caption, "action": action, "split": split})
    with (folder / "captions.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def test_from_motion_capture_to_keys(addon, mannequin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without_engine()
    if bpy.app.version < (5, 0):
        pytest.skip("trained in the newer Blender's run only: Blender's version plays no part before the last step")
    motion_capture(tmp_path / "capture")
    data, run, packs = (str(tmp_path / name) for name in ("data", "run", "packs"))
    engine("prepare", "bvh", str(tmp_path / "capture"), data, "--licence", "CC0")
    shared = ["--data", data, "--out", run, "--device", "cpu", "--steps", "20"]
    engine("train", "--preset", "tiny", *shared, "--set", "pack.name=mine")
    engine("train", "evaluator", *shared)
    engine(
        "evaluate", "--pack", f"{run}/pack", "--data", data, "--evaluator", f"{run}/evaluator", "--splits", "test",
        "--repeats", "1", "--no-speed", "--device", "cpu", "--out", f"{run}/report",
    )  # fmt: skip
    report = json.loads(Path(run, "report", "report.json").read_text(encoding="utf-8"))
    assert [row["row"] for row in report["tables"]["Generation"]][:2] == ["captured", "VAE"]

    Path(packs).mkdir()
    Path(run, "pack").rename(Path(packs, "mine"))
    monkeypatch.setenv("MLD_PACKS_DIR", packs)
    bpy.ops.mld.find_packs()
    bpy.ops.mld.use_pack(pack="mine")
    ask(pack="mine", condition="ACTION", action_label="wave_both", seconds=1.5)
    bpy.ops.mld.generate()
    take = mannequin.animation_data.action
    assert (take["mld_pack"], take["mld_action"]) == ("mine", "wave_both")
    assert take.frame_range[1] - take.frame_range[0] == 36, "1.5 s at 24 fps"
