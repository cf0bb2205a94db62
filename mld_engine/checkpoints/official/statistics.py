# SPDX-License-Identifier: GPL-3.0-or-later
"""Mean and standard deviation of a data set's features: the part of a published model that its checkpoint lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ...errors import RequestError
from .variant import Variant

MEAN_FILE: Final = "Mean.npy"
STD_FILE: Final = "Std.npy"
_ORIGIN: Final = {263: "HumanML3D", 251: "KIT-ML"}


def pack_statistics(variant: Variant, mean: Path | None, std: Path | None) -> dict[str, Tensor]:
    """The tensors of statistics.safetensors. Latents are used as they are, and so are the features of
    action models; other features have the mean and the deviation of their training data.

    Raises RequestError: missing_statistics, bad_statistics.
    """
    features = variant.features
    statistics = {"feature_mean": torch.zeros(features), "feature_std": torch.ones(features)}
    if variant.condition == "text":
        if mean is None or std is None:
            raise missing_statistics(features)
        statistics = {
            "feature_mean": _read(mean, MEAN_FILE, features),
            "feature_std": _read(std, STD_FILE, features),
        }
        if not bool((statistics["feature_std"] > 0).all()):
            raise RequestError(
                "bad_statistics",
                f"{std} holds values that are not above 0, so it is no standard deviation.",
                f"Give the data set's {STD_FILE}; --mean and --std may be exchanged.",
            )
    if variant.vae != "none":
        shape = (variant.latent_tokens, variant.latent_dim)
        statistics |= {"latent_mean": torch.zeros(shape), "latent_std": torch.ones(shape)}
    return statistics


def missing_statistics(features: int) -> RequestError:
    """The error that asks for the two files by name."""
    origin = _ORIGIN.get(features, "its data set")
    return RequestError(
        "missing_statistics",
        f"The checkpoint does not hold the mean and the deviation of its features: {MEAN_FILE} and {STD_FILE} of "
        f"{origin} ({features} numbers each) are missing.",
        f"Give their folder with --statistics DIR, or the files with --mean and --std. They lie in the folder of the "
        f"{origin} data that the model was trained on; the evaluators' own mean.npy and std.npy are others.",
        {"files": [MEAN_FILE, STD_FILE]},
    )


def _read(path: Path, name: str, features: int) -> Tensor:
    try:
        values = np.load(path, allow_pickle=False)
    except OSError as error:
        raise RequestError(
            "missing_statistics", f"{path} cannot be read ({error.strerror or error}).", f"Give the data set's {name}."
        ) from error
    except (ValueError, EOFError) as error:
        raise RequestError("bad_statistics", f"{path} is no .npy file of numbers.", f"Give {name}.") from error
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu" or values.shape != (features,):
        found = values.shape if isinstance(values, np.ndarray) else "an archive"
        raise RequestError(
            "bad_statistics",
            f"{path} holds {found}, but the checkpoint needs ({features},) numbers.",
            f"Give the {name} of the data set that the model was trained on.",
        )
    tensor = torch.from_numpy(values.astype(np.float32))
    if not bool(tensor.isfinite().all()):
        raise RequestError("bad_statistics", f"{path} holds values that are not finite.", f"Give an intact {name}.")
    return tensor
