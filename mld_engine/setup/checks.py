# SPDX-License-Identifier: GPL-3.0-or-later
"""Does what was installed start? And if Blender's wheel does not: which system packages are missing?"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .errors import SetupError
from .process import answer

_ENGINE: Final = """\
import numpy, safetensors, scipy, tokenizers, tqdm, torch, mld_engine
cuda = torch.cuda.is_available()
mps = torch.backends.mps.is_available()
print(torch.__version__)
print(torch.cuda.get_device_name(0) if cuda else "the Mac's GPU (MPS)" if mps else "the CPU")
"""

DEBIAN_PACKAGES: Final[dict[str, str]] = {
    "libX11.so.6": "libx11-6", "libXrender.so.1": "libxrender1", "libXxf86vm.so.1": "libxxf86vm1",
    "libXfixes.so.3": "libxfixes3", "libXi.so.6": "libxi6", "libXext.so.6": "libxext6", "libXt.so.6": "libxt6",
    "libxkbcommon.so.0": "libxkbcommon0", "libSM.so.6": "libsm6", "libICE.so.6": "libice6", "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1", "libgomp.so.1": "libgomp1", "libxcb.so.1": "libxcb1",
}  # fmt: skip
"""System libraries that Blender's wheel links to, and the Debian or Ubuntu package of each."""


def run_engine_imports(python: Path) -> tuple[str, str]:
    """(torch's version, the device that the engine will use). Raises SetupError when something does not import."""
    version, device = _run(python, _ENGINE).splitlines()[-2:]
    return version, device


def run_clip_import(python: Path) -> None:
    """Import OpenCLIP, which fails where torch and torchvision were not built for each other. Raises SetupError."""
    _run(python, "import open_clip")


def run_bpy_import(python: Path) -> None:
    """Import Blender's wheel. Raises SetupError that names missing system packages."""
    try:
        _run(python, "import bpy")
    except SetupError as error:
        missing = missing_libraries(python)
        if not missing:
            raise
        packages = sorted({DEBIAN_PACKAGES.get(name, name) for name in missing})
        raise SetupError(
            f"Blender's Python module needs system libraries that are missing: {', '.join(missing)}.",
            f"On Debian and Ubuntu: sudo apt install {' '.join(packages)}. Then run this again.",
        ) from error


def missing_libraries(python: Path) -> list[str]:
    """Shared libraries that the bpy module links to and the system does not have; Linux only."""
    if platform.system() != "Linux":
        return []
    modules = sorted(python.parent.parent.glob("lib/python*/site-packages/bpy/__init__*.so"))
    told = answer(["ldd", str(modules[0])]) if modules else None
    return libraries_not_found(told.stdout.splitlines()) if told else []


def libraries_not_found(ldd_lines: Sequence[str]) -> list[str]:
    """Names from the lines `libX.so.6 => not found` of ldd."""
    return sorted({line.split("=>")[0].strip() for line in ldd_lines if "=> not found" in line})


def _run(python: Path, code: str) -> str:
    told = answer([str(python), "-c", code], seconds=300)
    if told is None or told.returncode:
        raise SetupError(
            f"What was installed does not start with {python}.",
            f"Delete the folder {python.parent.parent} and run this again.",
            told.stderr.strip().splitlines()[-6:] if told else (),
        )
    return told.stdout.strip()
