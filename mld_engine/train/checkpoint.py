# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints of a training stage: everything that the next step depends on, replaced as a whole.

<stage>/checkpoint-<step>/tensors.safetensors    weights, averages, moments, states of random generators
<stage>/checkpoint-<step>/state.json             step, seconds spent, the stage's time box
<stage>/final.safetensors                        the weights to use, once the stage is done
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..errors import EngineError

FINAL_FILE: Final = "final.safetensors"
_PREFIX: Final = "checkpoint-"


@dataclass(frozen=True)
class StageState:
    """`step` steps are done, in `seconds` of training; `box` is the stage's time box in seconds, 0 for none."""

    step: int = 0
    seconds: float = 0.0
    box: float = 0.0


def save_checkpoint(stage: Path, tensors: Mapping[str, Tensor], state: StageState) -> None:
    """Write a checkpoint with the states of the random generators; older ones are removed after it is there.

    Raises EngineError (output_failed), OSError.
    """
    target = stage / f"{_PREFIX}{state.step:09d}"
    if target.exists():
        return
    partial = stage / f".{target.name}.part"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    _write_tensors({**stored, **_random_states()}, partial / "tensors.safetensors")
    (partial / "state.json").write_text(json.dumps(asdict(state)), encoding="utf-8")
    older = list(stage.glob(f"{_PREFIX}*"))
    partial.rename(target)
    for folder in older:
        shutil.rmtree(folder, ignore_errors=True)


def load_checkpoint(stage: Path) -> tuple[dict[str, Tensor], StageState] | None:
    """The newest checkpoint that can be read, with the random generators set to its states; None without any."""
    for folder in sorted(stage.glob(f"{_PREFIX}*"), reverse=True):
        try:
            state = StageState(**json.loads((folder / "state.json").read_text(encoding="utf-8")))
            tensors = load_file(folder / "tensors.safetensors")
        except (OSError, ValueError, TypeError, SafetensorError):
            continue  # its removal was interrupted; the newer one had taken its place
        _restore_random_states(tensors)
        return tensors, state
    return None


def save_final(stage: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write the weights to use; their presence says that the stage is done.

    Raises EngineError (output_failed), OSError.
    """
    stage.mkdir(parents=True, exist_ok=True)
    partial = stage / f".{FINAL_FILE}.part"
    _write_tensors({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}, partial)
    partial.replace(stage / FINAL_FILE)


def load_final(stage: Path) -> dict[str, Tensor] | None:
    """What `save_final` wrote, or None. Raises EngineError (run_corrupt)."""
    path = stage / FINAL_FILE
    if not path.is_file():
        return None
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise EngineError("run_corrupt", f"{path} cannot be read: {error}.", "Train this stage again.") from error


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names start with "<prefix>.", without it."""
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")}


def _write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Raises EngineError (output_failed)."""
    try:
        save_file(dict(tensors), path)
    except SafetensorError as error:
        raise EngineError(
            "output_failed",
            f"The checkpoint {path} cannot be written: {error}.",
            "Free some disk space and go on with --resume.",
        ) from error


def _random_states() -> dict[str, Tensor]:
    states = {"random/cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["random/cuda"] = torch.cuda.get_rng_state()
    return states


def _restore_random_states(tensors: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(tensors["random/cpu"])
    if "random/cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random/cuda"])
