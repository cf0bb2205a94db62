# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion <-> `.npz` in the layout of AMASS (Mahmood et al., 2019), for the engine and the add-on.

Written are AMASS's SMPL-H files. Joint rotations are those of the motion. Two things change: the world
becomes Z up, so the root orientation is turned by `axes`, and `trans` gets SMPL's meaning. SMPL turns the
body about its rest pelvis J0 and then moves it by `trans`, so the pelvis stands at J0 + trans, with J0 in
the body's own coordinates whatever the world's up axis.

Read are also AMASS's files of SMPL (72 values a frame) and SMPL-X poses (165, the "stageii" files), of the
22 body joints alone (66), and the spellings of their keys that are around.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from . import axes, skeleton
from .npz import npz_bytes, read_npz

REST_PELVIS: Final = (-0.0018, -0.2233, 0.0282)
"""Metres: pelvis of SMPL's neutral template body, in body coordinates."""
REST_PELVIS_NOTE: Final = (
    "trans = pelvis position (Z up) - rest_pelvis; rest_pelvis [m] is SMPL's neutral pelvis at rest"
)

_SMPLH_JOINTS: Final = 52
_BODY_CHANNELS: Final = 3 * skeleton.JOINT_COUNT
_BETAS: Final = 16
_TRANS: Final = ("trans", "transl")
_RATES: Final = ("mocap_framerate", "mocap_frame_rate", "mocap_frame_rates", "framerate", "frame_rate", "fps")
_POSES: Final = ("poses", "root_orient", "pose_body")
_FPS: Final = (1.0, 1000.0)
_SHORTEST_BONE: Final = 1e-4
_LARGEST: Final = 1e6
"""Metres, radians or anything else: what is larger was damaged, and single precision would garble it."""


@dataclass(frozen=True, eq=False)
class Clip:
    """What a file holds: T frames in metres, Y up, left +X, facing +Z at rest. Arrays are float32."""

    rotations: NDArray[np.float32]
    """(T, 22, 4) wxyz, local to the parent joint."""
    root: NDArray[np.float32]
    """(T, 3) position of the pelvis; of a foreign body, some centimetres off, as its rest pelvis is not known."""
    fps: float
    contacts: NDArray[np.float32] | None = None
    """(T, 4) as in a motion; None in files of other programs."""
    offsets: NDArray[np.float32] | None = None
    """(22, 3) the body's skeleton; None in files of other programs, which give the shape only by `betas`."""
    meta: dict[str, Any] = field(default_factory=dict)
    """What the motion was made from; empty in files of other programs."""


def to_bytes(
    rotations: NDArray[Any],
    root: NDArray[Any],
    contacts: NDArray[Any],
    offsets: NDArray[Any],
    fps: float,
    meta: Mapping[str, Any],
) -> bytes:
    """The file of a motion, arrays as in `Clip`; the same motion gives the same bytes.

    `poses` (T,156) float32 axis-angle [rad] (22 body joints, then hands at zero), `trans` (T,3)
    float32 [m] Z up, `mocap_framerate`, `betas` (16) zeros, `gender`, `meta` (JSON); beyond AMASS
    `contacts` (T,4) and `offsets` (22,3).
    """
    frames = len(rotations)
    poses = np.zeros((frames, 3 * _SMPLH_JOINTS), np.float32)
    turned = np.asarray(rotations, np.float64).copy()
    turned[:, 0] = _multiply(_matrix_quaternion(axes.Y_UP_TO_Z_UP), turned[:, 0])
    poses[:, :_BODY_CHANNELS] = _axis_angle(turned).reshape(frames, _BODY_CHANNELS)
    pelvis = axes.vectors_to_z_up(np.asarray(root, np.float64))
    noted = {**meta, "rest_pelvis": list(REST_PELVIS), "rest_pelvis_note": REST_PELVIS_NOTE}
    return npz_bytes(
        {
            "poses": poses,
            "trans": (pelvis - REST_PELVIS).astype(np.float32),
            "mocap_framerate": np.array(float(fps)),
            "betas": np.zeros(_BETAS),
            "gender": np.array("neutral"),
            "meta": np.array(json.dumps(noted, sort_keys=True)),
            "contacts": np.asarray(contacts, np.float32),
            "offsets": np.asarray(offsets, np.float32),
        }
    )


def read(path: Path) -> Clip:
    """Raises ValueError with the reason, as the end of a sentence, for what is no such file; OSError for no file."""
    content = read_npz(path, (*_POSES, *_TRANS, *_RATES, "meta", "contacts", "offsets"))
    poses = _poses(content)
    frames = len(poses)
    trans = _numbers(content, _TRANS, (frames, 3))
    fps = float(_numbers(content, _RATES, ()))
    if not _FPS[0] <= fps <= _FPS[1]:
        raise ValueError(f"it has {fps:g} frames per second")
    meta = _meta(content)
    rest_pelvis = _rest_pelvis(meta)
    rotations = _quaternions(poses.reshape(frames, skeleton.JOINT_COUNT, 3))
    rotations[:, 0] = _multiply(_matrix_quaternion(axes.Y_UP_TO_Z_UP.T), rotations[:, 0])
    contacts = (frames, len(skeleton.CONTACT_JOINTS))
    return Clip(
        rotations=rotations.astype(np.float32),
        root=((trans + rest_pelvis) @ axes.Y_UP_TO_Z_UP).astype(np.float32),
        fps=fps,
        contacts=_numbers(content, ["contacts"], contacts).astype(np.float32) if "contacts" in content else None,
        offsets=_offsets(content) if "offsets" in content else None,
        meta=meta,
    )


def _poses(content: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """(T, 66) rotation vectors of the 22 body joints."""
    if "poses" in content:
        poses = _finite("poses", content["poses"])
    elif "root_orient" in content and "pose_body" in content:
        parts = [np.atleast_1d(_finite(name, content[name])) for name in ("root_orient", "pose_body")]
        if len(parts[0]) != len(parts[1]):
            raise ValueError("root_orient and pose_body in it differ in length")
        poses = np.concatenate([part.reshape(len(part), math.prod(part.shape[1:])) for part in parts], axis=1)
    else:
        raise ValueError("it has no poses")
    if poses.ndim not in (2, 3) or len(poses) == 0:
        raise ValueError(f"its poses have the shape {poses.shape}")
    flat = poses.reshape(len(poses), -1)
    if flat.shape[1] < _BODY_CHANNELS or flat.shape[1] % 3:
        raise ValueError(f"its poses have {flat.shape[1]} values a frame; a body has {_BODY_CHANNELS} or more")
    return flat[:, :_BODY_CHANNELS]


def _numbers(content: Mapping[str, NDArray[Any]], names: tuple[str, ...] | list[str], shape: tuple[int, ...]) -> Any:
    """float64 array of that shape, under the first of these names that is there."""
    name = next((name for name in names if name in content), None)
    if name is None:
        raise ValueError(f"it has no {names[0]}")
    values = _finite(name, content[name])
    if shape == () and values.size == 1:
        values = values.reshape(())
    if values.shape != shape:
        raise ValueError(f"its {name} have the shape {values.shape}, expected {shape}")
    return values


def _finite(name: str, array: NDArray[Any]) -> NDArray[np.float64]:
    if array.dtype.kind not in "fiu":
        raise ValueError(f"its {name} are no numbers")
    values = np.asarray(array, np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"its {name} hold values that are not finite")
    if values.size and np.abs(values).max() > _LARGEST:
        raise ValueError(f"its {name} hold values as large as {np.abs(values).max():.3g}")
    return values


def _meta(content: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Other programs may use the name for something else, which is not ours to judge."""
    try:
        meta = json.loads(str(content["meta"]))
    except (KeyError, ValueError, RecursionError):
        return {}
    return meta if isinstance(meta, dict) else {}


def _offsets(content: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    offsets = _numbers(content, ["offsets"], (skeleton.JOINT_COUNT, 3))
    if np.linalg.norm(offsets[1:], axis=1).min() < _SHORTEST_BONE:
        raise ValueError("its offsets hold bones of no length")
    shortened: NDArray[np.float32] = offsets.astype(np.float32)
    return shortened


def _rest_pelvis(meta: dict[str, Any]) -> NDArray[np.float64]:
    """(3,) what `trans` counts from, taken out of the meta of files written here; else SMPL's."""
    meta.pop("rest_pelvis_note", None)
    try:
        point = _finite("rest_pelvis", np.asarray(meta.pop("rest_pelvis", REST_PELVIS)))
    except ValueError as error:
        raise ValueError("the rest pelvis in it is no point") from error
    if point.shape != (3,):
        raise ValueError("the rest pelvis in it is no point")
    return point


def _multiply(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hamilton product of wxyz quaternions (4,) and (..., 4)."""
    w, v = left[0], left[1:]
    scalar = w * right[..., :1] - right[..., 1:] @ v[:, None]
    vector = w * right[..., 1:] + right[..., :1] * v + np.cross(v, right[..., 1:])
    return np.concatenate([scalar, vector], axis=-1)


def _matrix_quaternion(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """wxyz of a rotation matrix of less than 180 degrees."""
    w = np.sqrt(1.0 + np.trace(matrix)) / 2.0
    skew = [matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]]
    return np.array([w, *(np.array(skew) / (4.0 * w))])


def _axis_angle(quaternions: NDArray[np.float64]) -> NDArray[np.float64]:
    """wxyz (..., 4) -> rotation vectors (..., 3) of 0 .. pi radians."""
    quaternions = quaternions / np.linalg.norm(quaternions, axis=-1, keepdims=True)
    quaternions = np.where(quaternions[..., :1] < 0.0, -quaternions, quaternions)
    sine = np.linalg.norm(quaternions[..., 1:], axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(sine, quaternions[..., :1])
    # angle / sin(angle / 2) tends to 2 where nothing turns.
    scale = np.divide(angle, sine, out=np.full_like(angle, 2.0), where=sine > 1e-12)
    vectors: NDArray[np.float64] = quaternions[..., 1:] * scale
    return vectors


def _quaternions(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation vectors (..., 3) -> wxyz (..., 4)."""
    angle = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.concatenate([np.cos(angle / 2.0), vectors * np.sinc(angle / (2.0 * np.pi)) / 2.0], axis=-1)
