# SPDX-License-Identifier: GPL-3.0-or-later
"""`fetch-text-encoder`: the one command that downloads something, because it was asked to."""

from __future__ import annotations

import argparse
from typing import Any

_DETAILS = """The files go to the Hugging Face hub's cache, where other programs find them too (HF_HOME moves it).
  clip  timm/vit_large_patch14_clip_224.openai, 1.7 GB, for checkpoints of MLD
  t5    sentence-transformers/sentence-t5-large, 0.7 GB, for checkpoints of MotionLCM

Nothing else in this program downloads anything. Without this command, MLD_CLIP_WEIGHTS (a file:
open_clip_model.safetensors, model.safetensors of openai/clip-vit-large-patch14, or ViT-L-14.pt) and
MLD_T5_MODEL (a folder of sentence-transformers) name local copies.
"""


def add_command(commands: Any) -> None:
    """Register the command and its options."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "fetch-text-encoder",
        help="download CLIP or Sentence-T5 for imported packs",
        description="Download the text encoder that imported packs need.",
        epilog=_DETAILS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("encoder", choices=("clip", "t5"), help="which one")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Download and print where the files are."""
    from ..conditions.download import download
    from ..conditions.sources import SOURCES

    download(SOURCES[arguments.encoder], lambda line: print(line, flush=True))
    return 0
