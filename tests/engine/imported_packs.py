# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: checkpoints of the official layout, imported as packs, and a take that the engine makes of each.

python imported_packs.py FOLDER makes FOLDER/packs/mld, FOLDER/packs/actions, FOLDER/t5 and FOLDER/takes.npz. It
lets tests in Blender, whose Python has no PyTorch, begin at a checkpoint. The repository must be on the path.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import torch
from hostile_files import lightning_values
from official_files import VARIANTS, make_official, random_tensor, small
from small_t5 import small_t5_tensors, write_small_t5

from mld_engine.cli import main
from mld_engine.pipeline import MotionPipeline

PROMPT, ACTION, SECONDS, SEED, STEPS = "a person walks", "turn_steering_wheel", 2.0, 7, 4


def make(folder: Path) -> None:
    """Write everything to `folder`."""
    write_small_t5(folder / "t5", small_t5_tensors(768))
    os.environ["MLD_T5_MODEL"] = str(folder / "t5")
    np.save(folder / "Mean.npy", np.zeros(263))
    np.save(folder / "Std.npy", np.full(263, 0.1))
    variants = {
        "mld": (small(VARIANTS["mld"], time_dim=768, text_dim=768), ["--text-encoder", "t5", "--statistics", "."]),
        "actions": (small(VARIANTS["humanact12"]), []),
    }
    takes = {}
    for name, (variant, options) in variants.items():
        state = make_official(variant, fill=random_tensor).state_dict()
        torch.save(lightning_values(state), folder / f"{name}.ckpt")
        if main(["import-checkpoint", str(folder / f"{name}.ckpt"), str(folder / "packs" / name), *options]):
            raise SystemExit(1)
        told = {"text": PROMPT} if name == "mld" else {"action": ACTION}
        pipeline = MotionPipeline.from_pack(folder / "packs" / name, "cpu")
        motion = pipeline(**told, seconds=SECONDS, seed=SEED, steps=STEPS)[0]
        takes |= {f"{name}_rotations": motion.rotations, f"{name}_root": motion.root}
    np.savez(folder / "takes.npz", **takes)


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    make(Path(sys.argv[1]))
