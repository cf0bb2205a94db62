# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..augment.spoken import Spoken

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


def read_spoken(file: Path | None) -> Spoken:
    """The written sentences of a JSON file, or ours. Raises RequestError (bad_words)."""
    from ..augment.spoken import SENTENCES, Spoken
    from ..errors import RequestError

    try:
        return Spoken.read(file or SENTENCES)
    except (OSError, ValueError) as error:
        raise RequestError("bad_words", f"{error}.", f"Start from a copy of {SENTENCES}.") from error
