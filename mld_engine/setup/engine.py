# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's environment: torch for this computer, the other packages, the source tree on its path."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from . import checks, plan, requirements
from .console import Console
from .environment import Environment
from .machine import Machine, detect_machine, index_reachable, nvidia_gpu
from .pythons import engine_base_python
from .torch_choice import TorchChoice, choose_torch, wanted_index


@dataclass(frozen=True)
class EngineRequest:
    """What the user asked for. `test_tools` adds pytest, mypy and ruff."""

    venv: Path
    cpu: bool = False
    clip: bool = False
    test_tools: bool = False
    any_torch: bool = False
    """Whether a torch that is already there will do, whatever its build."""


def ensure_engine(request: EngineRequest, source_root: Path, console: Console) -> Path:
    """Set up what is missing and return the engine's Python. Raises SetupError."""
    environment = Environment(request.venv, console, source_root=source_root)
    installed = environment.known().groups
    # CLIP stays once it is there: going back to the smaller torch would be work that nobody asked for.
    request = replace(request, clip=request.clip or "clip" in installed)
    machine = detect_machine()
    torch_mark = _torch_mark(request, machine, installed.get("torch"))
    # Fingerprints do not depend on the Python, so any version serves to compare them.
    marks = {group.name: group.fingerprint for group in _other_groups(request, requirements.ENGINE_PYTHONS[0])}
    if environment.is_complete({"torch": torch_mark, **marks}):
        return environment.python
    base_python, base_version = engine_base_python()
    others = _other_groups(request, environment.python_version() or base_version)
    choice = _choose(request, machine)
    console.stage("plan", f"Setting up the engine's environment in {environment.folder} (some minutes, once)")
    for line in _explanations(request, choice):
        console.detail("plan", line)
    torch = replace(plan.torch_group(machine, choice, cpu=request.cpu, clip=request.clip), fingerprint=torch_mark)

    def check(python: Path) -> None:
        torch_version, device = checks.run_engine_imports(python)
        if request.clip:
            checks.run_clip_import(python)
        console.detail("check", f"torch {torch_version}; the engine will run on {device}")
        if choice.kind == "cuda" and device == "the CPU":
            console.detail("check", "PyTorch cannot use the NVIDIA GPU yet: update the GPU's driver")

    environment.ensure(base_python, [torch, *others], check)
    return environment.python


def planned_commands(
    request: EngineRequest, machine: Machine
) -> tuple[tuple[str, ...], list[tuple[str, tuple[str, ...]]]]:
    """(sentences that explain the choice, commands that make the environment from nothing), for --dry-run."""
    base_python, version = engine_base_python()
    choice = _choose(request, machine)
    groups = [plan.torch_group(machine, choice, cpu=request.cpu, clip=request.clip), *_other_groups(request, version)]
    venv = str(request.venv.absolute())
    return _explanations(request, choice), plan.commands(venv, base_python, groups, machine.system)


def _explanations(request: EngineRequest, choice: TorchChoice) -> tuple[str, ...]:
    clip = "--clip: OpenCLIP too, with a torch and a torchvision that were built for each other."
    return (choice.explanation, clip) if request.clip else (choice.explanation,)


def _choose(request: EngineRequest, machine: Machine) -> TorchChoice:
    gpu = "" if request.cpu else nvidia_gpu(machine)
    index = wanted_index(machine, cpu=request.cpu, gpu=gpu)
    reachable = bool(index) and index_reachable(index)
    return choose_torch(machine, cpu=request.cpu, clip=request.clip, gpu=gpu, index_reachable=reachable)


def _torch_mark(request: EngineRequest, machine: Machine, installed: str | None) -> str:
    """The fingerprint that torch must have; that of the one installed, where any build will do."""
    builds = {cpu: plan.torch_fingerprint(machine, cpu=cpu, clip=request.clip) for cpu in (False, True)}
    if installed in builds.values() and request.any_torch and not request.cpu:
        return str(installed)
    return builds[request.cpu]


def _other_groups(request: EngineRequest, python: requirements.Version) -> list[plan.Group]:
    groups = [plan.engine_group(python)]
    if request.clip:
        groups.append(plan.clip_group())
    if request.test_tools:
        groups.append(plan.test_tools_group(lint=True))
    return groups
