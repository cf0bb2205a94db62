# SPDX-License-Identifier: GPL-3.0-or-later
"""`train`: a VAE, a denoiser, or both and the pack, from a prepared data set; or what a finished pack becomes."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from . import train_from_pack
from .options import DEVICES

if TYPE_CHECKING:
    from ..train.config import Values
    from ..train.run import TrainingRun

_STAGES: Final = ("all", "vae", "denoiser", "evaluator", *train_from_pack.STAGES)
_PRESETS: Final = ("default", "small", "paper", "tiny")
_EXAMPLES: Final = """examples:
  python -m mld_engine prepare packed motion dataset
  python -m mld_engine train --data dataset --out run --minutes 20
  python -m mld_engine train vae --data dataset --out run8 --set vae.tokens=8 --steps 20000
  python -m mld_engine train denoiser --data dataset --out run8
  python -m mld_engine train --data dataset --out run --resume
  python -m mld_engine train evaluator --data dataset --out run --minutes 1
  python -m mld_engine train denoiser --start research --data dataset --out better --minutes 20
  python -m mld_engine train vae --start research --set train_vae.encoder=false --data dataset --out crisper
  python -m mld_engine train distill --teacher run/pack --data dataset --out fast --evaluator run/evaluator
  python -m mld_engine train teach --pack research --data myclips --out packs/research-mine --minutes 10
  python -m mld_engine train words --pack run/pack --data dataset --evaluator run/evaluator --out worded

stages: vae, then denoiser; all (the default) trains both and writes OUT/pack. evaluator trains the network that
`evaluate` judges motion with, into OUT/evaluator. distill makes a few-step student of a pack, teach a pack that can
more, words one that understands more sentences. A killed run loses less than a minute: call it again with --resume.
With --minutes the learning rate follows the clock; without, a run is decided by its configuration and seed. The
configuration is printed, and stored in OUT and in the pack.

teach: prepare your clips with labels or captions first (`prepare bvh --help`); a caption such as "^circle both arms",
with its verbs marked, is put into many sentences. Blender lists the new pack if --out is in the folder that its
"Open Folder of Models" opens (panel MLD, menu of the model), after "Look for Models" there.
"""


def add_command(commands: Any) -> None:
    """Register the command and its options."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "train",
        help="train a model on prepared motion",
        description="Train the motion VAE and the latent denoiser, and make a pack of them.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", nargs="?", choices=_STAGES, default="all", help="what to train (default: %(default)s)")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="data set that `prepare` wrote")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="run folder: logs, checkpoints, pack")
    parser.add_argument(
        "--preset", choices=_PRESETS, default="default",
        help="default: our recipe; paper: that of Chen et al., 2023; tiny: seconds on a CPU (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--config", type=Path, metavar="FILE.toml", help="what differs from the preset, as TOML")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="changes",
        help="change one setting: vae.tokens=8, losses.foot_velocity=0.5 (may be repeated)",
    )  # fmt: skip
    parser.add_argument(
        "--start", metavar="NAME_OR_DIR", help="train this pack further instead of new networks (vae, denoiser, all)"
    )
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--minutes", type=float, metavar="M", help="wall-clock box for the whole command")
    pace.add_argument("--steps", type=int, metavar="N", help="steps of each stage")
    parser.add_argument("--seed", type=int, metavar="N", help="of weights, order and noise (default: the preset's, 0)")
    parser.add_argument("--device", default="auto", choices=DEVICES, help="where to compute (default: %(default)s)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in OUT, as it was configured")
    train_from_pack.add_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train; where this GPU cannot capture the steps as graphs, once more without them from the last checkpoint."""
    from ..device import choose_device, device_name
    from ..train.config import dump, read_values, store, with_change
    from ..train.run import CONFIG_FILE, TrainingRun, sole_run
    from ..train.runner import CaptureError

    train_from_pack.check(arguments)
    folder = train_from_pack.configuration_folder(arguments)
    values = _configuration(arguments, folder)
    device = choose_device(arguments.device)
    if device.type == "cpu" and arguments.device == "auto":
        print("mld_engine: warning: there is no GPU here; training computes on the CPU", file=sys.stderr)
    print(f"# {device_name(device)}\n{dump(values)}", flush=True)
    if arguments.stage in train_from_pack.STAGES:
        return train_from_pack.run(arguments, values, folder, device)
    training = TrainingRun(arguments.out, values, arguments.data, device, lambda line: print(line, flush=True))
    try:
        with sole_run(arguments.out):
            store(arguments.out / CONFIG_FILE, values)
            print(training.describe(), flush=True)
            _train(training, arguments.stage)
    except CaptureError as error:
        print(f"mld_engine: warning: {error.message} Training goes on without graphs.", file=sys.stderr, flush=True)
        values = with_change(read_values(arguments.out / CONFIG_FILE), "performance", "graphs", False)
        store(arguments.out / CONFIG_FILE, values)
        command = [sys.executable, "-m", "mld_engine", "train", arguments.stage, "--resume", "--device", device.type]
        return subprocess.call([*command, "--data", str(arguments.data), "--out", str(arguments.out)])
    return 0


def _train(training: TrainingRun, stage: str) -> None:
    if stage == "evaluator":
        training.train_evaluator()
        print(f"wrote {training.folder / stage}")
        return
    if stage != "denoiser":
        training.train_vae(only=stage == "vae")
    if stage != "vae":
        training.train_denoiser(only=stage == "denoiser")
    if stage != "vae" or training.keeps_latents:
        print(f"wrote {training.write()}")


def _configuration(arguments: argparse.Namespace, folder: Path) -> Values:
    """Complete and checked, from what `folder` has. Raises RequestError (bad_config, run_exists, no_run)."""
    from ..errors import RequestError
    from ..train.config import load_values, parse, with_change
    from ..train.run import CONFIG_FILE

    stored, changes = folder / CONFIG_FILE, list(arguments.changes)
    if arguments.start is not None:
        changes.insert(0, f"pack.start={arguments.start}")
    if arguments.resume and not stored.is_file():
        raise RequestError("no_run", f"{arguments.out} holds no run to go on with.", "Leave --resume out to start one.")
    if stored.is_file() and (arguments.resume or arguments.stage in ("denoiser", "evaluator")):
        values = load_values(file=stored, changes=changes)
    elif arguments.stage != "teach" and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        hint = "Add --resume to go on with it, or give another folder."
        raise RequestError("run_exists", f"There is something in {arguments.out} already.", hint)
    else:
        values = load_values(arguments.preset, arguments.config, changes)
    if arguments.seed is not None:
        values = with_change(values, "", "seed", arguments.seed)
    if arguments.minutes is not None:
        values = with_change(values, "", "minutes", arguments.minutes)
    if arguments.steps is not None:
        values = with_change(values, "", "minutes", 0.0)
        for section in ("distill", "teach", "words", "train_vae", "train_denoiser", "train_evaluator"):
            values = with_change(values, section, "steps", arguments.steps)
    values = train_from_pack.changed(arguments, values)
    parse(values)
    return values
