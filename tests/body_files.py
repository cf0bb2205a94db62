# SPDX-License-Identifier: GPL-3.0-or-later
"""Model files of the published layouts around a made-up body: right counts and names, cheap numbers.

The real files are licensed and are in nobody's repository. The joints at rest are those of the contract's skeleton
with hands and face hung on; each joint is the mean of a few vertices around it, as the real regressors have it.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mld_engine.contract import body, skeleton

Arrays = dict[str, NDArray[Any]]
_RING = 8
"""Vertices around each joint."""


def parents_of(model: str) -> list[int]:
    names = body.JOINT_NAMES[model]
    parents = list(skeleton.PARENTS)
    for joint in range(len(parents), len(names)):
        name = names[joint]
        if name.endswith(("2", "3")):
            parents.append(joint - 1)
        elif name in ("jaw", "left_eye", "right_eye"):
            parents.append(skeleton.JOINT_INDEX["head"])
        else:
            parents.append(skeleton.JOINT_INDEX[name.split("_")[0] + "_wrist"])
    return parents


def joints_of(model: str) -> NDArray[np.float64]:
    """(J, 3) rest joints, the pelvis where SMPL has it."""
    rng = np.random.default_rng(1)
    parents, names = parents_of(model), body.JOINT_NAMES[model]
    joints = np.zeros((len(parents), 3))
    joints[0] = (-0.0018, -0.2233, 0.0282)
    for joint, parent in enumerate(parents[1:], 1):
        if joint < skeleton.JOINT_COUNT:
            offset = skeleton.REST_OFFSETS[joint].astype(np.float64)
        else:
            out = 1.0 if names[joint].startswith("left") else -1.0
            offset = np.array([0.05 * out, -0.01, 0.02]) + rng.uniform(-0.01, 0.01, 3)
        joints[joint] = joints[parent] + offset
    return joints


def arrays_of(model: str, betas: int = 10) -> Arrays:
    """Everything that the published file has and smplx reads, in float64 as there."""
    rng = np.random.default_rng(2)
    joints, count = joints_of(model), body.VERTEX_COUNTS[model]
    owner = np.arange(count) % len(joints)
    angle = np.arange(count) // len(joints) % _RING * (2.0 * np.pi / _RING)
    around = 0.04 * np.stack([np.cos(angle), np.zeros(count), np.sin(angle)], axis=-1)
    vertices = joints[owner] + around
    regressor = np.zeros((len(joints), count))
    for joint in range(len(joints)):
        regressor[joint, joint + len(joints) * np.arange(_RING)] = 1.0 / _RING
    weights = np.zeros((count, len(joints)))
    weights[np.arange(count), owner] = 0.75
    above = np.maximum(np.array(parents_of(model)), 0)[owner]
    np.add.at(weights, (np.arange(count), above), 0.25)
    # Each beta stretches the body along an axis or two, so that joints move with it.
    stretch = rng.uniform(-0.03, 0.03, (betas, 3))
    shapes = vertices[:, :, None] * stretch.T + 0.001 * rng.standard_normal((count, 3, betas))
    faces = np.stack([np.arange(count - 2), np.arange(1, count - 1), np.arange(2, count)], axis=-1)
    table = np.stack([parents_of(model), np.arange(len(joints))]).astype(np.int64)
    arrays: Arrays = {
        "v_template": vertices,
        "shapedirs": shapes,
        "posedirs": np.zeros((count, 3, 9 * (len(joints) - 1)), np.float32),
        "J_regressor": regressor,
        "kintree_table": np.where(table < 0, 2**32 - 1, table).astype(np.uint32),
        "weights": weights,
        "f": faces.astype(np.uint32),
    }
    if model != "SMPL":
        for side in "lr":
            arrays[f"hands_components{side}"] = np.eye(45)
            arrays[f"hands_mean{side}"] = np.full(45, 0.3)
    if model == "SMPL-X":
        arrays["lmk_faces_idx"] = np.arange(51)
        arrays["lmk_bary_coords"] = np.full((51, 3), 1.0 / 3.0)
    return arrays


def write_npz(path: Path, model: str, **changed: Any) -> Path:
    """As SMPL-H and SMPL-X come; SMPL-X's file also has dictionaries, which only pickle can hold."""
    extra = {"joint2num": np.array({"pelvis": 0}, object)} if model == "SMPL-X" else {}
    np.savez(path, **{**arrays_of(model, 20 if model == "SMPL-X" else 10), **extra, **changed})
    return path


class _SetState:
    """An object that is pickled by its state, as chumpy's and old scipy's are."""

    def __init__(self, **state: Any) -> None:
        self.__dict__.update(state)


def write_pickle(path: Path, model: str = "SMPL", *, protocol: int = 2, **changed: Any) -> Path:
    """As the published SMPL files come: chumpy objects and sparse matrices between the arrays."""
    arrays: dict[str, Any] = dict(arrays_of(model))
    with _published_classes() as classes:
        view = classes["Select"](
            a=classes["Ch"](x=np.concatenate([arrays["shapedirs"].ravel(), [7.0]]), _dirty_vars=set(), _itr=None),
            idxs=np.arange(arrays["shapedirs"].size),
            preferred_shape=arrays["shapedirs"].shape,
        )
        regressor = arrays["J_regressor"]
        columns, rows = np.nonzero(regressor.T)
        sparse = classes["csc_matrix"](
            _shape=regressor.shape,
            maxprint=50,
            data=regressor[rows, columns],
            indices=rows.astype(np.int32),
            indptr=np.searchsorted(columns, np.arange(regressor.shape[1] + 1)).astype(np.int32),
        )
        published = {
            **arrays,
            "v_template": classes["Ch"](x=np.asfortranarray(arrays["v_template"]), _status="new"),
            "shapedirs": view,
            "J_regressor": sparse,
            "J_regressor_prior": sparse,
            "bs_style": "lbs",
            "bs_type": "lrotmin",
            **changed,
        }
        path.write_bytes(pickle.dumps(published, protocol=protocol))
    return path


@contextmanager
def _published_classes() -> Iterator[dict[str, type]]:
    """Classes that pickle names as those of chumpy and of scipy in Python 2's time."""
    places = {"chumpy.ch": ["Ch"], "chumpy.reordering": ["Select"], "scipy.sparse.csc": ["csc_matrix"]}
    names = ("chumpy", "scipy", "scipy.sparse", *places)
    before = {name: sys.modules.get(name) for name in names}
    classes = {}
    try:
        sys.modules.update({name: ModuleType(name) for name in names})
        for name, members in places.items():
            for member in members:
                classes[member] = type(member, (_SetState,), {"__module__": name})
                setattr(sys.modules[name], member, classes[member])
        yield classes
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
