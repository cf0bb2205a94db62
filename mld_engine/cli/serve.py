# SPDX-License-Identifier: GPL-3.0-or-later
"""`serve`: the subprocess behind the Blender add-on."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from .options import add_pack_and_device
from .status import EXIT_INTERRUPTED


def add_command(commands: Any) -> None:
    """Register the command and its options."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "serve",
        help="answer requests over stdin and stdout (what Blender starts)",
        description="Load once and answer many requests over stdin and stdout, in the frames that "
        "mld_engine/contract/protocol.py describes. Ends when stdin does. Exit status 3: the client "
        "sent no valid messages, or speaks another version of the protocol.",
    )
    add_pack_and_device(parser)
    parser.add_argument("--log-dir", type=Path, metavar="DIR", help="write engine.log there (default: log to stderr)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve, then leave at once."""
    from ..serve.server import serve

    try:
        status = serve(arguments.pack, arguments.device, arguments.log_dir)
    except KeyboardInterrupt:
        status = EXIT_INTERRUPTED
    # The reader still waits in the pipe and PyTorch takes a while to fold up; nothing of either is needed.
    if sys.stderr is not None:
        sys.stderr.flush()
    os._exit(status)
