# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole test run: lint, engine tests, and the Blender tests in every Blender that can be had."""

from __future__ import annotations

import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from . import blender
from .blender import Blender
from .console import Console
from .engine import EngineRequest, ensure_engine
from .errors import PythonMissing, SetupError
from .parallel import in_parallel
from .process import run_lines
from .requirements import BPY

SOURCES: Final = ("blender_addon", "mld_engine", "tests", "install_deps.py")
BLENDER_TESTS: Final = Path("tests") / "blender"
NO_TEST_COLLECTED: Final = 5
MAX_EXIT_STATUS: Final = 255


@dataclass(frozen=True)
class Selection:
    """Which parts run, and the pytest arguments of each; None means that the part does not run."""

    lint: bool
    engine: tuple[str, ...] | None
    blender: tuple[str, ...] | None
    narrowed: bool
    """Whether an environment may find no test without that being a failure."""


@dataclass(frozen=True)
class Row:
    """One line of the summary."""

    name: str
    outcome: str
    """`passed`, `FAILED` or `skipped`"""
    seconds: float = 0.0
    detail: str = ""
    passed: int = 0
    failed: int = 0
    skipped: int = 0


def select(source_root: Path, arguments: Sequence[str]) -> Selection:
    """Test paths among the arguments choose the environments; without any, everything runs."""
    blender_folder = (source_root / BLENDER_TESTS).resolve()
    paths: dict[str, bool] = {}
    for argument in arguments:
        path = source_root / argument.split("::")[0]
        if not argument.startswith("-") and path.exists():
            resolved = path.resolve()
            paths[argument] = resolved == blender_folder or blender_folder in resolved.parents
    options = [argument for argument in arguments if argument not in paths]
    if not paths:
        engine = (*options, "tests", f"--ignore={BLENDER_TESTS.as_posix()}")
        return Selection(True, engine, (*options, BLENDER_TESTS.as_posix()), narrowed=bool(options))
    of_blender = [path for path, is_blender in paths.items() if is_blender]
    of_engine = [path for path, is_blender in paths.items() if not is_blender]
    return Selection(
        lint=False,
        engine=(*options, *of_engine, f"--ignore={BLENDER_TESTS.as_posix()}") if of_engine else None,
        blender=(*options, *of_blender) if of_blender else None,
        narrowed=bool(options),
    )


def lint_commands(python: Path) -> dict[str, list[str]]:
    return {
        "ruff check": [str(python), "-m", "ruff", "check", *SOURCES],
        "ruff format": [str(python), "-m", "ruff", "format", "--check", *SOURCES],
        "mypy": [str(python), "-m", "mypy"],
    }


def commands(source_root: Path, python: Path, arguments: Sequence[str]) -> list[list[str]]:
    """What --dry-run prints: the commands of the engine's environment."""
    selection = select(source_root, arguments)
    listed = list(lint_commands(python).values()) if selection.lint else []
    if selection.engine is not None:
        listed.append([str(python), "-m", "pytest", *selection.engine])
    return listed


def run_tests(
    source_root: Path, engine: EngineRequest, named_blender: str | None, arguments: Sequence[str], console: Console
) -> int:
    """Set up what is missing, run the selected parts, print the summary. 0 when nothing failed."""
    if not (source_root / "tests").is_dir():
        raise SetupError(f"There are no tests in {source_root}.", "They are in the source tree only.")
    selection = select(source_root, arguments)
    begun = time.monotonic()
    python, blenders, rows = _set_up(source_root, engine, named_blender, selection, console)
    console.note(f"The environments are ready ({time.monotonic() - begun:.0f} s).")
    if selection.lint:
        rows = [*(_lint(name, command, source_root, console) for name, command in lint_commands(python).items()), *rows]
    to_engine = {"MLD_ENGINE_PYTHON": str(python)}
    with tempfile.TemporaryDirectory(prefix="mld-tests-") as scratch:
        if selection.engine is not None:
            command = [str(python), "-m", "pytest"]
            rows.append(_pytest("engine", command, selection.engine, to_engine, source_root, Path(scratch), console))
        stopped = threading.Event()
        calls = {
            name: partial(
                _blender_tests, name, program, python, selection.blender or (), source_root, Path(scratch),
                console.labelled(name) if len(blenders) > 1 else console, stopped,
            )
            for name, program in blenders.items()
        }  # fmt: skip
        for name, row in in_parallel(calls, stopped.set).items():
            rows.append(Row(name, "FAILED", detail=row.message) if isinstance(row, SetupError) else row)
    _print_summary(rows, time.monotonic() - begun, console)
    collected = sum(row.passed + row.failed + row.skipped for row in rows)
    return 1 if any(row.outcome == "FAILED" for row in rows) or not collected else 0


def _set_up(
    source_root: Path, engine: EngineRequest, named: str | None, selection: Selection, console: Console
) -> tuple[Path, dict[str, Blender], list[Row]]:
    """(engine's Python, Blenders to test in by name, rows for those that could not be had)."""
    wheels: dict[str, Blender | SetupError] = {}
    versions = [] if named or selection.blender is None else list(BPY)
    request = replace(engine, test_tools=True)
    calls: dict[str, Callable[[], Path | Blender]] = {
        "engine": partial(ensure_engine, request, source_root, console.labelled("engine"))
    }
    for version in versions:
        name = f"Blender {version}"
        calls[name] = partial(blender.ensure_wheel, engine.venv, version, console.labelled(name), test_tools=True)
    made = in_parallel(calls)
    python = made.pop("engine")
    if isinstance(python, SetupError):
        raise python
    assert isinstance(python, Path)
    for name, outcome in made.items():
        assert not isinstance(outcome, Path)
        wheels[name] = outcome
    if named and selection.blender is not None:
        own = blender.installed_blender(named)
        wheels[f"Blender {own.version}"] = own
    rows = []
    for name, outcome in wheels.items():
        if isinstance(outcome, PythonMissing):
            rows.append(Row(name, "skipped", detail=f"{outcome.message} {outcome.hint}"))
        elif isinstance(outcome, SetupError):
            console.error(outcome)
            rows.append(Row(name, "FAILED", detail=outcome.message))
    return python, {name: item for name, item in wheels.items() if isinstance(item, Blender)}, rows


def _blender_tests(
    name: str,
    program: Blender,
    engine_python: Path,
    arguments: Sequence[str],
    source_root: Path,
    scratch: Path,
    console: Console,
    stopped: threading.Event,
) -> Row:
    """All test files in one Blender, up to the one at which it is `stopped`."""
    user_folder = scratch / name
    user_folder.mkdir()
    # Blender's tests must find factory settings and leave the user's own alone.
    variables = {"MLD_ENGINE_PYTHON": str(engine_python), "BLENDER_USER_RESOURCES": str(user_folder)}
    command = _pytest_command(program, engine_python)
    parts = []
    for part in one_process_each(source_root, arguments):
        if stopped.is_set():
            break
        parts.append(_pytest(name, command, part, variables, source_root, scratch, console))
    return _together(name, parts)


def _pytest_command(program: Blender, engine_python: Path) -> list[str]:
    if program.is_wheel:
        return [str(program.program), "-m", "pytest"]
    script = Path(__file__).with_name("pytest_in_blender.py")
    return program.script_command(script, [str(engine_python)])


def one_process_each(source_root: Path, arguments: Sequence[str]) -> list[tuple[str, ...]]:
    """The pytest arguments of each process: the whole folder of Blender tests goes file by file.

    Blender's Python module is not made for hours of loading files and switching add-ons on and off: what one test
    file leaves in its memory must not bring down the next.
    """
    folder = BLENDER_TESTS.as_posix()
    if folder not in arguments:
        return [tuple(arguments)]
    options = [argument for argument in arguments if argument != folder]
    files = sorted((source_root / BLENDER_TESTS).glob("test_*.py"))
    return [(*options, "--no-header", f"{folder}/{file.name}") for file in files]


def _together(name: str, parts: Sequence[Row]) -> Row:
    """One row for the test files of one Blender."""
    outcomes = {part.outcome for part in parts}
    outcome = "FAILED" if "FAILED" in outcomes else "passed" if "passed" in outcomes else "skipped"
    passed, failed, skipped = (sum(getattr(part, key) for part in parts) for key in ("passed", "failed", "skipped"))
    crashes = [part.detail for part in parts if part.outcome == "FAILED" and not part.failed]
    detail = "; ".join([f"{passed} passed, {failed} failed, {skipped} skipped", *crashes])
    return Row(name, outcome, sum(part.seconds for part in parts), detail, passed, failed, skipped)


def _crashed(status: int) -> bool:
    """Whether a process was ended by a signal, or on Windows by an exception, and not by its own decision."""
    return status < 0 or status > MAX_EXIT_STATUS


def _lint(name: str, command: Sequence[str], source_root: Path, console: Console) -> Row:
    console.note(f"\n=== {name}")
    begun = time.monotonic()
    status = run_lines(command, console.note, cwd=source_root)
    return Row(name, "FAILED" if status else "passed", time.monotonic() - begun)


def _pytest(
    name: str,
    command: Sequence[str],
    arguments: Sequence[str],
    variables: Mapping[str, str],
    source_root: Path,
    scratch: Path,
    console: Console,
) -> Row:
    console.note(f"\n=== pytest: {name}")
    report = scratch / f"{name}.xml"
    begun = time.monotonic()
    command = [*command, *arguments, f"--junitxml={report}"]
    report.unlink(missing_ok=True)
    status = run_lines(command, console.note, cwd=source_root, extra_environment=variables)
    if _crashed(status):
        # A failing test does not do this. Blender's Python module crashes now and then, as when importing a file
        # after Rigify was switched off; a crash that our code causes comes again.
        console.note(f"The process crashed (status {status}); running it once more.")
        status = run_lines(command, console.note, cwd=source_root, extra_environment=variables)
    passed, failed, skipped = _counts(report)
    detail = f"{passed} passed, {failed} failed, {skipped} skipped"
    if status not in {0, 1, NO_TEST_COLLECTED}:
        detail += f", ended with status {status}"
    outcome = "passed" if status == 0 else "skipped" if status == NO_TEST_COLLECTED else "FAILED"
    return Row(name, outcome, time.monotonic() - begun, detail, passed, failed, skipped)


def _counts(report: Path) -> tuple[int, int, int]:
    """(passed, failed, skipped) of a JUnit report; nothing where pytest died before writing one."""
    try:
        suites = ElementTree.parse(report).getroot().iter("testsuite")
    except (OSError, ElementTree.ParseError):
        return 0, 0, 0
    numbers = [[int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped")] for suite in suites]
    tests, failures, errors, skipped = (sum(column) for column in zip(*numbers, strict=True))
    return tests - failures - errors - skipped, failures + errors, skipped


def _print_summary(rows: Sequence[Row], seconds: float, console: Console) -> None:
    console.note(f"\n{'check':<16} {'result':<8} {'seconds':>8}  tests")
    for row in rows:
        console.note(f"{row.name:<16} {row.outcome:<8} {row.seconds:>8.1f}  {row.detail}")
    console.note(f"{'all':<16} {'':<8} {seconds:>8.1f}")
    passed, failed, skipped = (sum(getattr(row, key) for row in rows) for key in ("passed", "failed", "skipped"))
    console.note(f"{passed} passed, {failed} failed, {skipped} skipped")
