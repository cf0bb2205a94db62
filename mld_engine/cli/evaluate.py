# SPDX-License-Identifier: GPL-3.0-or-later
"""`evaluate`: tables of how well a pack does, beside the captured motion itself."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import DEFAULT_PACK, DEVICES

_MARKDOWN_FILE, _JSON_FILE = "report.md", "report.json"
KINDS = ("auto", "own", "t2m", "kit", "humanact12", "uestc")

if TYPE_CHECKING:
    from ..evaluate.report import Report

_EXAMPLES = """examples:
  python -m mld_engine evaluate --data dataset --evaluator run/evaluator
  python -m mld_engine evaluate --pack run/pack --data dataset --evaluator run/evaluator --out report
  python -m mld_engine evaluate --data humanml3d --evaluator deps/t2m --texts HumanML3D/texts \\
      --joint-vecs HumanML3D/new_joint_vecs
  python -m mld_engine evaluate --ablation runs --data dataset --evaluator run/evaluator --repeats 5
"""


def add_command(commands: Any) -> None:
    """Register the command and its options."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "evaluate",
        help="measure a pack on held-out motion",
        description="Measure a pack on the held-out clips of a data set: reconstruction (MPJPE, PA-MPJPE, ACCL), "
        "generation (R-precision, FID, MM-Dist, Diversity, spread within labels, MultiModality, action accuracy), what "
        "an animator sees (sliding, jerk, feet and ground, root drift, loop seam), and speed. The captured motion's "
        "own row stands beside it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--pack", default=DEFAULT_PACK, metavar="NAME_OR_DIR", help="pack to measure (default: %(default)s)"
    )
    which.add_argument(
        "--ablation",
        type=Path,
        metavar="FOLDER",
        help="measure every pack in FOLDER (FOLDER/*, FOLDER/*/pack): a row each",
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="data set that `prepare` wrote")
    parser.add_argument(
        "--evaluator", type=Path, metavar="FOLDER", help="evaluator to measure with (default: the pack's own folder)"
    )
    parser.add_argument(
        "--evaluator-kind",
        default="auto",
        choices=KINDS,
        help="our own, or the published one of HumanML3D, KIT-ML, HumanAct12 or UESTC in the folder of --evaluator "
        "(default: the one that is there)",
    )
    parser.add_argument("--texts", type=Path, metavar="FOLDER", help="for t2m and kit: the published folder texts")
    parser.add_argument(
        "--joint-vecs", type=Path, metavar="FOLDER", help="for t2m and kit: the published folder new_joint_vecs"
    )
    parser.add_argument(
        "--glove", type=Path, metavar="FOLDER", help="for t2m and kit: the folder of our_vab_* (default: beside them)"
    )
    parser.add_argument("--splits", default="val,test", metavar="NAMES", help="held-out splits (default: %(default)s)")
    parser.add_argument("--clips", type=int, default=1000, metavar="N", help="clips at most (default: %(default)s)")
    parser.add_argument(
        "--repeats", type=int, default=20, metavar="N", help="repeats of each row (default: %(default)s)"
    )
    parser.add_argument(
        "--guidance", type=float, metavar="G", help="guidance scale for texts (default: the pack's own)"
    )
    parser.add_argument("--steps", type=int, metavar="N", help="denoising steps (default: the pack's own)")
    parser.add_argument(
        "--free-text", type=int, default=0, metavar="N", help="N takes of each of the 282 free sentences, too"
    )
    parser.add_argument("--multimodality", action="store_true", help="100 captions x 30 takes, too: slow without a GPU")
    parser.add_argument("--no-speed", action="store_true", help="leave out time and operations of a take")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write report.md and report.json there")
    parser.add_argument("--device", default="auto", choices=DEVICES, help="where to compute (default: %(default)s)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    from ..checkpoints.pack import Pack
    from ..data.store import SPLITS, Dataset
    from ..device import choose_device
    from ..errors import RequestError
    from ..evaluate.published.opening import EvaluatorChoice
    from ..evaluate.report import Choices, compare, evaluate
    from ..export.files import check_output_path

    if arguments.repeats < 1 or arguments.clips < 2:
        raise RequestError(
            "bad_count", "A table needs one repeat and two clips or more.", "Correct --repeats or --clips."
        )
    if arguments.free_text < 0:
        raise RequestError("bad_count", "There cannot be fewer than 0 takes of a sentence.", "Correct --free-text.")
    splits = tuple(arguments.splits.split(","))
    if unknown := [split for split in splits if split not in SPLITS]:
        raise RequestError(
            "bad_splits", f"There is no split {unknown[0]!r}; there are {', '.join(SPLITS)}.", "Correct --splits."
        )
    if arguments.out is not None:
        check_output_path(arguments.out / _MARKDOWN_FILE, ".md")
    choices = Choices(
        splits=splits,
        clips=arguments.clips,
        repeats=arguments.repeats,
        guidance=arguments.guidance,
        steps=arguments.steps,
        free_text=arguments.free_text,
        multimodality=arguments.multimodality,
        speed=not arguments.no_speed,
        evaluator=EvaluatorChoice(arguments.evaluator_kind, arguments.texts, arguments.joint_vecs, arguments.glove),
    )
    dataset, device = Dataset.open(arguments.data), choose_device(arguments.device)

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    if arguments.ablation is not None:
        report = compare(_packs_in(arguments.ablation), dataset, arguments.evaluator, device, choices, say)
    else:
        pack = Pack.open(arguments.pack)
        report = evaluate(pack, dataset, arguments.evaluator or pack.directory, device, choices, say)
    print(report.markdown())
    if arguments.out is not None:
        _write(report, arguments.out)
    return 0


def _packs_in(folder: Path) -> list[Any]:
    """Raises RequestError (no_packs)."""
    from ..checkpoints.pack import CONFIG_FILE, Pack
    from ..errors import RequestError

    found = sorted({path.parent for pattern in ("*", "*/pack") for path in folder.glob(f"{pattern}/{CONFIG_FILE}")})
    if not found:
        raise RequestError("no_packs", f"There is no pack in {folder}.", "Name the folder that holds the runs.")
    return [Pack.open(path) for path in found]


def _write(report: Report, folder: Path) -> None:
    from ..export.files import atomic_file

    for name, text in ((_MARKDOWN_FILE, report.markdown()), (_JSON_FILE, json.dumps(report.values(), indent=1))):
        with atomic_file(folder / name) as stream:
            stream.write(f"{text}\n".encode())
