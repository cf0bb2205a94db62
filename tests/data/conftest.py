# SPDX-License-Identifier: GPL-3.0-or-later
"""A real motion to write in other formats, and the captured clips to compare with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from mld_engine.cli import main
from mld_engine.contract.skeleton import REST_OFFSETS
from mld_engine.data.sources import packed
from mld_engine.data.store import ClipRecord
from mld_engine.motion import Motion

FPS = 30.0


@pytest.fixture(scope="session")
def walk(repository: Path) -> Motion:
    """A person walks: a take that a model made once, which starts over the origin, facing +Z."""
    tensors = load_file(repository / "tests" / "retarget" / "takes.safetensors")
    rotations, root = tensors["rotations_0"], tensors["root_0"]
    return Motion(rotations, root, np.zeros((len(root), 4), np.float32), REST_OFFSETS, FPS)


@pytest.fixture(scope="session")
def captured(shared_dir: Path) -> dict[str, ClipRecord]:
    """Captured clips by name."""
    folder = shared_dir / "data" / "motion"
    if not (folder / "motion.npz").is_file():
        pytest.skip(f"no captured motion in {folder}")
    return {record.name: record for record in packed.read(folder)}


@pytest.fixture
def prepare(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """`prepare("bvh", SRC, DST, ...)` -> exit status and all that was printed."""

    def run(*arguments: object) -> tuple[int, str]:
        status = main(["prepare", *map(str, arguments)])
        told = capsys.readouterr()
        return status, told.out + told.err

    return run
