# SPDX-License-Identifier: GPL-3.0-or-later
"""From a model file to a `Body`, by the smplx package's own models (Pavlakos et al., 2019)."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from ..contract.body import MAX_BETAS, Body
from ..contract.npz import npz_bytes
from ..errors import RequestError
from .model_file import ModelFile, refused

BETA_LIMIT: Final = 5.0
"""Betas are standard deviations of the bodies that a model was made from; beyond these lies no human shape."""


def skinned_body(file: ModelFile, betas: Sequence[float] = ()) -> Body:
    """The user's body in the T-pose, with the joints that smplx finds in it.

    The model is run with every beta at 0 and with each of the first ten at 1: both vertices and joints are linear in
    them. Pose-dependent corrections of the surface are left out, as an armature has none.

    Raises RequestError for betas that the file does not have (`bad_betas`), and where smplx cannot use it
    (`bad_body_file`).
    """
    count = min(file.arrays["shapedirs"].shape[-1], MAX_BETAS)
    chosen = _checked_betas(betas, count, file.model)
    try:
        return _run(file, chosen)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise refused(f"{file.name} is no {file.model} body that smplx can use ({error})") from error


def _run(file: ModelFile, betas: NDArray[np.float32]) -> Body:
    model = _smplx_model(file, len(betas))
    with torch.no_grad():
        shapes = torch.cat([torch.zeros(1, len(betas)), torch.eye(len(betas))])
        output = model(betas=shapes)
    vertices = output.vertices.numpy()
    joints = output.joints[:, : file.arrays["kintree_table"].shape[1]].numpy()
    return Body(
        model=file.model,
        vertices=vertices[0],
        shape_directions=vertices[1:] - vertices[0],
        joints=joints[0],
        joint_directions=joints[1:] - joints[0],
        parents=model.parents.numpy().astype(np.int32),
        weights=model.lbs_weights.numpy(),
        faces=model.faces_tensor.numpy().astype(np.int32),
        betas=betas,
    )


def _checked_betas(betas: Sequence[float], count: int, model: str) -> NDArray[np.float32]:
    if len(betas) > count:
        raise RequestError("bad_betas", f"The file's {model} body has {count} shape parameters, not {len(betas)}.")
    wrong = [beta for beta in betas if not -BETA_LIMIT <= beta <= BETA_LIMIT]
    if wrong:
        raise RequestError(
            "bad_betas", f"Shape parameters lie from -{BETA_LIMIT:g} to {BETA_LIMIT:g}, not {wrong[0]:g}."
        )
    return np.array([*betas, *[0.0] * (count - len(betas))], np.float32)


def _smplx_model(file: ModelFile, betas: int) -> Any:
    """smplx's model of these arrays, for a batch of betas + 1 bodies with flat hands.

    SMPL and SMPL-H take the arrays themselves. SMPL-X insists on a file, which smplx would open with pickles allowed:
    so it gets one of the checked arrays and no others.
    """
    import smplx
    from smplx.utils import Struct

    options: dict[str, Any] = {"num_betas": betas, "batch_size": betas + 1}
    flat = {"use_pca": False, "flat_hand_mean": True}
    # smplx says on stdout what is usual for the small files: that they have ten betas.
    with contextlib.redirect_stdout(io.StringIO()):
        if file.model == "SMPL":
            return smplx.SMPL("", data_struct=Struct(**file.arrays), **options)
        if file.model == "SMPL-H":
            return smplx.SMPLH("", data_struct=Struct(**file.arrays), **options, **flat)
        with tempfile.TemporaryDirectory(prefix="mld-body-") as folder:
            copy = Path(folder) / "SMPLX_CHECKED.npz"
            copy.write_bytes(npz_bytes(file.arrays))
            return smplx.SMPLX(str(copy), ext="npz", **options, **flat)
