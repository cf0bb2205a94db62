# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension zip: what is in it, the same bytes each time, loadable as an add-on's folder."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mld_engine.setup.build import archive_path, build_extension, contents
from mld_engine.setup.console import Console
from mld_engine.setup.errors import SetupError


@pytest.fixture(scope="module")
def archive(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("dist") / archive_path(repository).name
    return build_extension(repository, target.parent / "no-venv", Console(), target)


def test_the_zip_is_an_extension_with_engine_and_pack(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
    for needed in (
        "blender_manifest.toml",
        "__init__.py",
        "demo/launch.py",
        "install_deps.py",
        "LICENSE",
        "README.md",
        "mld_engine/__main__.py",
        "mld_engine/setup/command_line.py",
        "mld_engine/packs/research/denoiser.safetensors",
        "mld_engine/packs/research/config.json",
        "mld_engine/packs/studio/denoiser.safetensors",
    ):
        assert needed in names
    unwanted = [name for name in names if "__pycache__" in name or "golden" in name or name.startswith(("tests", "."))]
    assert unwanted == []
    assert len(names) == len(set(names))
    assert names == sorted(names)


def test_the_same_source_gives_the_same_bytes(archive: Path, repository: Path, tmp_path: Path) -> None:
    again = build_extension(repository, tmp_path / "no-venv", Console(), tmp_path / "again.zip")
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(archive.read_bytes()).digest()
    assert [path.name for path in tmp_path.iterdir()] == ["again.zip"]


def test_the_unpacked_folder_is_whole(archive: Path, tmp_path: Path) -> None:
    """The engine in it finds its pack, and install_deps.py works from there."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)
    code = "from mld_engine.checkpoints.pack import Pack; print(Pack.open('research').name)"
    told = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.stdout.strip() == "research", told.stderr
    command = [sys.executable, str(tmp_path / "install_deps.py"), "--dry-run", "--cpu"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.stdout.splitlines()[-1] == str(tmp_path / ".venv" / "bin" / "python"), told.stderr


def test_every_shipped_file_of_a_pack_has_its_hash(repository: Path) -> None:
    shipped = {name for name, _ in contents(repository)}
    folder = repository / "mld_engine" / "packs" / "research"
    listed = json.loads((folder / "hashes.json").read_text())
    text = json.dumps(listed)
    for name in ("config.json", "decoder.safetensors", "denoiser.safetensors", "statistics.safetensors"):
        assert f"mld_engine/packs/research/{name}" in shipped
        assert name in text


def test_a_tree_without_the_add_on_cannot_be_built(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"blender_manifest\.toml is missing"):
        build_extension(tmp_path, tmp_path / "v", Console())


def test_versions_must_agree(tmp_path: Path) -> None:
    (tmp_path / "blender_addon").mkdir()
    (tmp_path / "blender_addon" / "blender_manifest.toml").write_text('version = "99.0.0"\n')
    with pytest.raises(SetupError, match=r"99\.0\.0"):
        build_extension(tmp_path, tmp_path / "v", Console())
