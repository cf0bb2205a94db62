# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at clip after clip and tells about the whole in the end."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...contract.skeleton import JOINT_INDEX
from ..sources.found import unit_problem
from ..store import SPLITS, ClipRecord, Dataset
from .captions import check_captions
from .motion import ARMS, SIDES, Bone, ClipView, check_motion, unusable
from .report import Finding, Report

_FACING_DEGREES: Final = 30.0
_WALKING: Final = 0.5
"""Metres a second from which the way a body travels says where it faces."""
_LEAST_WALKED: Final = 50.0
"""Metres of travel in a data set that are needed to judge whether bodies walk forwards."""
_FORWARD_SHARE: Final = 0.5
_UNEVEN_TWIST: Final = 30.0
"""Degrees: left and right turn about themselves alike over many clips of one source."""
_LEAST_SECONDS: Final = 20.0


@dataclass(frozen=True)
class _Measures:
    """What is kept of a clip for the whole."""

    source: str
    seconds: float
    start_degrees: float
    forward: float
    travelled: float
    standing: float
    twist: dict[tuple[Bone, str], float]


class Checker:
    """Checks of clips that move one body, `offsets` (22, 3) metres, at one frame rate."""

    def __init__(self, fps: float, offsets: NDArray[np.float32]) -> None:
        self._fps, self._offsets = fps, offsets
        self._measures: list[_Measures] = []
        self._clips: list[tuple[str, int, int]] = []
        self._texts: set[str] = set()
        self._labels: tuple[set[str], set[str]] = set(), set()
        self._seen: dict[bytes, str] = {}
        self._findings: list[Finding] = []

    def check(self, record: ClipRecord) -> list[Finding]:
        """What is wrong with a clip. It counts for the whole unless that keeps it out."""
        problem = unusable(record, self._fps)
        if problem is not None:
            return [problem]
        twin = self._twin(record)
        if twin:
            return [Finding("duplicate", "error", f"it is the same motion as {twin}", record.name)]
        view = ClipView.of(record, self._fps, self._offsets)
        findings = [*check_motion(view), *check_captions(view)]
        if not any(finding.level == "error" for finding in findings):
            self._count(view)
            self._findings += findings
        return findings

    def report(self, name: str) -> Report:
        """The findings of all clips that count, and of the whole."""
        return Report(name, facts=self._facts(), findings=[*self._whole(), *self._findings])

    def _twin(self, record: ClipRecord) -> str:
        digest = hashlib.sha256(np.round(record.rotations, 3).tobytes() + np.round(record.root, 3).tobytes()).digest()
        return "" if self._seen.setdefault(digest, record.name) == record.name else self._seen[digest]

    def _count(self, view: ClipView) -> None:
        record = view.record
        steps = np.diff(record.root[:, [0, 2]], axis=0)
        walking = np.linalg.norm(steps, axis=1) * self._fps > _WALKING
        facing = np.stack([np.sin(view.yaw), np.cos(view.yaw)], 1)[:-1]
        ahead = (steps * facing).sum(1)[walking]
        twist = {(bone, side): float(np.median(view.twist(bone, side))) for bone in ARMS for side in SIDES}
        self._measures.append(
            _Measures(
                source=record.source,
                seconds=len(record.root) / self._fps,
                start_degrees=abs(float(np.degrees(view.yaw[0]))),
                forward=float(ahead.clip(min=0).sum()),
                travelled=float(np.linalg.norm(steps[walking], axis=1).sum()),
                standing=view.standing,
                twist=twist,
            )
        )
        self._clips.append((record.split, len(record.captions), len(record.root)))
        self._texts.update(record.captions)
        self._labels[0].update({record.action} - {""})
        self._labels[1].update({record.style} - {""})

    def _facts(self) -> list[str]:
        if not self._clips:
            return ["no clip"]
        seconds = np.array([measures.seconds for measures in self._measures])
        splits = Counter(split for split, _, _ in self._clips)
        captions = [count for _, count, _ in self._clips]
        facing = np.mean([measures.start_degrees <= _FACING_DEGREES for measures in self._measures])
        low, middle, high = np.quantile([measures.standing for measures in self._measures], (0.01, 0.5, 0.99))
        facts = [
            f"{len(self._clips)} clips, {seconds.sum() / 3600:.2f} h at {self._fps:g} fps; a clip lasts "
            f"{seconds.min():.1f} to {seconds.max():.1f} s, {np.median(seconds):.1f} s in the middle",
            "splits: " + ", ".join(f"{split} {splits[split]}" for split in SPLITS),
            f"words: {len(self._texts)} different captions, {np.mean(captions):.1f} a clip, "
            f"{sum(count == 0 for count in captions)} clips without; {len(self._labels[0])} actions, "
            f"{len(self._labels[1])} styles",
            f"facing: {100 * facing:.0f}% start within {_FACING_DEGREES:.0f} degrees of +Z",
            f"ground: lowest soles at {low:+.3f}, {middle:+.3f}, {high:+.3f} m (1%, 50%, 99% of the clips)",
        ]
        travelled = sum(measures.travelled for measures in self._measures)
        if travelled > 0:
            forward = sum(measures.forward for measures in self._measures) / travelled
            facts[3] += f"; {100 * forward:.0f}% of {travelled:.0f} m are walked forwards"
        return facts

    def _whole(self) -> list[Finding]:
        found = []
        problem = unit_problem(_leg_length(self._offsets))
        if problem:
            found.append(Finding("units", "error", f"the body: {problem}"))
        travelled = sum(measures.travelled for measures in self._measures)
        forward = sum(measures.forward for measures in self._measures)
        if travelled > _LEAST_WALKED and forward < _FORWARD_SHARE * travelled:
            share = 100 * forward / travelled
            message = f"only {share:.0f}% of the way is walked forwards: left and right, or the axes, may be swapped"
            found.append(Finding("facing", "warning", message))
        for source in sorted({measures.source for measures in self._measures}):
            found += self._uneven(source)
        return found

    def _uneven(self, source: str) -> list[Finding]:
        """Bones that are turned about themselves on one side and not on the other, all along a source."""
        measures = [one for one in self._measures if one.source == source]
        if sum(one.seconds for one in measures) < _LEAST_SECONDS:
            return []
        found = []
        for bone in ARMS:
            left, right = (float(np.median([one.twist[bone, side] for one in measures])) for side in SIDES)
            if abs(left + right) > _UNEVEN_TWIST:
                where = f"source {source!r}" if source else "the clips"
                message = (
                    f"{where}: the left {bone.name} is turned about itself by {left:.0f} degrees in the middle, "
                    f"the right one by {right:.0f}, which is uneven by {abs(left + right):.0f}"
                )
                found.append(Finding("twist", "warning", message))
        return found


def check_dataset(dataset: Dataset) -> Report:
    """All checks of a data set on disk."""
    checker = Checker(dataset.fps, dataset.offsets)
    kept_in = []
    for clip in dataset.clips:
        frames = slice(clip.start, clip.start + clip.frames)
        record = ClipRecord(
            clip.name, np.array(dataset.rotations[frames]), np.array(dataset.root[frames]), clip.split, clip.action,
            clip.action_mirrored, clip.style, clip.captions, clip.captions_mirrored, clip.source, clip.licence,
        )  # fmt: skip
        kept_in += [finding for finding in checker.check(record) if finding.level == "error"]
    report = checker.report(dataset.name)
    report.findings[:0] = kept_in
    return report


def _leg_length(offsets: NDArray[np.float32]) -> float:
    return float(sum(np.linalg.norm(offsets[JOINT_INDEX[name]]) for name in ("left_knee", "left_ankle")))
