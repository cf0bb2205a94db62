# SPDX-License-Identifier: GPL-3.0-or-later
"""`body`: the skinned body in the user's own SMPL file, as the add-on builds it in Blender."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

_EXAMPLES = """examples:
  python -m mld_engine body SMPLX_NEUTRAL.npz --out body.npz
  python -m mld_engine body basicModel_f_lbs_10_207_0_v1.0.0.pkl --out body.npz --betas 1.5 -0.5

SMPL (.pkl or .npz) comes from smpl.is.tue.mpg.de, SMPL-H from mano.is.tue.mpg.de, SMPL-X from
smpl-x.is.tue.mpg.de, for those who accept their licences; what is made of a file stays under its licence.
Pickles are read without running anything in them.
"""


def add_command(commands: Any) -> None:
    """Register the command and its options."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "body",
        help="make a skinned body of your own SMPL file",
        description="Make a skinned body of your own SMPL, SMPL-H or SMPL-X file: mesh, joints, weights, shapes.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, metavar="FILE", help="the model file, .npz or .pkl")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npz", help="body file to write")
    parser.add_argument(
        "--betas", type=float, nargs="+", default=[], metavar="B", help="shape to begin with, up to ten numbers"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check, compute, write, and say what it is."""
    from ..contract import body as body_file
    from ..export.files import atomic_file, check_output_path

    check_output_path(arguments.out, ".npz")
    from ..body.model_file import read_model_file

    file = read_model_file(arguments.source)
    from ..body.skinned import skinned_body

    body = skinned_body(file, arguments.betas)
    with atomic_file(arguments.out) as stream:
        stream.write(body_file.to_bytes(body))
    print(
        f"wrote {arguments.out}: {body.model}, {len(body.vertices)} vertices, {len(body.joints)} joints, "
        f"{len(body.betas)} shape parameters"
    )
    return 0
