# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the user's SMPL, SMPL-H or SMPL-X file: which body it is, and its arrays, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract.body import JOINT_NAMES, VERTEX_COUNTS
from ..contract.npz import MAX_BYTES, read_npz
from ..errors import RequestError
from ..pickles.machine import RefusedPickle
from .smpl_pickle import read_smpl_pickle

REQUIRED: Final = ("v_template", "shapedirs", "posedirs", "J_regressor", "kintree_table", "weights", "f")
"""What every body model consists of (Loper et al., 2015)."""
HANDS: Final = ("hands_componentsl", "hands_componentsr", "hands_meanl", "hands_meanr")
"""What SMPL-H and SMPL-X have besides."""
FACE: Final = ("lmk_faces_idx", "lmk_bary_coords")
"""What SMPL-X has besides."""
_OTHERS: Final = {16: "a MANO hand", 5: "a FLAME head"}
"""Joints -> what else comes from the same sites."""


def refused(reason: str) -> RequestError:
    """The error for a body file that is not read."""
    return RequestError(
        "bad_body_file",
        f"The body file is refused, and nothing in it was run: {reason}.",
        "Give the file of an SMPL, SMPL-H or SMPL-X body, .npz or .pkl. They are had from smpl.is.tue.mpg.de, "
        "mano.is.tue.mpg.de and smpl-x.is.tue.mpg.de by those who accept their licence.",
    )


@dataclass(frozen=True, eq=False)
class ModelFile:
    """The arrays under the names of the file, sparse ones made dense."""

    name: str
    """Of the file, without its folder."""
    model: str
    """SMPL, SMPL-H or SMPL-X."""
    arrays: dict[str, NDArray[Any]]


def read_model_file(path: Path) -> ModelFile:
    """`.npz`, or the `.pkl` of chumpy's time, which is read without running it.

    Raises RequestError (`bad_body_file`) for any other file.
    """
    names = (*REQUIRED, *HANDS, *FACE)
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            start = stream.read(2)
        if size > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES >> 30} GB")
        if start == b"PK":
            arrays = read_npz(path, names)
        elif start[:1] in (b"\x80", b"("):
            arrays = read_smpl_pickle(path.read_bytes(), names)
        else:
            raise ValueError("it is neither .npz nor .pkl")
    except RefusedPickle as error:
        raise refused(str(error)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise refused(f"{path.name} cannot be read: {reason}") from error
    return ModelFile(path.name, _checked(arrays, path.name), arrays)


def _checked(arrays: dict[str, NDArray[Any]], name: str) -> str:
    """The model that the shapes belong to. Raises RequestError."""
    if missing := [key for key in REQUIRED if key not in arrays]:
        raise refused(f"{name} has no {', '.join(missing)}")
    if flat := [key for key, array in arrays.items() if array.ndim == 0]:
        raise refused(f"the {flat[0]} of {name} are a single number")
    vertices, joints = len(arrays["v_template"]), arrays["kintree_table"].shape[-1]
    model = next((known for known, joint_names in JOINT_NAMES.items() if len(joint_names) == joints), None)
    if model is None:
        raise refused(f"{name} holds {_OTHERS.get(joints, f'a body of {joints} joints')}")
    count = VERTEX_COUNTS[model]
    if vertices != count:
        raise refused(f"{name} has {vertices} vertices, and {model} has {count}")
    if needed := [key for key in (HANDS if model != "SMPL" else ()) if key not in arrays]:
        raise refused(f"{name} has no {', '.join(needed)}, which {model} needs")
    if needed := [key for key in (FACE if model == "SMPL-X" else ()) if key not in arrays]:
        raise refused(f"{name} has no {', '.join(needed)}, which {model} needs")
    shapes = {
        "v_template": (count, 3),
        "shapedirs": (count, 3, max(arrays["shapedirs"].shape[-1], 1)),
        "posedirs": (count, 3, 9 * (joints - 1)),
        "J_regressor": (joints, count),
        "kintree_table": (2, joints),
        "weights": (count, joints),
        "f": (len(arrays["f"]), 3),
    }
    for key, shape in shapes.items():
        array = arrays[key]
        numbers = array.shape == shape and array.dtype.kind in "fiu"
        # Bodies are computed in single precision, where larger numbers are infinite.
        if not numbers or not (np.abs(array.astype(np.float64)) <= np.finfo(np.float32).max).all():
            raise refused(f"the {key} of {name} are no numbers in the shape {shape}")
    return model
