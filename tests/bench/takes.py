# SPDX-License-Identifier: GPL-3.0-or-later
"""The motions that the bench puts on every character."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from blender_addon.demo.motion_file import read_take
from blender_addon.retarget.source_motion import SourceMotion
from tests.bench.rigs import REPOSITORY
from tests.retarget import motions

GOLDEN: Final = {
    "walk": motions.WALK,
    "slow walk": motions.SLOW_WALK,
    "stroll": motions.STROLL,
    "raised arm": motions.RAISED_ARM,
}
"""Name -> take of the default pack's golden file."""
TIMED_FRAMES: Final = 300
ENGINE: Final = "MLD_ENGINE_PYTHON"
"""Environment variable that names the engine's Python."""
PROMPT: Final = "an old man walks slowly"


def golden_takes(names: Sequence[str]) -> dict[str, SourceMotion]:
    return {name: motions.golden_motion(REPOSITORY, GOLDEN[name]) for name in names}


def timed_take(folder: Path) -> tuple[str, SourceMotion]:
    """What it is, and a motion of TIMED_FRAMES: the engine's own where it is at hand, else the golden walk to and fro.

    Raises subprocess.CalledProcessError where the engine fails.
    """
    engine = os.environ.get(ENGINE)
    if not engine:
        return "the golden walk, forwards and backwards", to_and_fro(motions.golden_motion(REPOSITORY, motions.WALK))
    file = folder / "take.npz"
    seconds = TIMED_FRAMES / motions.GOLDEN_FPS
    request = ["generate", "--text", PROMPT, "--seconds", str(seconds), "--seed", "42", "--out", str(file)]
    subprocess.run([engine, "-m", "mld_engine", *request], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    return f"“{PROMPT}”, seed 42", read_take(file).motion


def to_and_fro(motion: SourceMotion) -> SourceMotion:
    """TIMED_FRAMES of the motion forwards, backwards, forwards ...: no jump where one run meets the next."""
    there = np.arange(motion.frames)
    order = np.resize(np.concatenate([there, there[-2:0:-1]]), TIMED_FRAMES)
    return SourceMotion(motion.rotations[order], motion.root[order], motion.contacts[order], motion.offsets, motion.fps)
