# SPDX-License-Identifier: GPL-3.0-or-later
"""Twist of a bone that ends in a hinge: seen where the joint is bent, filled in over time where it is straight.

Joint positions show a bone's direction, never its turn about that direction. Knees and elbows are
hinges, so a bent limb shows the turn of its upper bone: the hinge stands across the plane of the limb.
The straighter the limb, the less its plane says. Evidence of all frames therefore goes into one
least-squares problem along the clip, in which a turn changes slowly; a weak pull to where people hold
the hinge decides where a limb is straight for long.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..rotations import rotate
from .directions import basis, shortest_arc

_HINGE_ERROR: Final = math.radians(2.0)
"""How far the plane of a joint bent to a right angle strays from its hinge (standard deviation)."""
_HALF_TRUST_SINE: Final = 0.6
"""Sine of the bend, less what does not count, at which the variance of evidence is doubled."""
_STRETCH_SINE: Final = 0.1
"""Sine of the bend below which there is no evidence: joints stretch a few degrees beyond straight."""
_DRIFT_PER_SECOND: Final = math.radians(30.0) ** 2
"""Variance by which a twist wanders in a second without evidence."""
_PRIOR_ERROR: Final = math.radians(30.0)
"""Standard deviation of a hinge about the expected one, where the latter is of unit length."""
_PRIOR_SECONDS: Final = 1.0
"""Frames this close tell the same thing about the prior, which must not count once for each."""
_LEAST_SURE: Final = 0.01
"""Keeps the equations solvable for a straight limb that points along the expected hinge all along."""


def hinge_directions(
    bones: Tensor, evidence: Tensor, expected: Tensor, rest: Tensor, hinge: Tensor, doubtful: Tensor, fps: float
) -> tuple[Tensor, Tensor]:
    """Direction of the hinge of each bone, at right angles to the bone, and how little the evidence fits.

    All vectors are relative to the bone that carries these.

    bones     (..., T, 3) unit directions
    evidence  (..., T, 3) where the hinge is seen; the sine of the bend is its length
    expected  (..., T, 3) where the hinge would be without evidence; certainty is the length across the bone
    rest      (..., 1, 3) unit directions of the bones at rest
    hinge     (..., 1, 3) unit directions of the hinges at rest, at right angles to `rest`
    doubtful  (..., 1) added to the sine from which a bend counts, for evidence that contradicts what is expected
    ->        (..., T, 3) unit vectors, and (...) the cost: squared misfit of evidence and of drift
    """
    swing = shortest_arc(rest.expand_as(bones), bones)
    frame = swing @ basis(rest, hinge)
    # Columns 1 and 2 of the frame span the plane in which the twist turns the hinge.
    seen = rotate(frame.transpose(-1, -2), evidence)[..., 1:]
    usual = rotate(frame.transpose(-1, -2), expected)[..., 1:]
    sine, sure = seen.norm(dim=-1), usual.norm(dim=-1)
    # 0 where the evidence agrees with the expectation, 1 from 60 degrees off.
    agreement = (seen * usual).sum(-1) / (sine * sure).clamp_min(1e-9)
    disagreement = (2 - 2 * agreement).clamp_max(1.0)
    weight = _weight(sine - _STRETCH_SINE - disagreement * doubtful)
    prior = sure.square().clamp_min(_LEAST_SURE) / (_PRIOR_ERROR**2 * max(1.0, _PRIOR_SECONDS * fps))
    spin = _spin_of_frames(frame, bones)
    angle = torch.atan2(seen[..., 1], seen[..., 0]) - spin
    prior_angle = torch.atan2(usual[..., 1], usual[..., 0]) - spin
    data = torch.stack(
        [
            weight * angle.cos() + prior * prior_angle.cos(),
            weight * angle.sin() + prior * prior_angle.sin(),
        ]
    )
    stiffness = fps / _DRIFT_PER_SECOND
    turn_cosine, turn_sine = smooth_along_time(data, weight + prior, stiffness)
    twist = torch.atan2(turn_sine, turn_cosine)
    cost = _weight(sine - _STRETCH_SINE) * (1 - (angle - twist).cos())
    cost[..., 1:] += stiffness * (1 - twist.diff(dim=-1).cos())
    twist = (twist + spin)[..., None]
    return frame[..., 1] * twist.cos() + frame[..., 2] * twist.sin(), cost.sum(-1)


def _weight(bend: Tensor) -> Tensor:
    """Inverse variance of evidence from the sine of the bend, less what does not count."""
    square = bend.clamp_min(0.0).square()
    weight: Tensor = square / (_HINGE_ERROR**2 * (square + _HALF_TRUST_SINE**2))
    return weight


def tilted_evidence(upper: Tensor, lower: Tensor, lean: Tensor) -> Tensor:
    """Evidence (..., T, 3) for a hinge that stands across the upper bone and leans along the lower one.

    Unit directions of the bones (..., T, 3) and the cosine (..., 1) between hinge and lower bone. The
    smaller the bend, the farther the hinge leaves the normal of the limb's plane.
    """
    normal = torch.linalg.cross(upper, lower)
    sine = normal.norm(dim=-1).clamp_min(1e-9)
    tilt = (lean / sine).clamp(-1.0, 1.0)[..., None]
    evidence: Tensor = (1 - tilt.square()).sqrt() * normal + tilt * torch.linalg.cross(normal, upper)
    return evidence


def _spin_of_frames(frame: Tensor, direction: Tensor) -> Tensor:
    """Angle (..., T) by which a vector that is carried along without spin turns in the frames (..., T, 3, 3).

    Measured against such a vector, a twist is continuous even where the frames themselves are not.
    """
    carried = shortest_arc(direction[..., :-1, :], direction[..., 1:, :]) @ frame[..., :-1, :, 1:2]
    seen = frame[..., 1:, :, :].transpose(-1, -2) @ carried
    steps = torch.atan2(seen[..., 2, 0], seen[..., 1, 0])
    return pad(steps.cumsum(-1), (1, 0))


def smooth_along_time(data: Tensor, weight: Tensor, stiffness: float) -> Tensor:
    """Solve (diag(weight) + stiffness D'D) x = data along the last dimension; D takes differences in time.

    Shapes broadcast; every `weight` is above zero. Parallel cyclic reduction (Hockney and
    Jesshope, 1981): each round joins every equation with those at twice the distance, so a clip of T
    frames needs log2(T) vectorised rounds.
    """
    frames = data.shape[-1]
    link = torch.full_like(weight, -stiffness)
    before, after = link.clone(), link.clone()
    before[..., 0] = 0
    after[..., -1] = 0
    middle = weight - before - after
    stride = 1
    while stride < frames:
        ratio_before = before / _shifted(middle, stride, 1.0)
        ratio_after = after / _shifted(middle, -stride, 1.0)
        data = data - ratio_before * _shifted(data, stride) - ratio_after * _shifted(data, -stride)
        middle = middle - ratio_before * _shifted(after, stride) - ratio_after * _shifted(before, -stride)
        before = -ratio_before * _shifted(before, stride)
        after = -ratio_after * _shifted(after, -stride)
        stride *= 2
    return data / middle


def _shifted(values: Tensor, frames: int, fill: float = 0.0) -> Tensor:
    """Values of `frames` earlier (later if negative); beyond the ends `fill`."""
    padding = (frames, 0) if frames > 0 else (0, -frames)
    kept = values[..., :-frames] if frames > 0 else values[..., -frames:]
    return pad(kept, padding, value=fill)
