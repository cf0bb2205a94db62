# SPDX-License-Identifier: GPL-3.0-or-later
"""`train distill`, `train teach` and `train words`: training that starts from a finished pack."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .options import DEFAULT_PACK

if TYPE_CHECKING:
    import torch

    from ..train.config import Values

STAGES: Final = ("distill", "teach", "words")
_DEFAULT_MINUTES: Final = 10.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that only these stages have."""
    distill = parser.add_argument_group("distill", "a student that needs 1, 2 or 4 steps, written to RUN/pack")
    distill.add_argument("--teacher", metavar="NAME_OR_DIR", help="pack to learn from")
    distill.add_argument(
        "--evaluator",
        type=Path,
        metavar="FOLDER",
        help="measure the student beside its teacher with this evaluator; words: choose captions with it",
    )
    teach = parser.add_argument_group(
        "teach",
        "more moves for a pack, from a handful of clips. --out is the new pack's folder and gives it its name;\n"
        f"  without --minutes and --steps it takes {_DEFAULT_MINUTES:g} minutes",
    )
    teach.add_argument(
        "--pack",
        default=DEFAULT_PACK,
        metavar="NAME_OR_DIR",
        help="pack that learns, also words (default: %(default)s)",
    )
    teach.add_argument(
        "--keep",
        type=float,
        metavar="SHARE",
        help="share of the training that keeps what the pack can already, 0 to below 1 (default: 0.5)",
    )
    teach.add_argument("--label", default="", metavar="NAME", help="action label of the clips that have none")
    teach.add_argument("--licence", metavar="TEXT", help="licence of your clips, for the new pack's licence line")
    words = parser.add_argument_group(
        "words", "sentences for a pack: a text adapter, trained on the captions of --data and on written sentences"
    )
    words.add_argument(
        "--sentences", type=Path, metavar="FILE", help="JSON file with written sentences instead of ours"
    )
    teach.add_argument("--overwrite", action="store_true", help="replace the pack that lies in --out")


def check(arguments: argparse.Namespace) -> None:
    """Raises RequestError (bad_option, evaluator_missing) for what is missing, before anything is computed."""
    from ..errors import RequestError
    from ..evaluate.evaluator import check_evaluator

    if arguments.stage == "distill" and arguments.teacher is None:
        raise RequestError("bad_option", "There is no pack to learn from.", "Name it with --teacher.")
    if arguments.stage in ("distill", "words") and arguments.evaluator is not None:
        check_evaluator(arguments.evaluator)
    if arguments.stage == "teach" and not arguments.out.name:
        raise RequestError("bad_option", f"{arguments.out} gives the pack no name.", "Name a new folder with --out.")


def configuration_folder(arguments: argparse.Namespace) -> Path:
    """Where the stage keeps config.toml."""
    out: Path = arguments.out
    if arguments.stage != "teach":
        return out
    from ..train.teach import work_folder

    return work_folder(out)


def changed(arguments: argparse.Namespace, values: Values) -> Values:
    """The configuration with what the options of these stages say."""
    from ..train.config import with_change

    if arguments.stage != "teach":
        return values
    if arguments.keep is not None:
        values = with_change(values, "teach", "keep", arguments.keep)
    if arguments.licence is not None:
        values = with_change(values, "pack", "licence", arguments.licence)
    if arguments.minutes is None and arguments.steps is None and not arguments.resume:
        values = with_change(values, "", "minutes", _DEFAULT_MINUTES)
    return values


def run(arguments: argparse.Namespace, values: Values, folder: Path, device: torch.device) -> int:
    """Train from the pack; where this GPU cannot capture the steps as graphs, once more without them."""
    from ..checkpoints.pack import Pack
    from ..train.config import store, with_change
    from ..train.distill import DistillRun
    from ..train.run import CONFIG_FILE, sole_run
    from ..train.runner import CaptureError
    from ..train.teach import TeachRun
    from ..train.words_run import WordsRun
    from .options import read_spoken

    def say(line: str) -> None:
        print(line, flush=True)

    try:
        if arguments.stage == "distill":
            distillation = DistillRun(folder, values, Pack.open(arguments.teacher), arguments.data, device, say)
            with sole_run(folder):
                store(folder / CONFIG_FILE, values)
                distillation.train()
                written = distillation.write(arguments.evaluator)
        elif arguments.stage == "words":
            pack, spoken = Pack.open(arguments.pack), read_spoken(arguments.sentences)
            words = WordsRun(folder, values, pack, arguments.data, device, say, spoken, arguments.evaluator)
            with sole_run(folder):
                store(folder / CONFIG_FILE, values)
                say(words.describe())
                written = words.run()
        else:
            lesson = TeachRun(
                arguments.out, values, Pack.open(arguments.pack), arguments.data, device, say,
                label=arguments.label, overwrite=arguments.overwrite,
            )  # fmt: skip
            if not arguments.resume:
                # Only now: what a killed run left is not lost to an option that is refused.
                shutil.rmtree(folder, ignore_errors=True)
            store(folder / CONFIG_FILE, values)
            say(lesson.describe())
            written = lesson.run()
    except CaptureError as error:
        print(f"mld_engine: warning: {error.message} Training goes on without graphs.", file=sys.stderr, flush=True)
        store(folder / CONFIG_FILE, with_change(values, "performance", "graphs", False))
        return subprocess.call(_again(arguments, device))
    print(f"wrote {written}")
    return 0


def _again(arguments: argparse.Namespace, device: torch.device) -> list[str]:
    """The command that goes on with this run."""
    command = [sys.executable, "-m", "mld_engine", "train", arguments.stage, "--resume", "--device", device.type]
    command += ["--data", str(arguments.data), "--out", str(arguments.out)]
    if arguments.stage == "distill":
        evaluator = ["--evaluator", str(arguments.evaluator)] if arguments.evaluator is not None else []
        return [*command, "--teacher", str(arguments.teacher), *evaluator]
    overwrite = ["--overwrite"] if arguments.overwrite else []
    return [*command, "--pack", str(arguments.pack), "--label", arguments.label, *overwrite]
