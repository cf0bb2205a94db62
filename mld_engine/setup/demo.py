# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job from end to end: prompt -> engine -> motion -> character in Blender -> a picture of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from .blender import Blender, any_blender
from .console import Console
from .engine import EngineRequest, ensure_engine
from .errors import SetupError
from .parallel import in_parallel
from .process import run_lines

DEFAULT_PROMPT: Final = "an old man walks slowly"
DEFAULT_SEED: Final = 7
TAKE: Final = "take.npz"
SCENE: Final = "demo.blend"
PICTURE: Final = "demo.png"
TOLD: Final = "mld: "
"""Begins the lines of the Blender script that are meant for the user; Blender prints many others."""


@dataclass(frozen=True)
class DemoRequest:
    prompt: str
    seed: int
    out: Path


def run_demo(
    source_root: Path, engine: EngineRequest, request: DemoRequest, named_blender: str | None, console: Console
) -> None:
    """Set up what is missing, then write take.npz, demo.blend and demo.png. Raises SetupError."""
    begun = time.monotonic()
    python, program = _set_up(source_root, engine, named_blender, console)
    times = {"environments": time.monotonic() - begun}
    try:
        request.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"The folder {request.out} cannot be made: {error.strerror}.", "Name another one with --out."
        ) from error
    take = request.out / TAKE

    begun = time.monotonic()
    console.stage("generate", f'Generating the motion: "{request.prompt}"')
    command = [str(python), "-m", "mld_engine", "generate", f"--text={request.prompt}", "--seed", str(request.seed)]
    _run([*command, "--out", str(take)], source_root, console, "The engine could not make the motion")
    times["motion"] = time.monotonic() - begun

    begun = time.monotonic()
    console.stage("blender", f"Putting it on a character in Blender {program.version} and rendering a picture")
    files = ["--take", str(take), "--blend", str(request.out / SCENE), "--picture", str(request.out / PICTURE)]
    script = program.script_command(_script(source_root), files)
    _run(script, source_root, console, "Blender could not make the scene", marker=TOLD)
    times["character and picture"] = time.monotonic() - begun

    console.note()
    for name, meaning in ((TAKE, "the motion"), (SCENE, "the animated character"), (PICTURE, "a picture of it")):
        console.note(f"{meaning + ':':<24}{request.out / name}")
    console.note(", ".join(f"{name} {seconds:.1f} s" for name, seconds in times.items()))


def _set_up(source_root: Path, engine: EngineRequest, named: str | None, console: Console) -> tuple[Path, Blender]:
    calls: dict[str, Callable[[], Path | Blender]] = {
        "engine": partial(ensure_engine, engine, source_root, console.labelled("engine")),
        "blender": partial(any_blender, engine.venv, named, console.labelled("Blender")),
    }
    made = in_parallel(calls)
    for outcome in made.values():
        if isinstance(outcome, SetupError):
            raise outcome
    python, program = made["engine"], made["blender"]
    assert isinstance(python, Path)
    assert isinstance(program, Blender)
    return python, program


def _script(source_root: Path) -> Path:
    """The demo's Blender script: in a checkout below blender_addon, in an installed extension at the top."""
    for folder in (source_root / "blender_addon", source_root):
        script = folder / "demo" / "launch.py"
        if script.is_file():
            return script
    raise SetupError(f"The demo scene is missing in {source_root}.", "Get the whole program again.")


def _run(command: Sequence[str], source_root: Path, console: Console, failure: str, marker: str = "") -> None:
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        if line.startswith(marker) and line.strip():
            console.detail("demo", line[len(marker) :])

    if run_lines(command, on_line, cwd=source_root):
        told = [line for line in lines if line.strip()]
        raise SetupError(f"{failure}.", "The lines above tell why.", told[-6:])
