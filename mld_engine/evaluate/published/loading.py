# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks and arrays from published files, without running anything in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import PackError, RequestError
from ...models.loading import build
from ...pickles.torch_file import TorchFile
from ...pickles.torch_objects import TensorRecord
from ...representations.base import Statistics

Shapes = Mapping[str, tuple[int, ...]]
Make = Callable[[Shapes], nn.Module]
"""A network of the sizes that a file's tensors have, named as they are."""
_GET_AGAIN = "Get the file again from its authors' page, or name another folder with --evaluator."


def read_networks(path: Path, parts: Mapping[str, Make]) -> list[Any]:
    """The networks of a file of torch.save, ready to compute, one for each of `parts`: key in the file -> maker.

    The key "" is the whole file. Raises RequestError: missing_file, bad_checkpoint (both as for any
    checkpoint), bad_evaluator where the tensors are not those of the network.
    """
    with TorchFile(path) as file:
        return [_network(path, file, _part(path, file.root, key), make) for key, make in parts.items()]


def read_statistics(mean: Path, std: Path, features: int) -> Statistics:
    """An evaluator's own mean.npy and std.npy. Raises RequestError (bad_evaluator)."""
    arrays = [read_array(path, (features,)) for path in (mean, std)]
    try:
        return Statistics(*arrays)
    except ValueError as error:
        raise bad_evaluator(f"{mean} and {std}: {error}") from error


def read_array(path: Path, shape: tuple[int | None, ...]) -> Tensor:
    """Numbers of a .npy file as float32; None in `shape` is any length. Raises RequestError (bad_evaluator)."""
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise bad_evaluator(f"{path} cannot be read as an array of numbers") from error
    found = getattr(array, "shape", ())
    fits = len(found) == len(shape) and all(want in (None, size) for want, size in zip(shape, found, strict=True))
    if not fits or array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise bad_evaluator(f"{path} holds {found}, not finite numbers of shape ({wanted})")
    return torch.from_numpy(array.astype(np.float32))


def bad_evaluator(reason: str) -> RequestError:
    """The error for a published evaluator that is not what it should be."""
    return RequestError("bad_evaluator", f"The evaluator cannot be used: {reason}.", _GET_AGAIN)


def _part(path: Path, root: Any, key: str) -> dict[str, TensorRecord]:
    records = root if not key else root.get(key) if isinstance(root, dict) else None
    if not isinstance(records, dict) or not records:
        raise bad_evaluator(f"{path} holds no {key!r}" if key else f"{path} holds no tensors by name")
    odd = [str(name)[:60] for name, record in records.items() if not isinstance(record, TensorRecord)]
    if odd:
        raise bad_evaluator(f"{odd[0]!r} in {path} is no tensor")
    return records


def _network(path: Path, file: TorchFile, records: dict[str, TensorRecord], make: Make) -> nn.Module:
    shapes = {name: record.size for name, record in records.items()}
    tensors = file.tensors(records)
    try:
        network = build(lambda: make(shapes), tensors, path.name)
    except KeyError as error:
        raise bad_evaluator(f"{path} lacks the tensor {error}") from error
    except (PackError, RuntimeError, ValueError, IndexError) as error:
        detail = error.message if isinstance(error, PackError) else error
        raise bad_evaluator(f"the tensors in {path} are not those of the published network ({detail})") from error
    if not all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values()):
        raise bad_evaluator(f"{path} holds values that are not finite")
    return network
