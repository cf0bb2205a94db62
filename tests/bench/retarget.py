# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.bench.retarget`: every character against every measure, in the Blender that this Python has.

Run it from the repository root in an environment with bpy. It reports and never fails: what misses its bar
stands below the table.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import bpy

from blender_addon.retarget.source_motion import SourceMotion
from tests.bench import measures
from tests.bench.rigs import BenchRig, all_rigs, character_files, characters_folder, leave, scratch_folder
from tests.bench.table import Row, markdown
from tests.bench.takes import GOLDEN, golden_takes, timed_take


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table (or JSON) and write it where `--out` says; always 0."""
    options = _parser().parse_args(arguments)
    motions = golden_takes(options.takes)
    with scratch_folder() as folder:
        timed_name, timed = timed_take(Path(folder))
        rows = []
        for rig in all_rigs(options.synthetic, Path(folder)):
            if not options.rigs or rig.name in options.rigs:
                sys.stderr.write(f"{rig.name}\n")
                rows.append(_measure(rig, motions, timed, options.runs))
    if not options.rigs and not character_files():
        rows.append(Row("characters", "", problem=f"skipped: no *.glb in {characters_folder()}; set MLD_TEST_DATA"))
    heading = (
        f"Retargeting in Blender {bpy.app.version_string}. Quality over the golden takes {', '.join(motions)}; "
        f"costs of {timed.frames} frames ({timed_name}), medians of {options.runs} runs. Limbs are upper arms, "
        "forearms, thighs and shins, with foot lock off and on; foot lock changes the legs alone."
    )
    text = json.dumps([row.to_dict() for row in rows], indent=1) if options.json else markdown(rows, heading)
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.retarget", description=__doc__)
    parser.add_argument("--rigs", nargs="+", metavar="NAME", help="only these characters, as the table names them")
    parser.add_argument("--takes", nargs="+", choices=list(GOLDEN), default=list(GOLDEN))
    parser.add_argument("--synthetic", type=int, default=8, metavar="N", help="how many random humanoids")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="of everything that is timed")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path, metavar="FILE")
    return parser


def _measure(rig: BenchRig, motions: Mapping[str, SourceMotion], timed: SourceMotion, runs: int) -> Row:
    character = measures.load(rig)
    detection = character.detection
    bones = f"{detection.source}, {detection.confidence:.2f}"
    if not detection.usable:
        return Row(rig.name, bones, problem=f"not mapped: {', '.join(detection.missing) or '; '.join(detection.notes)}")
    quality = measures.worst([measures.quality(character, motion) for motion in motions.values()])
    return Row(rig.name, bones, quality, measures.costs(character, timed, runs))


if __name__ == "__main__":
    leave(main())
