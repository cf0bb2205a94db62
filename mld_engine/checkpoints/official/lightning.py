# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a training checkpoint that a pack is made from: the networks' tensors, and where training stood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from ...errors import RequestError
from ...hashing import file_sha256
from ...pickles.torch_file import TorchFile, refused
from ...pickles.torch_objects import TensorRecord

NETWORKS: Final = ("vae.", "denoiser.")
_BARE_NAMES: Final = {
    "vae.": ("global_motion_token", "encoder.mu_token", "query_pos_decoder.pe", "final_layer.weight"),
    "denoiser.": ("time_embedding.linear_1.weight",),
}
"""Names that tell which network a file holds whose names have no prefix."""


@dataclass(frozen=True)
class Checkpoint:
    """`tensors` by their official names, all beginning with vae. or denoiser.; `dropped` counts the other
    tensors by the first part of their names. `epoch` and `step` are None where the file does not say."""

    path: Path
    sha256: str
    tensors: dict[str, Tensor]
    dropped: dict[str, int]
    inert: tuple[str, ...]
    epoch: int | None
    step: int | None

    def part(self, network: str) -> dict[str, Tensor]:
        """The tensors of one of `NETWORKS`, with its prefix."""
        return {name: tensor for name, tensor in self.tensors.items() if name.startswith(network)}


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a Lightning checkpoint, or a plain file of tensors by name, without running anything in it.

    Raises RequestError: missing_file, bad_checkpoint.
    """
    with TorchFile(path) as file:
        top = file.root
        if not isinstance(top, dict):
            raise _no_networks(path)
        state = top["state_dict"] if isinstance(top.get("state_dict"), dict) else top
        records = {name: value for name, value in state.items() if isinstance(name, str)}
        prefix = _missing_prefix(records)
        wanted = {prefix + name: value for name, value in records.items() if (prefix + name).startswith(NETWORKS)}
        tensors = _load(file, wanted)
        if not tensors:
            raise _no_networks(path)
        dropped = Counter(
            name.partition(".")[0]
            for name, value in records.items()
            if prefix + name not in tensors and isinstance(value, TensorRecord)
        )
        return Checkpoint(
            path,
            file_sha256(path),
            tensors,
            dict(dropped),
            file.inert,
            _number(top, "epoch"),
            _number(top, "global_step"),
        )


def _load(file: TorchFile, records: Mapping[str, Any]) -> dict[str, Tensor]:
    for name, record in records.items():
        if not isinstance(record, TensorRecord):
            raise refused(f"{name[:80]} is no tensor")
    tensors = file.tensors(records)
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise refused(f"{name[:80]} holds no floating-point numbers")
        if not bool(tensor.isfinite().all()):
            raise RequestError(
                "bad_checkpoint",
                f"{name[:80]} in the checkpoint holds values that are not finite: its training broke down.",
                "Use an earlier checkpoint.",
            )
    return tensors


def _missing_prefix(records: Mapping[str, Any]) -> str:
    """What to put before every name: a file of one network alone may leave out which one it is."""
    if any(name.startswith(NETWORKS) for name in records):
        return ""
    return next((prefix for prefix, names in _BARE_NAMES.items() if any(name in records for name in names)), "")


def _number(values: Mapping[Any, Any], key: str) -> int | None:
    value = values.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _no_networks(path: Path) -> RequestError:
    return RequestError(
        "bad_checkpoint",
        f"{path} holds no tensors named vae.* or denoiser.*.",
        "Give a checkpoint of MLD or MotionLCM, such as 1222_mld_humanml3d_FID041.ckpt.",
    )
