# SPDX-License-Identifier: GPL-3.0-or-later
"""`prepare`: motion from elsewhere into the one format that training reads."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..errors import EngineError, RequestError
from .options import read_spoken
from .status import EXIT_FAILURE

if TYPE_CHECKING:
    from ..data.sources.folder import FolderOptions
    from ..data.sources.source import Source

_CSV: Final = """
The CSV has one row a clip and the column `file` (relative to SRC; for `blend` the name of the Action). It may
have: captions (separated by |), captions_mirrored, action, action_mirrored, style, start and end (seconds;
several rows cut one file into clips), split (train, val, test), licence, source.
"""


def add_command(commands: Any) -> None:
    """Register the command and its layouts."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "prepare",
        help="bring motion data into the format that `train` reads",
        description="Bring motion data into the format that `train` reads: one folder, memory-mapped. Each clip is "
        "checked on its way (facing, ground, units, twist, captions, jumps, duplicates); what is left out is told with "
        "the reason, on stdout and in checks.json.",
    )
    layouts = parser.add_subparsers(title="layouts", dest="layout", metavar="LAYOUT", required=True)
    _add_published(layouts)
    _add_folders(layouts)
    _add_packed(layouts)
    _add_augment(layouts)
    _add_select(layouts)
    check = layouts.add_parser(
        "check",
        help="check a data set again and print the report",
        description="Check a data set again and print the report, with what was left out when it was made.",
    )
    check.add_argument("dataset", type=Path, metavar="DATASET", help="folder that `prepare` wrote")
    check.add_argument("--strict", action="store_true", help="exit with status 1 where there is an error")
    check.set_defaults(run=run_check)


def run_check(arguments: argparse.Namespace) -> int:
    """Print the report of a data set."""
    from ..data.prepare import check_again

    report = check_again(arguments.dataset)
    print(report.text())
    return EXIT_FAILURE if arguments.strict and report.errors else 0


def run_packed(arguments: argparse.Namespace) -> int:
    """Write the data set and say what is in it."""
    from ..checkpoints.pack import Pack
    from ..data.sources import packed

    encoder = Pack.open().config.text_encoder
    assert encoder is not None, "the default pack reads texts"
    packed.prepare(arguments.source, arguments.target, encoder)
    _tell(arguments.target)
    return 0


def run_augment(arguments: argparse.Namespace) -> int:
    """Write a data set with more words and more motion."""
    from ..augment.dataset import Amounts, augment
    from ..augment.grammar import ENGLISH, Grammar
    from ..data.embeddings import copy_text_tables
    from ..data.store import Dataset, DatasetWriter

    try:
        grammar = Grammar.read(arguments.words or ENGLISH)
    except (OSError, ValueError) as error:
        raise RequestError("bad_words", f"{error}.", f"Start from a copy of {ENGLISH}.") from error
    spoken = read_spoken(arguments.sentences)
    source = Dataset.open(arguments.source)
    given = {name: getattr(arguments, name) for name in ("captions", "pool", "spoken", "space", "time", "speed")}
    amounts = Amounts(**{name: amount for name, amount in given.items() if amount is not None})
    target: Path = arguments.target
    with DatasetWriter(target, name=target.name, fps=source.fps, offsets=source.offsets) as writer:
        augment(source, writer, grammar, spoken, amounts, arguments.seed)
        writer.add_file(lambda folder: copy_text_tables(source.folder, folder))
    _tell(target)
    return 0


def run_select(arguments: argparse.Namespace) -> int:
    """Write a data set of some clips of another one."""
    from ..data.embeddings import copy_text_tables
    from ..data.store import Dataset, DatasetWriter

    source, target = Dataset.open(arguments.source), arguments.target
    unknown = sorted(set(arguments.licence) - set(source.licences))
    if unknown:
        raise RequestError(
            "bad_licence",
            f"{source.folder} has no clip under {', '.join(map(repr, unknown))}.",
            f"There are: {', '.join(source.licences) or 'none stated'}.",
        )
    with DatasetWriter(target, name=target.name, fps=source.fps, offsets=source.offsets) as writer:
        for clip in source.clips:
            if clip.licence in arguments.licence:
                writer.add(source.record(clip))
        writer.add_file(lambda folder: copy_text_tables(source.folder, folder))
    _tell(target)
    return 0


def _add_select(layouts: Any) -> None:
    parser = layouts.add_parser(
        "select",
        help="the clips of a data set that have certain licences",
        description="Write a data set of the clips of another one that have one of the given licences, exactly as they "
        "are named there, for a model whose use should not be bound by the rest.",
    )
    parser.add_argument("source", type=Path, metavar="SRC", help="data set that `prepare` wrote")
    parser.add_argument("target", type=Path, metavar="DST", help="data set folder to write; must not exist")
    parser.add_argument(
        "--licence", action="append", required=True, metavar="NAME", help="licence of clips to take; may be repeated"
    )
    parser.set_defaults(run=run_select)


def _add_packed(layouts: Any) -> None:
    packed = layouts.add_parser(
        "packed",
        help="motion.npz, clips.json, texts.json and emb.npz in one folder",
        description="Read the compact layout: byte planes in motion.npz, captions with their MiniLM embeddings.",
    )
    packed.add_argument("source", type=Path, metavar="SRC", help="folder with motion.npz, clips.json, emb.npz ...")
    packed.add_argument("target", type=Path, metavar="DST", help="data set folder to write; must not exist")
    packed.set_defaults(run=run_packed)


def _add_augment(layouts: Any) -> None:
    parser = layouts.add_parser(
        "augment",
        help="a data set with more words and more motion, made from another one",
        description="Write a data set with further sentences for its clips, with the arms of one clip on the body of "
        "another, with one clip after another, and with clips made faster and slower. Held-out splits keep their own "
        "captions and get compositions of their own clips, a tenth as many.",
    )
    parser.add_argument("source", type=Path, metavar="SRC", help="data set that `prepare` wrote")
    parser.add_argument("target", type=Path, metavar="DST", help="data set folder to write; must not exist")
    counted = {
        "captions": "sentences of the grammar added to every training clip",
        "pool": "different sentences of one action and style that these are drawn from",
        "spoken": "sentences written one by one, added to every training clip; more where there are few clips",
        "space": "clips with the arms of another",
        "time": "clips that go over into another",
        "speed": "clips made faster or slower",
    }
    for name, what in counted.items():
        parser.add_argument(f"--{name}", type=_count, metavar="N", help=what)
    parser.add_argument("--words", type=Path, metavar="FILE", help="JSON file with the words instead of ours")
    parser.add_argument(
        "--sentences", type=Path, metavar="FILE", help="JSON file with written sentences instead of ours"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the same seed makes the same (default 0)")
    parser.set_defaults(run=run_augment)


def _add_published(layouts: Any) -> None:
    for name, what in (("humanml3d", "HumanML3D"), ("kit", "KIT-ML")):
        parser = _layout(
            layouts,
            name,
            f"{what} in its published layout",
            f"Read {what} as its scripts leave it: new_joints or new_joint_vecs, texts (parts with a time span become "
            "clips of their own), train.txt, val.txt, test.txt, Mean.npy, Std.npy. Captions of the mirrored M clips "
            "become the mirrored captions of the clips themselves.",
            _open_published,
        )
        if name == "humanml3d":
            parser.add_argument("--scale", type=_positive, default=1.0, metavar="X", help="metres of one unit")
    for name, what, fps in (("humanact12", "HumanAct12", 20.0), ("uestc", "UESTC", 30.0)):
        parser = _layout(
            layouts,
            name,
            f"{what}: ACTOR's pickle, read without running it",
            f"Read {what} as ACTOR publishes it. The pickle is read by a reader that knows numpy arrays and plain "
            "containers and refuses everything else.",
            _open_actions,
        )
        parser.add_argument(
            "--source-fps", type=_frame_rate, default=fps, metavar="FPS",
            help=f"frame rate of the poses, which the files do not tell (default {fps:g})",
        )  # fmt: skip
        if name == "humanact12":
            _add_held_out(parser)


def _add_folders(layouts: Any) -> None:
    amass = _layout(
        layouts,
        "amass",
        "a folder of AMASS .npz files",
        "Read SMPL, SMPL-H or SMPL-X files of AMASS from a folder and all below. Gender and betas are not used." + _CSV,
        _open_amass,
    )
    amass.add_argument("--scale", type=_positive, default=1.0, metavar="X", help="metres of one unit of the path")
    bvh = _layout(
        layouts,
        "bvh",
        "a folder of BVH files of any humanoid skeleton",
        "Read BVH files from a folder and all below. The bones are found as on an armature in Blender; unit and up "
        "axis play no part." + _CSV,
        _open_bvh,
    )
    blend = _layout(
        layouts,
        "blend",
        "the Actions of a .blend's armatures",
        "Let Blender play every Action of every armature in a .blend and read the motion." + _CSV,
        _open_blend,
    )
    blend.add_argument(
        "--blender", required=True, metavar="PATH", help="Blender 4.2 or newer, or a Python that has the bpy module"
    )
    for parser in (amass, bvh, blend):
        parser.add_argument(
            "--captions", type=Path, metavar="CSV", help="captions and labels (default: captions.csv beside the motion)"
        )
        parser.add_argument(
            "--captions-from-names", action="store_true", help="words of the file name for what has no row in the CSV"
        )
        parser.add_argument(
            "--drop", type=_count, default=0, metavar="N",
            help="frames to leave out at the start of every file, such as CMU's 16 that come from a T-pose",
        )  # fmt: skip
        parser.add_argument("--source-name", default="", metavar="NAME", help="name of the source, for the model card")
        _add_held_out(parser)


def _layout(
    layouts: Any, name: str, summary: str, description: str, open_source: Callable[[argparse.Namespace], Source]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = layouts.add_parser(
        name, help=summary, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, metavar="SRC", help="what to read")
    parser.add_argument("target", type=Path, metavar="DST", help="data set folder to write; must not exist")
    parser.add_argument("--fps", type=_frame_rate, default=30.0, help="frame rate of the data set (default 30)")
    parser.add_argument("--licence", default="", metavar="TEXT", help="licence of the clips, for the model card")
    parser.add_argument("--strict", action="store_true", help="write nothing where a clip or a file has to be left out")
    parser.set_defaults(run=lambda arguments: _run(arguments, open_source))
    return parser


def _add_held_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--held-out", type=_share, default=0.0, metavar="SHARE",
        help="share of the files that becomes val and test, half each, chosen by their names (default 0)",
    )  # fmt: skip


def _run(arguments: argparse.Namespace, open_source: Callable[[argparse.Namespace], Source]) -> int:
    from ..data.prepare import prepare

    try:
        report = prepare(open_source(arguments), arguments.target, strict=arguments.strict)
    except EngineError as error:
        if "report" in error.details:
            print(error.details["report"])
        raise
    print(report.text())
    _tell(arguments.target)
    return 0


def _tell(target: Path) -> None:
    from ..data.store import SPLITS, Dataset

    dataset = Dataset.open(target)
    counts = {split: sum(clip.split == split for clip in dataset.clips) for split in SPLITS}
    print(
        f"wrote {target}: {len(dataset.clips)} clips, {dataset.seconds / 3600:.2f} h at {dataset.fps:g} fps, "
        f"{len(dataset.actions)} actions, {len(dataset.styles)} styles, "
        + ", ".join(f"{split} {count}" for split, count in counts.items())
    )


def _open_published(arguments: argparse.Namespace) -> Source:
    from ..data.sources import humanml3d

    if arguments.layout == "kit":
        return humanml3d.open_source(arguments.source, humanml3d.KIT, arguments.fps, 1.0, arguments.licence)
    layout = humanml3d.HUMANML3D
    return humanml3d.open_source(arguments.source, layout, arguments.fps, arguments.scale, arguments.licence)


def _open_actions(arguments: argparse.Namespace) -> Source:
    from ..data.sources import humanact12, uestc

    rates = arguments.fps, arguments.source_fps
    if arguments.layout == "uestc":
        return uestc.open_source(arguments.source, *rates, arguments.licence)
    return humanact12.open_source(arguments.source, *rates, arguments.held_out, arguments.licence)


def _open_amass(arguments: argparse.Namespace) -> Source:
    from ..contract.skeleton import REST_OFFSETS
    from ..data.sources import amass
    from ..data.sources.source import Source

    found = amass.read(arguments.source, _options(arguments), arguments.scale)
    return Source("AMASS", arguments.fps, REST_OFFSETS, found)


def _open_bvh(arguments: argparse.Namespace) -> Source:
    from ..contract.skeleton import REST_OFFSETS
    from ..data.sources import bvh
    from ..data.sources.source import Source

    return Source("BVH", arguments.fps, REST_OFFSETS, bvh.read(arguments.source, _options(arguments)))


def _open_blend(arguments: argparse.Namespace) -> Source:
    from ..contract.skeleton import REST_OFFSETS
    from ..data.sources import blend
    from ..data.sources.source import Source

    found = blend.read(arguments.source, arguments.blender, _options(arguments))
    return Source("Actions", arguments.fps, REST_OFFSETS, found)


def _options(arguments: argparse.Namespace) -> FolderOptions:
    from ..data.sources.folder import FolderOptions

    return FolderOptions(
        labels=arguments.captions,
        names=arguments.captions_from_names,
        fps=arguments.fps,
        drop=arguments.drop,
        held_out=arguments.held_out,
        licence=arguments.licence,
        source=arguments.source_name,
    )


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _frame_rate(text: str) -> float:
    number = float(text)
    if not 1 <= number <= 240:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to 240")
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number
