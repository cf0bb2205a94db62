# SPDX-License-Identifier: GPL-3.0-or-later
"""`packs`: which models are there, what they can do and under which licence."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from typing import Any

_WIDTH = 100


def add_command(commands: Any) -> None:
    """Register the command and its options."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "packs",
        help="list the packs: licence, conditions, labels, limits",
        description="List the packs that are installed: licence, conditions, action labels, styles, fps and limits. "
        "MLD_PACKS_DIR names a further folder of packs.",
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print every pack that opens; one that does not is a warning."""
    from ..checkpoints.pack import list_packs

    found = list_packs(lambda problem: print(f"mld_engine: warning: {problem}", file=sys.stderr))
    described = [pack.describe() for pack in found]
    if arguments.json:
        print(json.dumps(described, indent=2))
    else:
        print("\n\n".join(_as_text(pack) for pack in described) or "No packs are installed.")
    return 0


def _as_text(pack: dict[str, Any]) -> str:
    rows = {
        "licence": pack["licence"],
        "conditions": ", ".join(pack["conditions"]),
        "length": f"{pack['min_seconds']:g} to {pack['max_seconds']:g} s at {pack['fps']:g} fps",
        "defaults": f"{pack['steps']} steps, guidance {pack['guidance']:g}",
        "actions": ", ".join(pack["actions"]) or "none",
        "styles": ", ".join(pack["styles"]) or "none",
        "folder": pack["directory"],
        "sha256": pack["sha256"],
    }
    lines = [pack["name"]]
    for name, value in rows.items():
        lines += textwrap.wrap(
            str(value),
            _WIDTH,
            initial_indent=f"  {name:<12}",
            subsequent_indent=" " * 14,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)
