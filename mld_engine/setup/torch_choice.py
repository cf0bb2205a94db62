# SPDX-License-Identifier: GPL-3.0-or-later
"""Which build of torch this computer gets, and the sentence that explains it on screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from . import requirements
from .errors import SetupError
from .machine import Machine

CPU_INDEX: Final = "https://download.pytorch.org/whl/cpu"
CUDA_INDEX: Final = "https://download.pytorch.org/whl/cu130"


@dataclass(frozen=True)
class TorchChoice:
    """`index` is a package index to use in place of PyPI; empty means PyPI."""

    kind: str
    """`cuda`, `cpu` or `mps`"""
    packages: tuple[str, ...]
    index: str
    explanation: str


def wanted_index(machine: Machine, *, cpu: bool, gpu: str) -> str:
    """The index that the best choice would use; ask whether it can be reached before calling `choose_torch`."""
    if machine.system == "Darwin":
        return ""
    if cpu or not gpu:
        return CPU_INDEX
    return CUDA_INDEX if machine.is_windows else ""


def choose_torch(machine: Machine, *, cpu: bool, clip: bool, gpu: str, index_reachable: bool) -> TorchChoice:
    """The build for this computer. `gpu` is the NVIDIA GPU's name, empty without one.

    Raises SetupError for Intel Macs, which PyTorch no longer supports.
    """
    packages = requirements.torch(machine.system, machine.architecture, clip=clip)
    if machine.system == "Darwin":
        if machine.architecture.lower() not in {"arm64", "aarch64"}:
            raise SetupError(
                "PyTorch has no current release for Macs with an Intel processor.",
                "Use a Mac with an Apple processor, or run the engine on a Linux or Windows computer.",
            )
        device = "on the CPU, as asked with --cpu" if cpu else "on the Mac's own GPU (MPS)"
        return TorchChoice("mps", packages, "", f"macOS: PyTorch's standard build; the engine runs {device}.")
    index = wanted_index(machine, cpu=cpu, gpu=gpu)
    if gpu and not cpu:
        return _cuda(machine, packages, index, gpu, index_reachable)
    reason = "--cpu was given" if cpu else "no NVIDIA GPU was found"
    if index_reachable:
        text = f"{reason}: PyTorch's CPU build, a download of about 200 MB."
        return TorchChoice("cpu", packages, index, text[0].upper() + text[1:])
    text = f"{reason}: PyTorch for the CPU. PyTorch's own index for CPU builds cannot be reached, so PyPI serves it"
    size = "" if machine.is_windows else " (there it may be the larger build, with CUDA; it runs on the CPU as well)"
    return TorchChoice("cpu", packages, "", text[0].upper() + text[1:] + size + ".")


def _cuda(machine: Machine, packages: tuple[str, ...], index: str, gpu: str, index_reachable: bool) -> TorchChoice:
    if not machine.is_windows:
        return TorchChoice("cuda", packages, "", f"{gpu}: PyTorch's CUDA build, a download of about 3 GB.")
    if index_reachable:
        text = f"{gpu}: PyTorch's CUDA build from PyTorch's own index, a download of about 3 GB."
        return TorchChoice("cuda", packages, index, text)
    text = (
        f"{gpu}: PyTorch's index for CUDA builds cannot be reached, so PyPI serves PyTorch. On Windows that is "
        "the CPU build: the engine works, slower. Delete the environment and run this again to get CUDA."
    )
    return TorchChoice("cpu", packages, "", text)
