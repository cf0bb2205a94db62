# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion <-> `.npz` in the layout of AMASS's SMPL-H files (Mahmood et al., 2019).

Joint rotations are those of the motion. Two things change: the world becomes Z up, so the root
orientation is turned by `contract.axes`, and `trans` gets SMPL's meaning. SMPL turns the body
about its rest pelvis J0 and then moves it by `trans`, so the pelvis stands at J0 + trans, with J0
in the body's own coordinates whatever the world's up axis.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import axes, skeleton
from ..errors import RequestError
from ..motion import Motion
from .files import atomic_file

REST_PELVIS: Final = (-0.0018, -0.2233, 0.0282)
"""Metres: pelvis of SMPL's neutral template body, in body coordinates."""
REST_PELVIS_NOTE: Final = (
    "trans = pelvis position (Z up) - rest_pelvis; rest_pelvis [m] is SMPL's neutral pelvis at rest"
)

_SMPLH_JOINTS: Final = 52
_BODY_CHANNELS: Final = 3 * skeleton.JOINT_COUNT
_BETAS: Final = 16
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)
_FOREIGN: Final = "bad_motion_file"


def write_amass(path: Path, motion: Motion) -> None:
    """Write `motion`; the same motion gives the same bytes.

    `poses` (T,156) float32 axis-angle [rad] (22 body joints, then hands at zero), `trans` (T,3)
    float32 [m] Z up, `mocap_framerate`, `betas` (16) zeros, `gender`, `meta` (JSON); beyond AMASS
    `contacts` (T,4) and `offsets` (22,3).

    Raises EngineError (`output_failed`) when the file cannot be written; an older file then stays.
    """
    poses = np.zeros((motion.frames, 3 * _SMPLH_JOINTS), np.float32)
    rotations = np.asarray(motion.rotations, np.float64).copy()
    rotations[:, 0] = _multiply(_matrix_quaternion(axes.Y_UP_TO_Z_UP), rotations[:, 0])
    poses[:, :_BODY_CHANNELS] = _axis_angle(rotations).reshape(motion.frames, _BODY_CHANNELS)
    root = axes.vectors_to_z_up(np.asarray(motion.root, np.float64))
    meta = {**motion.meta, "rest_pelvis": list(REST_PELVIS), "rest_pelvis_note": REST_PELVIS_NOTE}
    arrays: dict[str, NDArray[Any]] = {
        "poses": poses,
        "trans": (root - REST_PELVIS).astype(np.float32),
        "mocap_framerate": np.array(float(motion.fps)),
        "betas": np.zeros(_BETAS),
        "gender": np.array("neutral"),
        "meta": np.array(json.dumps(meta, sort_keys=True)),
        "contacts": np.asarray(motion.contacts, np.float32),
        "offsets": np.asarray(motion.offsets, np.float32),
    }
    with atomic_file(path) as stream:
        stream.write(_npz(arrays))


def read_amass(path: Path) -> Motion:
    """Read a file of `write_amass` or another AMASS file of SMPL, SMPL-H or SMPL-X poses.

    What only our files have falls back to: `offsets` the contract's rest skeleton, `contacts`
    zeros, `meta` empty, the rest pelvis SMPL's neutral one.

    Raises RequestError (`bad_motion_file`) for anything that is not such a file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            content = {name: file[name] for name in file.files}
        return _motion(content)
    except FileNotFoundError as error:
        raise RequestError(_FOREIGN, f"There is no file {path}.", "Check the path.") from error
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise RequestError(
            _FOREIGN,
            f"{path} is not a motion in AMASS layout: {reason}.",
            "Give an .npz made by `generate` or by AMASS.",
        ) from error


def _motion(content: dict[str, NDArray[Any]]) -> Motion:
    poses = np.asarray(content["poses"], np.float64)
    trans = np.asarray(content["trans"], np.float64)
    if poses.ndim != 2 or poses.shape[1] < _BODY_CHANNELS or trans.shape != (len(poses), 3):
        raise ValueError(f"poses {poses.shape} and trans {trans.shape} do not fit")
    frames = len(poses)
    fps = float(content["mocap_framerate"])
    meta = json.loads(str(content["meta"])) if "meta" in content else {}
    if not np.isfinite(poses).all() or not np.isfinite(trans).all() or not fps > 0 or not isinstance(meta, dict):
        raise ValueError("its values are out of range")
    rest_pelvis = np.asarray(meta.pop("rest_pelvis", REST_PELVIS), np.float64)
    meta.pop("rest_pelvis_note", None)
    rotations = _quaternions(poses[:, :_BODY_CHANNELS].reshape(frames, skeleton.JOINT_COUNT, 3))
    rotations[:, 0] = _multiply(_matrix_quaternion(axes.Y_UP_TO_Z_UP.T), rotations[:, 0])
    return Motion(
        rotations=rotations.astype(np.float32),
        root=((trans + rest_pelvis) @ axes.Y_UP_TO_Z_UP).astype(np.float32),
        contacts=np.asarray(content.get("contacts", np.zeros((frames, len(skeleton.CONTACT_JOINTS)))), np.float32),
        offsets=np.asarray(content.get("offsets", skeleton.REST_OFFSETS), np.float32),
        fps=fps,
        meta=meta,
    )


def _npz(arrays: dict[str, NDArray[Any]]) -> bytes:
    """numpy's own container, uncompressed and undated: compressors and clocks differ, takes must not."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", _ZIP_TIME)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, member.getvalue())
    return buffer.getvalue()


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
