# SPDX-License-Identifier: GPL-3.0-or-later
"""The default pack and one loaded pipeline for all engine tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mld_engine.checkpoints.pack import Pack
    from mld_engine.pipeline import MotionPipeline


@pytest.fixture(scope="session")
def pack() -> Pack:
    from mld_engine.checkpoints.pack import Pack

    return Pack.open("research")


@pytest.fixture(scope="session")
def pipeline(pack: Pack) -> MotionPipeline:
    from mld_engine.pipeline import MotionPipeline

    return MotionPipeline.from_pack(pack, "cpu")


@pytest.fixture
def copy_pack(pack: Pack, tmp_path: Path) -> Callable[..., Path]:
    """`copy_pack("config.json", ...)`: a folder with copies of these files of the default pack."""

    def copy(*names: str) -> Path:
        folder = tmp_path / "copied"
        folder.mkdir()
        for name in names:
            shutil.copyfile(pack.directory / name, folder / name)
        return folder

    return copy
