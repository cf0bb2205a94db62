# SPDX-License-Identifier: GPL-3.0-or-later
"""A tiny package of our own, so that environments can be made for real in seconds and without a network."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mld_engine.setup.plan import Group, PipStep

MakeGroup = Callable[..., Group]


def write_wheel(folder: Path, name: str, version: str) -> Path:
    """A wheel with one module `name` whose VERSION is `version`."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": f"VERSION = {version!r}\n",
        f"{name}/data.txt": "x" * 100,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = []
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for inside, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record.append(f"{inside},sha256={digest},{len(text)}")
            wheel.writestr(inside, text)
        wheel.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,"]) + "\n")
    return path


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheels of mldalpha 1 and 2 and mldbeta 1."""
    folder = tmp_path_factory.mktemp("wheels")
    for name, version in (("mldalpha", "1.0"), ("mldalpha", "2.0"), ("mldbeta", "1.0")):
        write_wheel(folder, name, version)
    return folder


@pytest.fixture(scope="session")
def make_group(wheels: Path) -> MakeGroup:
    """A group of the packages named, installed from `wheels` only."""

    def make(name: str, *packages: str, replaces: tuple[str, ...] = ()) -> Group:
        options = ("--no-index", "--find-links", str(wheels))
        return Group(name, "+".join(packages), (PipStep(f"Installing {name}", packages, options),), replaces)

    return make
