# SPDX-License-Identifier: GPL-3.0-or-later
"""What gets installed where, as plain data: the same steps are printed by --dry-run and carried out otherwise."""

from __future__ import annotations

import hashlib
import json
import ntpath
import posixpath
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from . import requirements
from .machine import Machine
from .torch_choice import TorchChoice


@dataclass(frozen=True)
class PipStep:
    """One call of `pip install`. `fallback` is tried when it fails for want of the package in that index."""

    title: str
    packages: tuple[str, ...]
    options: tuple[str, ...] = ()
    fallback: PipStep | None = None

    def command(self, python: str) -> tuple[str, ...]:
        pip = (python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off")
        return (*pip, *self.options, *self.packages)


@dataclass(frozen=True)
class Group:
    """Packages that are there together or not at all.

    `fingerprint` changes when an environment made earlier no longer fits; `replaces` names the
    distributions (a trailing `*` stands for anything) to remove first when the group is already there in
    another form, because pip takes torch 2.13.0+cu130 for torch==2.13.0.
    """

    name: str
    fingerprint: str
    steps: tuple[PipStep, ...]
    replaces: tuple[str, ...] = ()


def fingerprint(*parts: str) -> str:
    """A short digest of what a group consists of."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def torch_fingerprint(machine: Machine, *, cpu: bool, clip: bool) -> str:
    """Depends on the request and on this computer's hardware only: cheap enough for every start."""
    build = "nvidia" if machine.has_nvidia and not cpu else "standard"
    return fingerprint("torch", build, *requirements.torch(machine.system, machine.architecture, clip=clip))


def torch_group(machine: Machine, choice: TorchChoice, *, cpu: bool, clip: bool) -> Group:
    step = PipStep(f"Installing PyTorch ({choice.kind.upper()} build)", choice.packages)
    if choice.index:
        step = PipStep(step.title, step.packages, ("--index-url", choice.index), fallback=step)
    mark = torch_fingerprint(machine, cpu=cpu, clip=clip)
    return Group("torch", mark, (step,), replaces=("torch", "torchvision", "triton", "nvidia-*"))


def engine_fingerprint() -> str:
    """The same for every Python, so that it can be compared before the environment's Python was asked."""
    of_all = (package for python in sorted(requirements.ENGINE_PYTHONS) for package in requirements.engine(python))
    return fingerprint(*of_all, *requirements.SENTENCE_ENCODER)


def engine_group(python: requirements.Version) -> Group:
    steps = (
        PipStep("Installing the engine's other packages", requirements.engine(python)),
        PipStep("Installing the sentence encoder", requirements.SENTENCE_ENCODER, ("--no-deps",)),
    )
    return Group("engine", engine_fingerprint(), steps)


def clip_group() -> Group:
    return Group("clip", fingerprint(*requirements.CLIP), (PipStep("Installing OpenCLIP", requirements.CLIP),))


def test_tools_group(*, lint: bool) -> Group:
    packages = (*requirements.PYTEST, *(requirements.LINT if lint else ()))
    return Group("test tools", fingerprint(*packages), (PipStep("Installing the test tools", packages),))


def bpy_group(version: str) -> Group:
    packages = requirements.BPY[version]
    return Group(
        "bpy", fingerprint(*packages), (PipStep(f"Installing Blender {version} as a Python module", packages),)
    )


def venv_python(venv: str, system: str) -> str:
    """The interpreter inside a virtual environment on that system."""
    if system == "Windows":
        return ntpath.join(venv, "Scripts", "python.exe")
    return posixpath.join(venv, "bin", "python")


def commands(venv: str, base_python: str, groups: Sequence[Group], system: str) -> list[tuple[str, tuple[str, ...]]]:
    """(title, command) of everything that makes an environment from nothing, in order."""
    python = venv_python(venv, system)
    listed: list[tuple[str, tuple[str, ...]]] = [
        ("Making the virtual environment", (base_python, "-m", "venv", venv)),
    ]
    listed += [(step.title, step.command(python)) for group in groups for step in group.steps]
    return listed


def shell_line(command: Sequence[str], system: str) -> str:
    """The command as one types it into that system's shell."""
    return subprocess.list2cmdline(command) if system == "Windows" else shlex.join(command)
