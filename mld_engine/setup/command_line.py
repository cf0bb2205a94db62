# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of install_deps.py and what each of them does."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from . import blender, build, demo, plan, testing
from .console import Console
from .engine import EngineRequest, ensure_engine, planned_commands
from .errors import SetupError
from .machine import Machine, detect_machine
from .pythons import find_python
from .requirements import BLENDER_PYTHON, BPY

SOURCE_ROOT: Final = Path(__file__).resolve().parent.parent.parent
"""The folder of install_deps.py and mld_engine: a checkout, or the installed extension."""

EXIT_FAILED: Final = 1
EXIT_STOPPED: Final = 130

_DESCRIPTION: Final = """\
Sets up Motion Latent Diffusion. Without --demo, --test or --build it makes the engine's own Python
environment and prints the path of that Python as its last line. Running it again does nothing; running
it after an interruption goes on where it stopped."""

_EPILOG: Final = "Pytest's own arguments may follow --test: --test tests/engine -x -k guidance"


def run(arguments: Sequence[str]) -> int:
    """Carry out a command line; the return value is the exit status: 0, 1 after a failure, 2 for a wrong option."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and not options.test:
        parser.error(f"unknown argument: {rest[0]}")
    _prepare_streams()
    console = Console(as_json=options.progress_json)
    try:
        return _carry_out(options, rest, console)
    except SetupError as error:
        console.error(error)
        return EXIT_FAILED
    except KeyboardInterrupt:
        console.error(SetupError("Stopped.", "Run this again to go on where it stopped."))
        return EXIT_STOPPED
    except BrokenPipeError:
        # Whoever read our output is gone; Python would complain once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        console.error(
            SetupError(
                f"The system refused: {error.strerror or error}{place}.",
                "Check the free disk space and the rights on that folder, then run this again.",
            )
        )
        return EXIT_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="install_deps.py",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--demo",
        nargs="?",
        const=demo.DEFAULT_PROMPT,
        metavar="PROMPT",
        help="from a prompt to a moving character: take.npz, demo.blend and the picture demo.png "
        f'(default prompt: "{demo.DEFAULT_PROMPT}")',
    )
    what.add_argument("--test", action="store_true", help="run every test; pytest's own arguments may follow")
    what.add_argument("--build", action="store_true", help="write the extension zip for Blender to dist/")
    parser.add_argument("--venv", type=Path, metavar="DIR", help="the engine's environment (default: .venv)")
    parser.add_argument("--cpu", action="store_true", help="PyTorch for the CPU, also where there is a GPU")
    parser.add_argument("--clip", action="store_true", help="OpenCLIP as well, for packs with CLIP text encoders")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where --demo writes (default: out/demo)")
    parser.add_argument("--seed", type=int, default=demo.DEFAULT_SEED, help="the seed of --demo (default: %(default)s)")
    parser.add_argument(
        "--blender", metavar="PATH", help="your own Blender for --demo or --test, in place of its Python module"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the commands and do nothing")
    parser.add_argument("--progress-json", action="store_true", help="progress as one JSON object a line")
    return parser


def _prepare_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        # A prompt in any script must not fail on a console that cannot show it.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if hasattr(signal, "SIGTERM"):
        signal.signal(signal.SIGTERM, _stop)


def _stop(_number: int, _frame: Any) -> None:
    raise KeyboardInterrupt


def _carry_out(options: argparse.Namespace, pytest_arguments: list[str], console: Console) -> int:
    engine = EngineRequest(
        venv=(options.venv or SOURCE_ROOT / ".venv").absolute(),
        cpu=options.cpu,
        clip=options.clip,
        test_tools=options.test,
        any_torch=options.test or options.demo is not None,
    )
    if options.dry_run:
        return _dry_run(options, engine, pytest_arguments, console)
    if options.build:
        build.build_extension(SOURCE_ROOT, engine.venv, console)
        return 0
    if options.test:
        return testing.run_tests(SOURCE_ROOT, engine, options.blender, pytest_arguments, console)
    if options.demo is not None:
        out = (options.out or Path("out") / "demo").absolute()
        demo.run_demo(SOURCE_ROOT, engine, demo.DemoRequest(options.demo, options.seed, out), options.blender, console)
        return 0
    console.result(str(ensure_engine(engine, SOURCE_ROOT, console)))
    return 0


def _dry_run(options: argparse.Namespace, engine: EngineRequest, pytest_arguments: list[str], console: Console) -> int:
    machine = detect_machine()
    if not options.build:
        explanations, commands = planned_commands(engine, machine)
        for line in explanations:
            console.note(f"# {line}")
        _print_commands(commands, machine, console)
    if options.test or (options.demo is not None and not options.blender):
        for version in BPY if options.test else [blender.DEFAULT_VERSION]:
            console.note(f"# Blender {version} as a Python module, for Python {'.'.join(map(str, BLENDER_PYTHON))}")
            groups = [plan.bpy_group(version), *([plan.test_tools_group(lint=False)] if options.test else [])]
            folder = str(blender.wheel_environment(engine.venv, version, console).folder)
            base = find_python(BLENDER_PYTHON) or "python3.11"
            _print_commands(plan.commands(folder, base, groups, machine.system), machine, console)
    if options.build:
        console.note(f"# would write {build.archive_path(SOURCE_ROOT)}")
    python = plan.venv_python(str(engine.venv), machine.system)
    for command in testing.commands(SOURCE_ROOT, Path(python), pytest_arguments) if options.test else []:
        console.note(plan.shell_line(command, machine.system))
    if not (options.test or options.build):
        console.result(python)
    return 0


def _print_commands(commands: Sequence[tuple[str, tuple[str, ...]]], machine: Machine, console: Console) -> None:
    for title, command in commands:
        console.note(f"# {title}")
        console.note(plan.shell_line(command, machine.system))
