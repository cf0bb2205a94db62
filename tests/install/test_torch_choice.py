# SPDX-License-Identifier: GPL-3.0-or-later
"""Which torch a computer gets, and the commands for it, on the three systems with and without a GPU."""

from __future__ import annotations

import pytest

from mld_engine.setup import plan
from mld_engine.setup.errors import SetupError
from mld_engine.setup.machine import Machine, index_reachable
from mld_engine.setup.torch_choice import CPU_INDEX, CUDA_INDEX, choose_torch, wanted_index

LINUX = Machine("Linux", "x86_64")
LINUX_GPU = Machine("Linux", "x86_64", "/usr/bin/nvidia-smi")
WINDOWS = Machine("Windows", "AMD64")
WINDOWS_GPU = Machine("Windows", "AMD64", r"C:\Windows\System32\nvidia-smi.exe")
MAC = Machine("Darwin", "arm64")
GPU = "NVIDIA GeForce RTX 4070"


def torch_commands(
    machine: Machine, *, cpu: bool = False, clip: bool = False, gpu: str = "", index: bool = True
) -> list[str]:
    choice = choose_torch(machine, cpu=cpu, clip=clip, gpu=gpu, index_reachable=index)
    group = plan.torch_group(machine, choice, cpu=cpu, clip=clip)
    venv = r"C:\mld\.venv" if machine.is_windows else "/mld/.venv"
    listed = plan.commands(venv, "python3", [group], machine.system)
    return [plan.shell_line(command, machine.system) for _, command in listed]


@pytest.mark.parametrize(
    ("machine", "gpu", "cpu", "index", "kind", "url"),
    [
        (LINUX, "", False, True, "cpu", CPU_INDEX),
        (LINUX, "", False, False, "cpu", ""),
        (LINUX_GPU, GPU, False, False, "cuda", ""),
        (LINUX_GPU, "", True, True, "cpu", CPU_INDEX),
        (LINUX_GPU, "", False, True, "cpu", CPU_INDEX),
        (WINDOWS, "", False, True, "cpu", CPU_INDEX),
        (WINDOWS, "", False, False, "cpu", ""),
        (WINDOWS_GPU, GPU, False, True, "cuda", CUDA_INDEX),
        (WINDOWS_GPU, GPU, False, False, "cpu", ""),
        (WINDOWS_GPU, "", True, True, "cpu", CPU_INDEX),
        (MAC, "", False, False, "mps", ""),
        (MAC, "", True, False, "mps", ""),
    ],
)
def test_build_for_each_computer(machine: Machine, gpu: str, cpu: bool, index: bool, kind: str, url: str) -> None:
    choice = choose_torch(machine, cpu=cpu, clip=False, gpu=gpu, index_reachable=index)
    assert (choice.kind, choice.index) == (kind, url)
    assert choice.packages == ("torch==2.13.0",)
    line = torch_commands(machine, cpu=cpu, gpu=gpu, index=index)[1]
    assert (f"--index-url {url} " in line) == bool(url)
    assert line.endswith(" torch==2.13.0")


def test_commands_are_ready_to_type_on_windows_and_elsewhere() -> None:
    assert torch_commands(WINDOWS)[0] == r"python3 -m venv C:\mld\.venv"
    assert torch_commands(WINDOWS)[1].startswith(r"C:\mld\.venv\Scripts\python.exe -m pip install ")
    assert torch_commands(LINUX)[1].startswith("/mld/.venv/bin/python -m pip install ")
    assert plan.shell_line(("python", "-m", "venv", "my venv"), "Linux") == "python -m venv 'my venv'"
    assert plan.shell_line(("python", "-m", "venv", "my venv"), "Windows") == 'python -m venv "my venv"'


@pytest.mark.parametrize(
    ("machine", "pair"),
    [
        (LINUX, ("torch==2.14.1", "torchvision==0.29.1")),
        (WINDOWS_GPU, ("torch==2.14.1", "torchvision==0.29.1")),
        (MAC, ("torch==2.14.1", "torchvision==0.29.1")),
        (Machine("Linux", "aarch64"), ("torch==2.9.1", "torchvision==0.24.1")),
    ],
)
def test_clip_takes_torch_and_torchvision_that_belong_together(machine: Machine, pair: tuple[str, ...]) -> None:
    assert choose_torch(machine, cpu=True, clip=True, gpu="", index_reachable=False).packages == pair


def test_the_explanation_names_the_gpu_or_says_why_there_is_none() -> None:
    assert GPU in choose_torch(LINUX_GPU, cpu=False, clip=False, gpu=GPU, index_reachable=True).explanation
    assert "No NVIDIA GPU" in choose_torch(LINUX, cpu=False, clip=False, gpu="", index_reachable=True).explanation
    assert "--cpu" in choose_torch(LINUX_GPU, cpu=True, clip=False, gpu="", index_reachable=True).explanation
    offline = choose_torch(LINUX, cpu=False, clip=False, gpu="", index_reachable=False).explanation
    assert "cannot be reached" in offline
    assert "PyPI" in offline


def test_an_intel_mac_is_refused_with_a_way_out() -> None:
    with pytest.raises(SetupError, match="Intel") as caught:
        choose_torch(Machine("Darwin", "x86_64"), cpu=False, clip=False, gpu="", index_reachable=True)
    assert "Apple" in caught.value.hint


def test_no_index_is_probed_where_pypi_is_right() -> None:
    assert wanted_index(MAC, cpu=True, gpu="") == ""
    assert wanted_index(LINUX_GPU, cpu=False, gpu=GPU) == ""
    assert wanted_index(WINDOWS_GPU, cpu=False, gpu=GPU) == CUDA_INDEX


def test_an_index_that_does_not_answer_is_unreachable() -> None:
    # Port 9 of this computer: nothing listens there.
    assert not index_reachable("http://127.0.0.1:9/simple", seconds=2.0)
    assert not index_reachable("no address at all", seconds=2.0)


def test_the_fallback_is_the_same_packages_from_pypi() -> None:
    choice = choose_torch(LINUX, cpu=True, clip=False, gpu="", index_reachable=True)
    (step,) = plan.torch_group(LINUX, choice, cpu=True, clip=False).steps
    assert step.fallback is not None
    assert step.fallback.packages == step.packages
    assert step.fallback.options == ()


def test_another_build_of_torch_is_another_fingerprint() -> None:
    standard = plan.torch_fingerprint(LINUX_GPU, cpu=True, clip=False)
    assert standard == plan.torch_fingerprint(LINUX, cpu=False, clip=False)
    assert standard != plan.torch_fingerprint(LINUX_GPU, cpu=False, clip=False)
    assert standard != plan.torch_fingerprint(LINUX, cpu=True, clip=True)
