# SPDX-License-Identifier: GPL-3.0-or-later
"""`import-checkpoint`: a pack from a published checkpoint of MLD or MotionLCM."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import RequestError

_EXAMPLES = """examples:
  python -m mld_engine import-checkpoint 1222_mld_humanml3d_FID041.ckpt packs/mld --text-encoder clip \\
      --statistics HumanML3D
  python -m mld_engine import-checkpoint 1109_mld_humanact12.ckpt packs/actions
  python -m mld_engine import-checkpoint motionlcm_humanml.ckpt packs/lcm --vae vae_humanml.ckpt \\
      --statistics HumanML3D

The checkpoint is read without running anything in it. DST is a new folder; name the folder above it in
MLD_PACKS_DIR and the pack is found by its name.
"""


def add_command(commands: Any) -> None:
    """Register the command and its options."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "import-checkpoint",
        help="make a pack of a published checkpoint",
        description="Make a pack of a checkpoint of MLD (HumanML3D, KIT, HumanAct12, UESTC, without VAE) or "
        "MotionLCM (V1, V2). What kind it is shows in the file; what does not is asked for.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, metavar="SRC", help="the .ckpt file")
    parser.add_argument("destination", type=Path, metavar="DST", help="the pack's folder, which is made")
    parser.add_argument("--vae", type=Path, metavar="FILE", help="the VAE's file, where it is another than SRC")
    parser.add_argument(
        "--text-encoder", choices=("clip", "t5"), help="what reads the texts: clip for MLD, t5 for MotionLCM"
    )
    parser.add_argument(
        "--statistics", type=Path, metavar="DIR", help="folder of Mean.npy and Std.npy of the training data"
    )
    parser.add_argument("--mean", type=Path, metavar="FILE", help="Mean.npy, where it lies elsewhere")
    parser.add_argument("--std", type=Path, metavar="FILE", help="Std.npy, where it lies elsewhere")
    parser.add_argument(
        "--actions", type=Path, metavar="FILE", help="names of the action classes, one a line, where they are unusual"
    )
    parser.add_argument(
        "--prediction", choices=("eps", "x0"), default="eps", help="what the denoiser predicts (default: %(default)s)"
    )
    parser.add_argument("--fps", type=float, metavar="N", help="frame rate of the training data, where it is unusual")
    parser.add_argument("--name", default="", help="the pack's name (default: the folder's)")
    parser.add_argument("--licence", default="", metavar="TEXT", help="one line in place of the usual licence note")
    parser.add_argument("--half", action="store_true", help="store 16-bit weights: half the size, slightly rounded")
    parser.add_argument("--overwrite", action="store_true", help="replace a pack that is there")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check the options that can be checked, import, and say what was done."""
    if arguments.fps is not None and not 1 <= arguments.fps <= 240:
        raise RequestError("bad_fps", f"The frame rate must be from 1 to 240, not {arguments.fps:g}.")
    names = _read_names(arguments.actions) if arguments.actions is not None else ()
    from ..checkpoints.official.importer import ImportOptions, import_checkpoint
    from ..checkpoints.official.statistics import MEAN_FILE, STD_FILE

    folder: Path | None = arguments.statistics
    options = ImportOptions(
        vae=arguments.vae,
        text_encoder=arguments.text_encoder,
        mean=arguments.mean or (folder / MEAN_FILE if folder else None),
        std=arguments.std or (folder / STD_FILE if folder else None),
        actions=names,
        prediction=arguments.prediction,
        fps=arguments.fps,
        name=arguments.name,
        licence=arguments.licence,
        half=arguments.half,
        overwrite=arguments.overwrite,
    )
    imported = import_checkpoint(arguments.source, arguments.destination, options)
    pack = imported.pack
    latent = f"latent {imported.variant.latent_tokens} x {imported.variant.latent_dim}, "
    print(f"recognised: {imported.variant.family}, {latent if imported.variant.latent_tokens else ''}{pack.fps:g} fps")
    if imported.dropped:
        print(f"left out: {', '.join(f'{name} ({count} tensors)' for name, count in sorted(imported.dropped.items()))}")
    if imported.inert:
        print(f"left unread: {len(imported.inert)} classes of other programs, such as {imported.inert[0]}")
    print(f"licence: {pack.licence}")
    if pack.config.text_encoder is not None:
        print(f"texts are read with {pack.config.text_encoder.name}: see fetch-text-encoder --help")
    print(f"wrote {pack.directory} (pack {pack.name}, sha256 {pack.sha256[:12]})")
    return 0


def _read_names(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise RequestError(
            "missing_actions", f"{path} cannot be read ({reason}).", "Give a text file with one name a line."
        ) from error
    return tuple(line.strip() for line in lines if line.strip())
