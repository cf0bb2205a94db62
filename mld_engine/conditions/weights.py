# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the weights of text encoders, whatever program wrote them, and places the networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..checkpoints.config import TextEncoderConfig
from ..errors import PackError, RequestError
from ..hashing import file_sha256
from ..pickles.machine import Inert
from ..pickles.torch_file import TorchFile
from ..pickles.torch_objects import TensorRecord


def check_sha256(path: Path, config: TextEncoderConfig) -> None:
    """Compare a file with the pack's, where the pack says which it is. Raises PackError (text_encoder_corrupt)."""
    if config.weights_sha256 and file_sha256(path) != config.weights_sha256:
        raise corrupt(path, "is not the text encoder that the pack was trained with: its SHA-256 differs")


def read_tensors(path: Path, wanted: Callable[[str], bool]) -> dict[str, Tensor]:
    """The tensors of a .safetensors file, or of a file that torch.save or TorchScript wrote.

    Only tensors whose name is `wanted` are read into memory, and nothing in the file is run. Raises
    PackError (text_encoder_corrupt).
    """
    from safetensors import SafetensorError, safe_open

    try:
        if path.suffix == ".safetensors":
            with safe_open(str(path), framework="pt") as file:
                return {name: file.get_tensor(name) for name in file.keys() if wanted(name)}  # noqa: SIM118
        with TorchFile(path) as archive:
            records = _flatten(archive.root)
            return archive.tensors({name: record for name, record in records.items() if wanted(name)})
    except (SafetensorError, OSError) as error:
        raise corrupt(path, f"cannot be read ({error})") from error
    except RequestError as error:
        raise corrupt(path, f"cannot be read: {error.message.rstrip('.')}") from error


def place(network: nn.Module, device: torch.device, halve: Callable[[nn.Module], object]) -> torch.device:
    """Move a network, in half precision on a CUDA device; returns where it is: a GPU that is full is left alone."""
    try:
        network.to(device)
    except torch.OutOfMemoryError:
        network.to("cpu")
        return torch.device("cpu")
    if device.type == "cuda":
        halve(network)
    return device


def corrupt(path: Path, problem: str) -> PackError:
    return PackError(
        "text_encoder_corrupt",
        f"{path} {problem}.",
        "Get the file again; until then, packs with another text encoder work.",
        {"file": str(path)},
    )


def _flatten(root: Any) -> dict[str, TensorRecord]:
    """Tensors by dotted name: of a dictionary of tensors, or of the modules of a TorchScript file."""
    if isinstance(root, dict) and isinstance(root.get("state_dict"), dict):
        root = root["state_dict"]
    found: dict[str, TensorRecord] = {}
    pending = [("", root)]
    seen: set[int] = set()
    while pending:
        prefix, values = pending.pop()
        if isinstance(values, Inert):
            values = values.state
        if not isinstance(values, dict) or id(values) in seen:
            continue
        seen.add(id(values))
        for name, value in values.items():
            if isinstance(value, TensorRecord):
                found[f"{prefix}{name}"] = value
            elif isinstance(value, Inert):
                pending.append((f"{prefix}{name}.", value))
    return found
