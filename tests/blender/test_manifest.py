# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension's manifest, by Blender's own validator."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import bpy
import pytest

import mld_engine


@pytest.fixture(scope="module")
def extension_tool() -> Path:
    """Blender's command-line program for extensions."""
    for folder in bpy.utils.script_paths(subdir="addons_core"):
        tool = Path(folder) / "bl_pkg" / "cli" / "blender_ext.py"
        if tool.is_file():
            return tool
    pytest.skip("this Blender comes without bl_pkg/cli/blender_ext.py")


def run(tool: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(tool), *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def test_blenders_validator_accepts_the_addon(extension_tool: Path, repository: Path) -> None:
    done = run(extension_tool, "validate", str(repository / "blender_addon"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_package_built_by_blender_is_valid(extension_tool: Path, repository: Path, tmp_path: Path) -> None:
    done = run(
        extension_tool, "build", "--source-dir", str(repository / "blender_addon"), "--output-dir", str(tmp_path)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    package = tmp_path / f"motion_latent_diffusion-{mld_engine.__version__}.zip"
    names = zipfile.ZipFile(package).namelist()
    assert {"blender_manifest.toml", "__init__.py", "engine_client/session.py"} <= set(names)
    assert not [name for name in names if name.endswith(".pyc")]
    done = run(extension_tool, "validate", str(package))
    assert done.returncode == 0, done.stdout + done.stderr


def test_manifest_and_engine_have_one_version(repository: Path) -> None:
    manifest = (repository / "blender_addon" / "blender_manifest.toml").read_text(encoding="utf-8")
    assert f'\nversion = "{mld_engine.__version__}"\n' in manifest
    assert '\nid = "motion_latent_diffusion"\n' in manifest
