# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the extension zip: add-on, engine source with the default pack, and this set-up, in one version."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from .. import __version__
from .blender import wheel_environment
from .console import Console
from .errors import SetupError
from .process import answer
from .requirements import BPY

NAME: Final = "motion_latent_diffusion"
MANIFEST: Final = "blender_manifest.toml"
SINGLE_FILES: Final = ("install_deps.py", "LICENSE", "README.md")
LEFT_OUT_FOLDERS: Final = frozenset({"__pycache__", "tests"})
LEFT_OUT_FILES: Final = frozenset({"golden.json", "golden.safetensors"})
"""A pack's expected outputs: read by tests only."""
EARLIEST_ZIP_DATE: Final = (1980, 1, 1, 0, 0, 0)


def archive_path(source_root: Path) -> Path:
    return source_root / "dist" / f"{NAME}-{__version__}.zip"


def build_extension(source_root: Path, venv: Path, console: Console, target: Path | None = None) -> Path:
    """Write the zip (to dist/ unless `target` names another file) and have Blender's own validator look at it.

    The validator is part of Blender's wheel: without a wheel environment beside `venv` it is not asked.
    The same source gives the same bytes. Raises SetupError when something is missing or not valid.
    """
    _check_version(source_root / "blender_addon" / MANIFEST)
    target = target or archive_path(source_root)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(target.stem + ".unfinished.zip")
    console.stage("build", f"Writing {target.name}")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for name, path in sorted(contents(source_root)):
                entry = zipfile.ZipInfo(name, EARLIEST_ZIP_DATE)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.create_system = 3
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes())
        _validate(unfinished, venv, console)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    console.stage("build", f"{target}  ({target.stat().st_size / 1e6:.1f} MB)")
    return target


def contents(source_root: Path) -> Iterator[tuple[str, Path]]:
    """(name in the zip, file) of everything that ships. Raises SetupError when a file is missing."""
    yield from _files_below(source_root / "blender_addon", "")
    yield from _files_below(source_root / "mld_engine", "mld_engine")
    for name in SINGLE_FILES:
        if not (source_root / name).is_file():
            raise SetupError(f"{name} is missing in {source_root}.", "Get the whole program again.")
        yield name, source_root / name


def _files_below(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") or part in LEFT_OUT_FOLDERS for part in relative.parts)
        if path.is_file() and not hidden and path.name not in LEFT_OUT_FILES and path.suffix != ".pyc":
            yield str(PurePosixPath(prefix) / relative.as_posix()), path


def _check_version(manifest: Path) -> None:
    try:
        text = manifest.read_text(encoding="utf-8")
    except OSError as error:
        raise SetupError(f"{manifest} is missing.", "--build needs the whole source tree.") from error
    found = re.search(r'^version\s*=\s*"([^"]+)"', text, re.MULTILINE)
    version = found[1] if found else "no version"
    if version != __version__:
        raise SetupError(
            f"The add-on's manifest says {version}, the engine {__version__}.",
            f"Write the same version into {manifest.name} and mld_engine/__init__.py.",
        )


def _validate(archive: Path, venv: Path, console: Console) -> None:
    for version in BPY:
        python = wheel_environment(venv, version, console).python
        validators = sorted(
            python.parent.parent.glob("lib/python*/site-packages/bpy/*/scripts/addons*/bl_pkg/cli/blender_ext.py")
        ) or sorted(python.parent.parent.glob("Lib/site-packages/bpy/*/scripts/addons*/bl_pkg/cli/blender_ext.py"))
        if not (python.exists() and validators):
            continue
        told = answer([str(python), str(validators[0]), "validate", str(archive)])
        if told is None or told.returncode:
            lines = (told.stdout + told.stderr).splitlines()[-6:] if told else []
            raise SetupError("Blender's validator refuses the extension.", "The lines above tell why.", lines)
        console.detail("build", f"accepted by Blender {version}'s own validator")
        return
    console.detail("build", "not checked by Blender's validator: run --test once to have it installed")
