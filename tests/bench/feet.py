# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.bench.feet --takes FOLDER`: foot lock on every character with many takes.

For each take on each character: how far a foot slides within a contact phase, how much faster the knees became, and
how deep a joint of the foot is below the ground. Run it from the repository root in an environment with bpy, with
MLD_ENGINE_PYTHON naming the engine's Python: takes that the folder lacks are made once. It reports and never fails.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import bpy

from blender_addon.retarget.source_motion import SourceMotion
from tests.bench import measures
from tests.bench.measures import Loaded
from tests.bench.rigs import BenchRig, all_rigs, characters_folder, leave, scratch_folder
from tests.bench.takes import GOLDEN, generated_takes, golden_takes
from tests.retarget import foot_oracle, mocap

CAPTURED: Final = (
    "walk", "run", "sprint", "walk_backward", "sidestep_left", "skip", "turn_left", "turn_around", "jump", "kick",
    "soccer_kick", "punch", "martial_arts", "sword_slash", "dance", "salsa", "ballet", "exercise", "crouch", "crawl",
    "sit", "get_up", "lie_down", "pick_up", "bow", "idle", "gesture", "laugh",
)  # fmt: skip
"""Actions of the captured clips in the test data; the first clip of each is taken."""
SLIDE_BAR: Final = 1.0
KNEE_BAR: Final = 1.3
SINK_BAR: Final = 5.0


@dataclass(frozen=True)
class Feet:
    """One take on one character."""

    take: str
    slide_free: float
    slide: float
    """Centimetres, the longest of all contact phases, without and with foot lock."""
    knees: float
    """`foot_oracle.knee_ratio`."""
    sink: float
    """Millimetres."""
    milliseconds: float
    """CPU time of retargeting with foot lock, for 300 frames."""

    @property
    def good(self) -> bool:
        return self.slide < SLIDE_BAR and self.knees <= KNEE_BAR and self.sink <= SINK_BAR

    def __str__(self) -> str:
        return (
            f"slide {self.slide_free:6.1f} -> {self.slide:5.2f} cm   knees x{self.knees:5.2f}   "
            f"below ground {self.sink:5.1f} mm   {self.milliseconds:4.0f} ms"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line for each character, and one for each take that misses a bar or, with --all, for every take."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.feet", description=__doc__)
    parser.add_argument("--takes", type=Path, metavar="FOLDER", help="generated takes; made where they are missing")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="of each generated take")
    parser.add_argument("--captured", action="store_true", help="also captured clips from the test data")
    parser.add_argument("--rigs", nargs="+", metavar="NAME", help="only these characters, as tests.bench.retarget does")
    parser.add_argument("--synthetic", type=int, default=8, metavar="N", help="how many random humanoids")
    parser.add_argument("--all", action="store_true", help="a line for every take")
    options = parser.parse_args(arguments)
    takes = dict(_takes(options.takes, options.seeds, options.captured))
    print(
        f"{len(takes)} takes; bars: slide < {SLIDE_BAR:g} cm, knees <= x{KNEE_BAR:g} (of each knee's own fastest "
        f"moment, at least {foot_oracle.CALM_KNEE:g} degrees/s), below ground <= {SINK_BAR:g} mm"
    )
    with scratch_folder() as folder:
        for rig in all_rigs(options.synthetic, Path(folder)):
            if not options.rigs or rig.name in options.rigs:
                _report(rig, takes, options.all)
    return 0


def _takes(folder: Path | None, seeds: int, captured: bool) -> Iterator[tuple[str, SourceMotion]]:
    yield from golden_takes(list(GOLDEN)).items()
    if folder is not None:
        yield from generated_takes(folder, seeds).items()
    if captured:
        for action in CAPTURED:
            yield f"captured {action}", mocap.clip(characters_folder().parent, action)


def _report(rig: BenchRig, takes: dict[str, SourceMotion], every: bool) -> None:
    character = measures.load(rig)
    rows = [measure(character, name, motion) for name, motion in takes.items()]
    largest = {name: max(getattr(row, name) for row in rows) for name in ("slide_free", "slide", "knees", "sink")}
    typical = statistics.median(row.milliseconds for row in rows)
    worst = Feet("", **largest, milliseconds=typical)
    print(f"{rig.name:22s} {worst}   misses {sum(not row.good for row in rows)} of {len(rows)}")
    for row in rows:
        if every or not row.good:
            print(f"    {'' if row.good else '!'} {row.take:45s} {row}")


def measure(character: Loaded, take: str, motion: SourceMotion) -> Feet:
    bpy.context.scene.render.fps = round(motion.fps)
    free = character.drive(motion, False)
    begun = time.process_time()
    locked = character.drive(motion, True)
    spent = time.process_time() - begun
    legs = {role: bone for role, bone in character.joints.items() if role.endswith(("hip", "knee", "ankle", "foot"))}
    heads = [measures.joint_heads(character, driven, legs) for driven in (free, locked)]
    rest = {role: character.rig.rest_world[character.rig.index(bone), :3, 3] for role, bone in legs.items()}
    slides = [100.0 * float(foot_oracle.slides(places, locked.track.contacts).max(initial=0.0)) for places in heads]
    return Feet(
        take,
        slide_free=slides[0],
        slide=slides[1],
        knees=foot_oracle.knee_ratio(heads[0], heads[1], motion.fps),
        sink=1000.0 * foot_oracle.deepest(heads[1], rest),
        milliseconds=1000.0 * spent * 300.0 / motion.frames,
    )


if __name__ == "__main__":
    leave(main())
