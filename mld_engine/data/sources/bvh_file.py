# SPDX-License-Identifier: GPL-3.0-or-later
"""Biovision Hierarchy files: any order of channels, any unit, position channels on any joint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import RequestError
from ...rotations import multiply_quaternions, quaternion_to_matrix

_MAX_JOINTS: Final = 1000
_AXES: Final = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True)
class BvhSkeleton:
    """Joints, parents first. offsets (N, 3) from the parent; ends (N, 3) where a bone without children ends."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: NDArray[np.float64]
    ends: NDArray[np.float64]
    channels: tuple[tuple[str, ...], ...]

    @property
    def channel_count(self) -> int:
        return sum(len(channels) for channels in self.channels)


@dataclass(frozen=True)
class BvhFile:
    """`values` (T, channels) as in the file: degrees and the file's own unit of length."""

    path: Path
    skeleton: BvhSkeleton
    values: NDArray[np.float64]
    fps: float

    def pose(self, frames: NDArray[np.int64] | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """World rotations (T, N, 4) wxyz relative to the pose of all zeros, and joint positions (T, N, 3).

        Of all frames, or of those with the numbers `frames`. A position channel replaces the joint's offset, as
        editors read it.
        """
        skeleton, column = self.skeleton, 0
        rows = self.values if frames is None else self.values[frames]
        rotations: list[torch.Tensor] = []
        positions: list[torch.Tensor] = []
        for joint, channels in enumerate(skeleton.channels):
            values = rows[:, column : column + len(channels)]
            column += len(channels)
            turned, moved = _local(values, channels, skeleton.offsets[joint])
            parent = skeleton.parents[joint]
            if parent >= 0:
                carrier = quaternion_to_matrix(rotations[parent])
                moved = positions[parent] + (carrier @ moved[..., None])[..., 0]
                turned = multiply_quaternions(rotations[parent], turned)
            rotations.append(turned)
            positions.append(moved)
        return torch.stack(rotations, 1).numpy(), torch.stack(positions, 1).numpy()


def read_bvh(path: Path) -> BvhFile:
    """Raises RequestError (bad_source) that names the line which cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise _bad(path, str(error.strerror)) from error
    lines = _Lines(path, text)
    skeleton = _hierarchy(lines)
    frames, seconds = _header(lines)
    values = _values(lines, frames, skeleton.channel_count)
    return BvhFile(path, skeleton, values, 1.0 / seconds)


class _Lines:
    """The file's lines as words, blank ones left out."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.number = path, 0
        self._lines: Iterator[tuple[int, list[str]]] = (
            (number, words) for number, line in enumerate(text.splitlines(), 1) if (words := line.split())
        )
        self.text = text

    def next(self) -> list[str]:
        try:
            self.number, words = next(self._lines)
        except StopIteration:
            raise _bad(self.path, "it ends too early") from None
        return words

    def fail(self, problem: str) -> RequestError:
        return _bad(self.path, f"{problem} in line {self.number}")


def _bad(path: Path, problem: str) -> RequestError:
    return RequestError("bad_source", f"{path.name} is no BVH file that can be read: {problem}.", "Export it again.")


def _hierarchy(lines: _Lines) -> BvhSkeleton:
    if lines.next()[0].upper() != "HIERARCHY":
        raise lines.fail("there is no HIERARCHY")
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    ends: list[list[float]] = []
    channels: list[tuple[str, ...]] = []
    open_joints: list[int] = []
    while (words := lines.next())[0].upper() != "MOTION":
        keyword = words[0].upper()
        if keyword in ("ROOT", "JOINT"):
            if len(names) >= _MAX_JOINTS:
                raise lines.fail(f"there are more than {_MAX_JOINTS} joints")
            names.append(" ".join(words[1:]) or f"joint{len(names)}")
            parents.append(open_joints[-1] if open_joints else -1)
            offsets.append([0.0] * 3)
            ends.append([0.0] * 3)
            channels.append(())
            open_joints.append(len(names) - 1)
        elif keyword == "END":
            _end_site(lines, ends[open_joints[-1]] if open_joints else [0.0] * 3)
        elif keyword == "OFFSET" and open_joints:
            offsets[open_joints[-1]] = _numbers(lines, words[1:], 3)
        elif keyword == "CHANNELS" and open_joints:
            channels[open_joints[-1]] = _channels(lines, words)
        elif keyword == "}" and open_joints:
            open_joints.pop()
        elif keyword != "{":
            raise lines.fail(f"{words[0]!r} is not expected")
    if not names or open_joints:
        raise lines.fail("the hierarchy is not complete")
    return BvhSkeleton(tuple(names), tuple(parents), np.array(offsets), np.array(ends), tuple(channels))


def _end_site(lines: _Lines, end: list[float]) -> None:
    while (words := lines.next())[0] != "}":
        if words[0].upper() == "OFFSET":
            end[:] = _numbers(lines, words[1:], 3)


def _channels(lines: _Lines, words: list[str]) -> tuple[str, ...]:
    names = tuple(word.lower() for word in words[2:])
    known = {f"{axis}{kind}" for axis in _AXES for kind in ("position", "rotation")}
    if words[1:2] != [str(len(names))] or not known.issuperset(names):
        raise lines.fail("the channels are not understood")
    return names


def _numbers(lines: _Lines, words: list[str], count: int) -> list[float]:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise lines.fail("a number is not understood") from None
    if not np.isfinite(numbers).all():
        raise lines.fail("a number is not finite")
    if len(numbers) != count:
        raise lines.fail(f"there are {len(numbers)} numbers instead of {count}")
    return numbers


def _header(lines: _Lines) -> tuple[int, float]:
    """-> number of frames, seconds a frame."""
    words = lines.next()
    if words[0].lower() != "frames:":
        raise lines.fail("the number of frames is missing")
    frames = int(_numbers(lines, words[1:], 1)[0])
    words = lines.next()
    if [word.lower() for word in words[:2]] != ["frame", "time:"]:
        raise lines.fail("the frame time is missing")
    seconds = _numbers(lines, words[2:], 1)[0]
    if frames < 1 or not 0 < seconds < 10:
        raise lines.fail(f"{frames} frames of {seconds:g} seconds cannot be")
    return frames, seconds


def _values(lines: _Lines, frames: int, channels: int) -> NDArray[np.float64]:
    """All that follows the frame time. Numbers may be broken into lines at will."""
    rest = lines.text.splitlines()[lines.number :]
    try:
        numbers = np.array(" ".join(rest).split(), dtype=np.float64)
    except ValueError as error:
        raise _bad(lines.path, f"a value of the motion is not understood ({error})") from None
    if channels == 0 or len(numbers) < frames * channels:
        complete = len(numbers) // max(channels, 1)
        raise _bad(lines.path, f"it has {complete} complete frames instead of {frames}")
    values = numbers[: frames * channels].reshape(frames, channels)
    broken = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(broken):
        raise _bad(lines.path, f"frame {broken[0]} holds numbers that are not finite")
    return values


def _local(
    values: NDArray[np.float64], channels: tuple[str, ...], offset: NDArray[np.float64]
) -> tuple[torch.Tensor, torch.Tensor]:
    """-> rotations (T, 4) wxyz and positions (T, 3) of one joint relative to its parent."""
    turned = torch.zeros(len(values), 4, dtype=torch.float64)
    turned[:, 0] = 1.0
    moved = torch.from_numpy(np.repeat(offset[None], len(values), axis=0))
    for column, channel in enumerate(channels):
        axis, numbers = _AXES[channel[0]], torch.from_numpy(values[:, column].copy())
        if channel.endswith("position"):
            moved[:, axis] = numbers
        else:
            half = torch.deg2rad(numbers) / 2
            step = torch.zeros_like(turned)
            step[:, 0], step[:, 1 + axis] = half.cos(), half.sin()
            turned = multiply_quaternions(turned, step)
    return turned, moved
