# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: one module a command, each with `add_command` and `run`.

Errors are one line on stderr. Exit status: 0 done, 1 failure, 2 bad input, 130 interrupted. The
commands import what computes when they run, so that `--help` and bad input answer at once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from .. import __version__
from ..errors import EngineError, RequestError
from . import bench, body, evaluate, fetch_text_encoder, generate, import_checkpoint, packs, prepare, serve, train
from .status import EXIT_BAD_INPUT, EXIT_FAILURE, EXIT_INTERRUPTED

_TRACEBACK_VARIABLE: Final = "MLD_ENGINE_TRACEBACK"


class _Parser(argparse.ArgumentParser):
    """argparse with its complaint on one line."""

    def error(self, message: str) -> NoReturn:
        _complain(f"{message} (see: {self.prog} --help)")
        sys.exit(EXIT_BAD_INPUT)


def main(argv: Sequence[str]) -> int:
    """Run one command; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A console of another code page must not turn a prompt in an error message into a traceback.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    # Before PyTorch loads its OpenMP: threads that spin while they wait for each other cost nothing on an idle
    # machine and a factor of ten on a busy one, and Blender beside the engine makes it a busy one.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        arguments = _parser().parse_args(argv)
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (`packs | head`) has seen enough.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except EngineError as error:
        _complain(str(error))
        return EXIT_BAD_INPUT if isinstance(error, RequestError) or error.code == "unknown_pack" else EXIT_FAILURE
    except OSError as error:
        if os.environ.get(_TRACEBACK_VARIABLE):
            raise
        where = f"{error.filename}: " if error.filename else ""
        _complain(f"{where}{error.strerror or error}. Check the path, its permissions and the free disk space.")
        return EXIT_FAILURE
    except Exception as error:
        if os.environ.get(_TRACEBACK_VARIABLE):
            raise
        _complain(f"{_describe(error)} (set {_TRACEBACK_VARIABLE}=1 to see where)")
        return EXIT_FAILURE


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m mld_engine",
        description="Motion Latent Diffusion: text or an action label in, SMPL motion out.",
        epilog="Each command has its own --help.",
    )
    parser.add_argument("--version", action="version", version=f"mld_engine {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for module in (
        generate,
        packs,
        import_checkpoint,
        fetch_text_encoder,
        body,
        bench,
        prepare,
        train,
        evaluate,
        serve,
    ):
        module.add_command(commands)
    return parser


def _describe(error: Exception) -> str:
    if isinstance(error, ImportError):
        return f"this Python has no {error.name or 'complete set of packages'}: run install_deps.py to repair it"
    return f"unexpected {type(error).__name__}: {error}"


def _complain(message: str) -> None:
    print(f"mld_engine: error: {' '.join(message.split())}", file=sys.stderr)
