# SPDX-License-Identifier: GPL-3.0-or-later
"""The mannequin's bones and its wooden body as plain arrays: Z up, facing -Y, left +X, soles on z = 0.

The skeleton is the motion's own (`contract.skeleton`), so that a take looks on it as it was made. The
body is that of an artist's mannequin: rigid pieces of light wood with dark balls in the joints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..contract import axes, skeleton

FloatArray = NDArray[np.float64]
LIGHT: Final = 0
DARK: Final = 1
RINGS: Final = 18
SEGMENTS: Final = 24
_LEFT: Final = np.array([1.0, 0.0, 0.0])
_FRONT: Final = np.array([0.0, -1.0, 0.0])
_UP: Final = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Piece:
    """One rigid piece: vertices (V, 3), faces as vertex indices (counter-clockwise from outside), bone, tone."""

    bone: str
    tone: int
    vertices: FloatArray
    faces: tuple[tuple[int, ...], ...]


def joint_positions() -> dict[str, FloatArray]:
    """Joint -> rest position (3,) in metres, soles on the floor."""
    offsets = axes.vectors_to_z_up(skeleton.REST_OFFSETS.astype(np.float64))
    positions = np.zeros_like(offsets)
    for joint, parent in enumerate(skeleton.PARENTS):
        positions[joint] = offsets[joint] + (positions[parent] if parent >= 0 else 0.0)
    positions[:, 2] += skeleton.ANKLE_HEIGHT - positions[skeleton.JOINT_INDEX["left_ankle"], 2]
    return dict(zip(skeleton.JOINT_NAMES, positions, strict=True))


def bone_tails(joints: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Bone -> tail (3,): the next joint of the limb; hands, toes and the head end where the body does."""
    following = {
        "pelvis": "spine1", "spine1": "spine2", "spine2": "spine3", "spine3": "neck", "neck": "head",
    }  # fmt: skip
    for side in ("left", "right"):
        for chain in (("collar", "shoulder", "elbow", "wrist"), ("hip", "knee", "ankle", "foot")):
            following |= {f"{side}_{upper}": f"{side}_{lower}" for upper, lower in pairwise(chain)}
    tails = {bone: joints[child] for bone, child in following.items()}
    tails["head"] = joints["head"] + 0.18 * _UP
    for side in ("left", "right"):
        forearm = joints[f"{side}_wrist"] - joints[f"{side}_elbow"]
        tails[f"{side}_wrist"] = joints[f"{side}_wrist"] + 0.1 * forearm / np.linalg.norm(forearm)
        tails[f"{side}_foot"] = joints[f"{side}_foot"] + 0.07 * _FRONT
    return tails


def pieces() -> tuple[Piece, ...]:
    """The whole body."""
    joints = joint_positions()
    body = [*_trunk(joints), *_head(joints)]
    for side, out in (("left", _LEFT), ("right", -_LEFT)):
        body += _arm(joints, side, out)
        body += _leg(joints, side, out)
    return tuple(body)


def _trunk(joints: dict[str, FloatArray]) -> list[Piece]:
    pelvis, spine1, spine3 = joints["pelvis"], joints["spine1"], joints["spine3"]
    hips = [
        (-0.115, 0.085, 0.080),
        (-0.06, 0.140, 0.100),
        (0.0, 0.148, 0.104),
        (0.05, 0.128, 0.092),
        (0.085, 0.105, 0.078),
    ]
    ribs = [(-0.048, 0.106, 0.078), (0.0, 0.128, 0.092), (0.05, 0.141, 0.099)]
    chest = [
        (0.005, 0.130, 0.090),
        (0.06, 0.153, 0.106),
        (0.12, 0.160, 0.108),
        (0.17, 0.135, 0.090),
        (0.205, 0.080, 0.062),
    ]
    belly = spine1 + np.array([0.0, -0.024, 0.0])
    return [
        _upright("pelvis", LIGHT, pelvis + np.array([0.0, 0.008, 0.0]), hips, 2.4),
        _ball("spine1", DARK, belly, (0.112, 0.084, 0.096)),
        _upright("spine2", LIGHT, joints["spine2"] + np.array([0.0, -0.006, 0.0]), ribs, 2.3),
        _upright("spine3", LIGHT, spine3 + np.array([0.0, 0.006, -0.012]), chest, 2.4),
    ]


def _head(joints: dict[str, FloatArray]) -> list[Piece]:
    neck, head = joints["neck"], joints["head"]
    skull = [
        (-0.055, 0.030, 0.034), (-0.030, 0.052, 0.062), (0.010, 0.066, 0.084), (0.065, 0.077, 0.097),
        (0.115, 0.078, 0.099), (0.160, 0.064, 0.082), (0.185, 0.038, 0.050),
    ]  # fmt: skip
    lean = np.array([0.0, -0.012, 0.0])
    return [
        _ball("neck", DARK, neck + np.array([0.0, -0.004, -0.012]), (0.056, 0.054, 0.05)),
        _limb("neck", LIGHT, neck, head + lean * 0.5, [(0.0, 0.046, 0.048), (0.5, 0.042, 0.044), (1.0, 0.042, 0.044)]),
        _ball("head", DARK, head + np.array([0.0, -0.004, -0.018]), (0.043, 0.045, 0.036)),
        _upright("head", LIGHT, head + lean, skull, 2.0),
    ]


def _arm(joints: dict[str, FloatArray], side: str, out: FloatArray) -> list[Piece]:
    collar, shoulder, elbow, wrist = (joints[f"{side}_{part}"] for part in ("collar", "shoulder", "elbow", "wrist"))
    inner = collar + np.array([0.0, -0.012, 0.012])
    along = (wrist - elbow) / np.linalg.norm(wrist - elbow)
    thumb_root = wrist + along * 0.030 + _FRONT * 0.026
    thumb_tip = thumb_root + along * 0.055 + _FRONT * 0.028
    return [
        _limb(
            f"{side}_collar", LIGHT, inner, shoulder,
            [(0.0, 0.060, 0.052), (0.6, 0.052, 0.050), (1.0, 0.044, 0.044)],
        ),
        _ball(f"{side}_shoulder", DARK, shoulder, (0.054, 0.054, 0.054)),
        _limb(
            f"{side}_shoulder", LIGHT, _between(shoulder, elbow, 0.10), _between(shoulder, elbow, 0.93),
            [(0.0, 0.044, 0.046), (0.3, 0.047, 0.047), (0.7, 0.041, 0.041), (1.0, 0.035, 0.035)],
        ),
        _ball(f"{side}_elbow", DARK, elbow, (0.037, 0.037, 0.037)),
        _limb(
            f"{side}_elbow", LIGHT, _between(elbow, wrist, 0.07), _between(elbow, wrist, 0.95),
            [(0.0, 0.034, 0.035), (0.25, 0.040, 0.039), (0.65, 0.032, 0.033), (1.0, 0.025, 0.028)],
        ),
        _ball(f"{side}_wrist", DARK, wrist, (0.027, 0.027, 0.027)),
        _limb(
            f"{side}_wrist", LIGHT, wrist + along * 0.012, wrist + along * 0.180,
            [(0.0, 0.017, 0.024), (0.2, 0.019, 0.037), (0.5, 0.018, 0.042), (0.8, 0.013, 0.036), (1.0, 0.009, 0.024)],
            2.6,
        ),
        _limb(
            f"{side}_wrist", LIGHT, thumb_root, thumb_tip,
            [(0.0, 0.014, 0.015), (0.5, 0.014, 0.014), (1.0, 0.010, 0.010)],
        ),
    ]  # fmt: skip


def _leg(joints: dict[str, FloatArray], side: str, out: FloatArray) -> list[Piece]:
    hip, knee, ankle, ball = (joints[f"{side}_{part}"] for part in ("hip", "knee", "ankle", "foot"))
    top = hip + out * 0.024 - _UP * 0.015
    heel, toe_root = ankle - _FRONT * 0.055, ball + _FRONT * 0.002
    sole = np.array([1.0, 1.0, 0.0])
    return [
        _ball(f"{side}_hip", DARK, top + _UP * 0.005, (0.074, 0.074, 0.074)),
        _limb(
            f"{side}_hip", LIGHT, _between(top, knee, 0.02), _between(top, knee, 0.94),
            [(0.0, 0.070, 0.076), (0.25, 0.074, 0.080), (0.65, 0.059, 0.063), (1.0, 0.045, 0.048)],
        ),
        _ball(f"{side}_knee", DARK, knee, (0.048, 0.050, 0.050)),
        _limb(
            f"{side}_knee", LIGHT, _between(knee, ankle, 0.05), _between(knee, ankle, 0.96),
            [(0.0, 0.043, 0.047), (0.28, 0.050, 0.055), (0.65, 0.037, 0.040), (1.0, 0.029, 0.032)],
        ),
        _ball(f"{side}_ankle", DARK, ankle, (0.036, 0.037, 0.036)),
        _foot(
            f"{side}_ankle", heel * sole, toe_root * sole,
            [(0.0, 0.030, 0.040), (0.2, 0.035, 0.062), (0.42, 0.036, 0.075), (0.7, 0.041, 0.056), (1.0, 0.045, 0.040)],
        ),
        _foot(
            f"{side}_foot", (toe_root + _FRONT * 0.006) * sole, (toe_root + _FRONT * 0.078) * sole,
            [(0.0, 0.046, 0.037), (0.5, 0.043, 0.030), (1.0, 0.030, 0.022)],
        ),
    ]  # fmt: skip


def _between(start: FloatArray, end: FloatArray, share: float) -> FloatArray:
    return start + (end - start) * share


def _upright(
    bone: str, tone: int, origin: FloatArray, stations: Sequence[tuple[float, float, float]], power: float
) -> Piece:
    """A piece along Z; stations are (height above origin, half width, half depth)."""
    low, high = stations[0][0], stations[-1][0]
    relative = [((height - low) / (high - low), width, depth) for height, width, depth in stations]
    return _loft(bone, tone, origin + _UP * low, origin + _UP * high, relative, _LEFT, -_FRONT, power)


def _limb(
    bone: str, tone: int, start: FloatArray, end: FloatArray, stations: Sequence[tuple[float, float, float]],
    power: float = 2.0,
) -> Piece:  # fmt: skip
    """A piece from start to end; stations are (share of the way, half width across the front, half depth)."""
    along = (end - start) / np.linalg.norm(end - start)
    side = np.cross(_FRONT, along)
    side /= np.linalg.norm(side)
    return _loft(bone, tone, start, end, stations, side, np.cross(along, side), power)


def _foot(bone: str, start: FloatArray, end: FloatArray, stations: Sequence[tuple[float, float, float]]) -> Piece:
    """A piece with a flat sole; start and end lie on the floor, stations are (share, half width, height)."""
    along = (end - start) / np.linalg.norm(end - start)
    side = np.cross(_UP, along)
    piece = _loft(bone, LIGHT, start, end, stations, side, np.cross(along, side), 2.6)
    on_floor = np.maximum(piece.vertices, [-np.inf, -np.inf, 0.0])
    return Piece(piece.bone, piece.tone, on_floor, piece.faces)


def _ball(bone: str, tone: int, centre: FloatArray, radii: tuple[float, float, float]) -> Piece:
    """An ellipsoid with half sizes along X, Y, Z."""
    turns = np.linspace(0.0, np.pi, RINGS)
    rings = [
        np.stack([np.sin(t) * np.cos(_angles()), np.sin(t) * np.sin(_angles()), np.full(SEGMENTS, -np.cos(t))], axis=1)
        for t in turns[1:-1]
    ]
    vertices = np.concatenate([[[0.0, 0.0, -1.0]], *rings, [[0.0, 0.0, 1.0]]]) * np.array(radii) + centre
    return Piece(bone, tone, vertices, _ring_faces(len(rings)))


def _loft(
    bone: str, tone: int, start: FloatArray, end: FloatArray, stations: Sequence[tuple[float, float, float]],
    side: FloatArray, front: FloatArray, power: float,
) -> Piece:  # fmt: skip
    """Rings of superellipses from start to end with rounded ends.

    `side`, `front` and the way from start to end form a right-handed frame.
    """
    shares = np.array([station[0] for station in stations])
    profile = np.array([station[1:] for station in stations])
    rounding = 0.45 * min(1.0, float(profile[[0, -1]].min()) / float(np.linalg.norm(end - start)))
    turns = np.linspace(0.0, np.pi / 2.0, 5)[1:]
    starts = [(-rounding * np.cos(turn), np.sin(turn)) for turn in turns[:-1]]
    middle = [(share, 1.0) for share in np.linspace(0.0, 1.0, RINGS)]
    ends = [(1.0 + rounding * np.cos(turn), np.sin(turn)) for turn in reversed(turns[:-1])]
    rings = []
    angles = _angles()
    x = np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** (2.0 / power)
    y = np.sign(np.sin(angles)) * np.abs(np.sin(angles)) ** (2.0 / power)
    for share, shrink in (*starts, *middle, *ends):
        width, depth = _smooth(shares, profile, float(np.clip(share, 0.0, 1.0))) * shrink
        rings.append(start + (end - start) * share + np.outer(x, side) * width + np.outer(y, front) * depth)
    poles = [start - (end - start) * rounding, end + (end - start) * rounding]
    vertices = np.concatenate([poles[:1], *rings, poles[1:]])
    return Piece(bone, tone, vertices, _ring_faces(len(rings)))


def _smooth(shares: FloatArray, profile: FloatArray, share: float) -> FloatArray:
    """Catmull-Rom through the stations."""
    place = int(np.clip(np.searchsorted(shares, share, side="right") - 1, 0, len(shares) - 2))
    before, after = max(place - 1, 0), min(place + 2, len(shares) - 1)
    t = (share - shares[place]) / (shares[place + 1] - shares[place])
    width = shares[place + 1] - shares[place]
    first = (profile[place + 1] - profile[before]) / max(shares[place + 1] - shares[before], 1e-9) * width
    second = (profile[after] - profile[place]) / max(shares[after] - shares[place], 1e-9) * width
    blended: FloatArray = (
        profile[place] * (2 * t**3 - 3 * t**2 + 1)
        + first * (t**3 - 2 * t**2 + t)
        + profile[place + 1] * (-2 * t**3 + 3 * t**2)
        + second * (t**3 - t**2)
    )
    return blended


def _angles() -> FloatArray:
    return np.linspace(0.0, 2.0 * np.pi, SEGMENTS, endpoint=False)


def _ring_faces(rings: int) -> tuple[tuple[int, ...], ...]:
    """Faces of pole, rings, pole: vertex 0, then `rings` times SEGMENTS, then the last."""
    faces: list[tuple[int, ...]] = []
    last = 1 + rings * SEGMENTS
    for k in range(SEGMENTS):
        following = (k + 1) % SEGMENTS
        faces.append((0, 1 + following, 1 + k))
        faces += [
            (1 + ring * SEGMENTS + k, 1 + ring * SEGMENTS + following,
             1 + (ring + 1) * SEGMENTS + following, 1 + (ring + 1) * SEGMENTS + k)
            for ring in range(rings - 1)
        ]  # fmt: skip
        top = last - SEGMENTS
        faces.append((top + k, top + following, last))
    return tuple(faces)
