# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several commands share."""

from __future__ import annotations

import argparse
from typing import Final

DEFAULT_PACK: Final = "research"
DEVICES: Final = ("auto", "cpu", "cuda", "mps")


def add_pack_and_device(parser: argparse.ArgumentParser) -> None:
    """`--pack` and `--device`."""
    parser.add_argument(
        "--pack",
        default=DEFAULT_PACK,
        metavar="NAME_OR_DIR",
        help="pack to use: a name that `packs` lists, or a folder (default: %(default)s)",
    )
    parser.add_argument(
        "--device",
        default="auto",
        choices=DEVICES,
        help="where to compute; auto takes a CUDA GPU, else Apple's (mps), else the CPU (default: %(default)s)",
    )
