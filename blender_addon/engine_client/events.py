# SPDX-License-Identifier: GPL-3.0-or-later
"""What the session tells: one frozen record for each thing that happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import protocol

_MOTION_ARRAYS = {"rotations": (None, 22, 4), "root": (None, 3), "contacts": (None, 4), "offsets": (22, 3)}


@dataclass(frozen=True)
class EngineInfo:
    """The engine's introduction after it has loaded."""

    engine_version: str
    pid: int
    device: str
    device_name: str
    packs: tuple[dict[str, Any], ...]
    default_pack: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class EngineStatus:
    """The engine is starting: a line for the panel."""

    stage: str
    message: str


@dataclass(frozen=True)
class EngineReady:
    info: EngineInfo


@dataclass(frozen=True)
class EngineFailed:
    """The engine is gone; the next request starts another one."""

    code: str
    message: str
    hint: str
    log_lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class EngineStopped:
    """The engine was asked to end."""


@dataclass(frozen=True)
class Progress:
    request_id: int
    take: int
    """Counts from 0."""
    count: int
    step: int
    total: int


@dataclass(frozen=True, eq=False)
class MotionReady:
    """One take. Arrays as in `protocol`: float32, metres, Y up, rotations local and wxyz."""

    request_id: int
    take: int
    count: int
    seed: int
    fps: float
    meta: dict[str, Any]
    warnings: tuple[str, ...]
    rotations: NDArray[np.float32]
    root: NDArray[np.float32]
    contacts: NDArray[np.float32]
    offsets: NDArray[np.float32]


@dataclass(frozen=True)
class RequestDone:
    request_id: int
    takes: int
    milliseconds: dict[str, float]
    """text, sampling, decoding, total"""


@dataclass(frozen=True)
class RequestCancelled:
    request_id: int
    takes: int
    """Takes that had arrived before; they stay valid."""


@dataclass(frozen=True)
class RequestFailed:
    request_id: int
    code: str
    message: str
    hint: str = ""
    details: dict[str, Any] = field(default_factory=dict)


RequestEvent = Progress | MotionReady | RequestDone | RequestCancelled | RequestFailed
Event = EngineStatus | EngineReady | EngineFailed | EngineStopped | RequestEvent


def engine_info(header: dict[str, Any]) -> EngineInfo:
    """Raises KeyError, TypeError or ValueError for a header that is no hello."""
    return EngineInfo(
        engine_version=str(header["engine_version"]),
        pid=int(header["pid"]),
        device=str(header["device"]),
        device_name=str(header.get("device_name") or header["device"]),
        packs=tuple(dict(pack) for pack in header["packs"]),
        default_pack=str(header["default_pack"]),
        warnings=tuple(str(warning) for warning in header.get("warnings") or ()),
    )


def motion_ready(message: protocol.Message) -> MotionReady:
    """Raises KeyError, TypeError or ValueError for a message whose fields or array shapes are not as agreed."""
    header, arrays = message.header, message.arrays
    for name, shape in _MOTION_ARRAYS.items():
        actual = arrays[name].shape
        if len(actual) != len(shape) or any(
            wanted not in (None, got) for wanted, got in zip(shape, actual, strict=True)
        ):
            raise ValueError(f"{name} has shape {actual}")
    if not len(arrays["rotations"]) == len(arrays["root"]) == len(arrays["contacts"]) > 0:
        raise ValueError("the arrays differ in their number of frames")
    return MotionReady(
        request_id=int(header["id"]),
        take=int(header["take"]),
        count=int(header["count"]),
        seed=int(header["seed"]),
        fps=float(header["fps"]),
        meta=dict(header["meta"]),
        warnings=tuple(str(warning) for warning in header.get("warnings") or ()),
        rotations=arrays["rotations"],
        root=arrays["root"],
        contacts=arrays["contacts"],
        offsets=arrays["offsets"],
    )
