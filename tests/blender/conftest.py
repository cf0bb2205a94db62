# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for tests in Blender's Python. Without bpy the folder is left out, as the report's header says."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
HAS_BPY = importlib.util.find_spec("bpy") is not None

collect_ignore_glob = [] if HAS_BPY else ["test_*.py"]


def pytest_report_header() -> str:
    if not HAS_BPY:
        return "bpy: not in this Python, tests/blender is left out"
    import bpy

    return f"bpy: Blender {bpy.app.version_string}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.blender)


_status: list[int] = []


def pytest_sessionfinish(exitstatus: int) -> None:
    _status.append(int(exitstatus))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Leave without Blender's own clean-up, which crashes the 4.2 module once Rigify was enabled in it."""
    if HAS_BPY and _status and "bpy" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_status[-1])


@pytest.fixture(autouse=True)
def clean_file() -> None:
    """Every test begins in an empty file at 24 frames per second."""
    import bpy

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


@pytest.fixture(scope="session")
def addon() -> Iterator[ModuleType]:
    """The add-on, registered once for all tests of the run."""
    import blender_addon

    blender_addon.register()
    yield blender_addon
    blender_addon.unregister()


@pytest.fixture
def armatures() -> ModuleType:
    """Builders of armatures: see `tests/blender/armatures.py`."""
    from tests.blender import armatures as builders

    return builders


@pytest.fixture
def chain(armatures: ModuleType) -> Any:
    """Four bones in a row: hips, spine, chest, tail."""
    return armatures.chain()


@pytest.fixture
def metarig(armatures: ModuleType) -> Any:
    """Rigify's human metarig."""
    return armatures.human_metarig()


@pytest.fixture(params=["mixamorig:", ""], ids=["prefixed", "plain"])
def mixamo_rig(request: pytest.FixtureRequest, armatures: ModuleType) -> Any:
    """A Mixamo skeleton, with and without the prefix of its bone names."""
    return armatures.mixamo(request.param)


@pytest.fixture
def import_rig(armatures: ModuleType, shared_dir: Path) -> Callable[[str], Any]:
    """`import_rig("human-male")` -> the armature of that character; skips where the characters are not there."""

    def load(name: str) -> Any:
        file = shared_dir / "rigs" / f"{name}.glb"
        if not file.is_file():
            pytest.skip(f"no character {file}")
        return armatures.imported(file)

    return load


@pytest.fixture
def mannequin() -> Any:
    """The add-on's own figure."""
    import bpy

    from blender_addon.rig.blender_mannequin import add_mannequin

    add_mannequin(bpy.context)
    return bpy.context.view_layer.objects.active
