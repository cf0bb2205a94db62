# SPDX-License-Identifier: GPL-3.0-or-later
"""The motions that the bench puts on every character."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from blender_addon.motion_files.files import read_motion_file
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

REQUESTS: Final[tuple[tuple[str, str, float], ...]] = (
    ("--text", "an old man walks slowly", 10.0),
    ("--text", "a person throws punches", 5.0),
    ("--text", "a person bows", 4.0),
    ("--text", "a person kicks with the right leg", 4.0),
    ("--text", "someone waves with both hands", 4.0),
    ("--text", "a man dances salsa", 8.0),
    ("--text", "a person jumps forward", 4.0),
    ("--text", "a person walks forward then turns around", 6.0),
    ("--text", "a person runs in a circle", 6.0),
    ("--text", "a person crouches and walks", 5.0),
    ("--text", "a person crawls", 5.0),
    ("--text", "a woman does ballet", 6.0),
    *(
        ("--action", action, 4.0)
        for action in (
            "walk", "run", "sprint", "walk_backward", "sidestep_left", "skip", "turn_around", "kick", "punch", "dance",
            "sword_slash", "sit", "get_up", "lie_down", "pick_up", "idle",
        )
    ),
)  # fmt: skip
"""(flag, its value, seconds) of takes that show what a body can do to its feet."""


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
    return f"“{PROMPT}”, seed 42", read_motion_file(file).motion


def generated_takes(folder: Path, seeds: int) -> dict[str, SourceMotion]:
    """Name -> each of REQUESTS with so many seeds: the folder's files, which the engine makes where they are missing.

    Raises KeyError where a file is missing and no engine is named, subprocess.CalledProcessError where it fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    takes = {}
    for flag, wish, seconds in REQUESTS:
        for seed in range(1, seeds + 1):
            name = f"{wish}, seed {seed}"
            file = folder / f"{name.replace(' ', '_')}.npz"
            if not file.is_file():
                request = ["generate", flag, wish, "--seconds", str(seconds), "--seed", str(seed), "--out", str(file)]
                engine = [os.environ[ENGINE], "-m", "mld_engine"]
                subprocess.run([*engine, *request], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
            takes[name] = read_motion_file(file).motion
    return takes


def to_and_fro(motion: SourceMotion) -> SourceMotion:
    """TIMED_FRAMES of the motion forwards, backwards, forwards ...: no jump where one run meets the next."""
    there = np.arange(motion.frames)
    order = np.resize(np.concatenate([there, there[-2:0:-1]]), TIMED_FRAMES)
    return SourceMotion(motion.rotations[order], motion.root[order], motion.contacts[order], motion.offsets, motion.fps)
