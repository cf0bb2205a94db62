# SPDX-License-Identifier: GPL-3.0-or-later
"""`generate`: motion from a text, an action label or nothing, into files."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import add_pack_and_device

if TYPE_CHECKING:
    from ..motion import Motion

_EXAMPLES = """examples:
  python -m mld_engine generate --text "an old man walks slowly" --seconds 5 --out walk.npz
  python -m mld_engine generate --action kick --style angry --seed 7 --count 4 --out kick.npz --bvh kick.bvh

The .npz has AMASS's SMPL-H layout (Z up, metres); the .bvh is Y up, in centimetres.
With --count 4 the files are kick_000.npz ... kick_003.npz; take k is the take of seed + k.
"""


def add_command(commands: Any) -> None:
    """Register the command and its options."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "generate",
        help="make motion and save it",
        description="Make motion from a text, an action label or nothing, and save it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    condition = parser.add_mutually_exclusive_group(required=True)
    condition.add_argument("--text", metavar="T", help="what happens, in English: 'a person waves with both hands'")
    condition.add_argument("--action", metavar="LABEL", help="one of the pack's action labels (see `packs`)")
    condition.add_argument("--unconditional", action="store_true", help="any motion that the model makes up")
    parser.add_argument(
        "--style", help="one of the pack's styles, with --action (default: the seed draws one of that label, if any)"
    )
    parser.add_argument("--seconds", type=float, metavar="S", help="length (default: 4, or the pack's limit)")
    parser.add_argument("--seed", type=int, metavar="N", help="same seed, same motion (default: random, and printed)")
    parser.add_argument("--count", type=int, default=1, metavar="N", help="takes to make (default: %(default)s)")
    parser.add_argument(
        "--guidance", type=float, metavar="G", help="how closely to follow the request (default: the pack's)"
    )
    parser.add_argument("--steps", type=int, metavar="N", help="denoising steps (default: the pack's)")
    parser.add_argument(
        "--chain", action="store_true", help="chain segments where the length is over the pack's limit, up to 60 s"
    )
    add_pack_and_device(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npz", help="motion file to write")
    parser.add_argument("--bvh", type=Path, metavar="FILE.bvh", help="write the same motion as BVH, too")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check everything that can be checked, then load, make and save take by take."""
    from ..checkpoints.pack import Pack
    from ..export.amass import write_amass
    from ..export.bvh import write_bvh
    from ..request import MAX_SEED, Request

    pack = Pack.open(arguments.pack)
    request = Request.resolve(
        pack,
        text=arguments.text,
        action=arguments.action,
        style=arguments.style,
        seconds=arguments.seconds,
        seed=secrets.randbelow(MAX_SEED + 1) if arguments.seed is None else arguments.seed,
        count=arguments.count,
        guidance=arguments.guidance,
        steps=arguments.steps,
        chain=arguments.chain,
    )
    outputs: list[tuple[list[Path], Callable[[Path, Motion], None]]] = [
        (_checked_paths(arguments.out, ".npz", request.count), write_amass)
    ]
    if arguments.bvh is not None:
        outputs.append((_checked_paths(arguments.bvh, ".bvh", request.count), write_bvh))

    from ..pipeline import MotionPipeline

    pipeline = MotionPipeline.from_pack(pack, arguments.device)
    print(f"seed {request.seed}, pack {pack.name}, {pipeline.device_name}", flush=True)
    written: list[Path] = []
    warnings: list[str] = []
    try:
        with _progress(request.count * request.steps * len(request.segments)) as on_step:
            for take, motion in enumerate(pipeline.takes(request, on_step)):
                for paths, write in outputs:
                    write(paths[take], motion)
                    written.append(paths[take])
                warnings += [line for line in motion.meta.get("warnings", []) if line not in warnings]
    finally:
        # Said even when a later take fails or is interrupted: these files are whole.
        for path in written:
            print(f"wrote {path} ({request.frames} frames, {request.frames / pack.fps:g} s)")
        for line in warnings:
            print(f"mld_engine: warning: {line}", file=sys.stderr)
    return 0


def _checked_paths(path: Path, suffix: str, count: int) -> list[Path]:
    from ..export.files import check_output_path, numbered_paths

    paths = numbered_paths(path, count)
    for each in paths:
        check_output_path(each, suffix)
    return paths


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[int, int, int], None] | None]:
    """A bar over the steps of all takes, where somebody can see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(total=total, unit="step", leave=False, dynamic_ncols=True) as bar:
        yield lambda take, step, steps: bar.update(1)
