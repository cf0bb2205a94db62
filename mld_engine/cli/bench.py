# SPDX-License-Identifier: GPL-3.0-or-later
"""`bench`: what the engine costs, measured from outside, through the very process that Blender uses."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import IO, Any, Final

from ..contract.protocol import PROTOCOL_VERSION, STARTUP_NOISE_BYTES, Message, read_message, write_message
from ..errors import EngineError
from .options import add_pack_and_device

_GIB: Final = 2**30
_TARGETS: Final = {
    # What the project asks of a 5 s take with 50 steps and guidance, by device.
    "cpu": ("request -> Motion, warm", 300.0, "2 CPU cores, text encoding included"),
    "cuda": ("request -> Motion, warm", 15.0, "H100"),
}
_MOVES: Final = (
    "walks forward",
    "runs",
    "waves with both hands",
    "kicks",
    "turns around",
    "bows",
    "jumps",
    "sits down",
)


@dataclass(frozen=True)
class Row:
    """One line of the table; `target` is None where nothing was promised."""

    what: str
    value: float
    unit: str
    target: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """value / target: 1 and below is as promised."""
        return None if self.target is None else self.value / self.target


def add_command(commands: Any) -> None:
    """Register the command and its options."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "bench",
        help="measure start, request, text encoding, decoding and memory",
        description="Start an engine process as Blender does, send it requests with new prompts and print medians "
        "beside the numbers that the project set itself. A ratio of 1.00 and below is as promised.",
    )
    parser.add_argument(
        "--seconds", type=float, default=5.0, metavar="S", help="length of a take (default: %(default)s)"
    )
    parser.add_argument("--steps", type=int, default=50, metavar="N", help="denoising steps (default: %(default)s)")
    parser.add_argument(
        "--repeats", type=int, default=8, metavar="N", help="requests to measure (default: %(default)s)"
    )
    add_pack_and_device(parser)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    rows, hello = measure(arguments)
    rows.append(_measure_fitting(arguments.seconds))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    setting = {
        "device": hello["device"],
        "device_name": hello["device_name"],
        "cores": cores,
        "python": platform.python_version(),
        "engine_version": hello["engine_version"],
        "pack": hello["default_pack"],
        "seconds": arguments.seconds,
        "steps": arguments.steps,
        "repeats": arguments.repeats,
    }
    if arguments.json:
        print(json.dumps({**setting, "rows": [{**asdict(row), "ratio": row.ratio} for row in rows]}, indent=2))
    else:
        print(", ".join(f"{name} {value}" for name, value in setting.items()))
        print(_table(rows))
    return 0


def measure(arguments: argparse.Namespace) -> tuple[list[Row], dict[str, Any]]:
    """Run the engine through start and requests; the rows and the engine's hello.

    Raises EngineError with what the engine complains about.
    """
    command = [sys.executable, "-m", "mld_engine", "serve", "--pack", arguments.pack, "--device", arguments.device]
    started = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            write_message(process.stdin, {"type": "hello", "protocol": PROTOCOL_VERSION})
            first = next(_answers(process.stdout, noise=STARTUP_NOISE_BYTES))
            spoke = time.perf_counter() - started
            hello = first if first.type == "hello" else _await(process.stdout, "hello")
            ready = time.perf_counter() - started
            rows = [
                Row("start -> first sign of life", spoke, "s"),
                Row("start -> ready", ready, "s", 5.0, "CPU, warm disk"),
            ]
            return rows + _measure_requests(process.stdin, process.stdout, arguments, hello.header), hello.header
        finally:
            process.stdin.close()
            process.kill()


def _measure_requests(
    stdin: IO[bytes], stdout: IO[bytes], arguments: argparse.Namespace, hello: dict[str, Any]
) -> list[Row]:
    walls: list[float] = []
    parts: list[dict[str, float]] = []
    memory: dict[str, int] = {}
    for index in range(arguments.repeats + 1):
        # A new text each time: the engine remembers the embeddings of old ones.
        text = f"person number {index} {_MOVES[index % len(_MOVES)]}"
        request = {"id": index, "text": text, "seconds": arguments.seconds, "steps": arguments.steps, "seed": index}
        started = time.perf_counter()
        write_message(stdin, {"type": "generate", **request})
        done = _await(stdout, "done").header
        walls.append(1000.0 * (time.perf_counter() - started))
        parts.append(done["milliseconds"])
        memory = done.get("peak_memory", {})
    median = {name: statistics.median(part[name] for part in parts[1:]) for name in parts[0]}
    what, target, note = _TARGETS.get(hello["device"], ("request -> Motion, warm", None, ""))
    rows = [
        Row("first text request after it", walls[0], "ms"),
        Row(what, statistics.median(walls[1:]), "ms", target, note),
        Row("  slowest of them", max(walls[1:]), "ms"),
        Row("  text encoding, new prompt", median["text"], "ms"),
        Row(f"  sampling, {arguments.steps} steps", median["sampling"], "ms"),
        Row("  decoding", median["decoding"], "ms"),
    ]
    if "ram" in memory:
        rows.append(Row("engine memory, peak", memory["ram"] / _GIB, "GiB", 1.2e9 / _GIB))
    if "gpu" in memory:
        rows.append(Row("GPU memory, peak", memory["gpu"] / _GIB, "GiB", 1e9 / _GIB))
    return rows


def _measure_fitting(seconds: float) -> Row:
    """Rotations from joint positions, which packs of the published models need; torch is loaded only here."""
    from ..ik.speed import SMPLIFY_MILLISECONDS, milliseconds_per_frame

    cost = milliseconds_per_frame(seconds)
    note = f"{1000.0 / cost:,.0f} frames/s on the CPU; SMPLify, as published: {SMPLIFY_MILLISECONDS:,.0f} ms"
    return Row("joints -> rotations, a frame", cost, "ms", 1.0, note)


def _answers(stdout: IO[bytes], noise: int = 0) -> Iterator[Message]:
    """Messages of the engine. Raises EngineError for its errors and for its end."""
    while (message := read_message(stdout, noise=noise)) is not None:
        header, noise = message.header, 0
        if message.type == "error":
            raise EngineError(header["code"], header["message"], header["hint"], header["details"])
        yield message
    raise EngineError("internal", "The engine ended before it answered.", "Run `serve` by hand to see why.")


def _await(stdout: IO[bytes], kind: str) -> Message:
    return next(message for message in _answers(stdout) if message.type == kind)


def _table(rows: list[Row]) -> str:
    lines = [f"{'what':<32}{'measured':>14}{'target':>14}{'ratio':>8}  note"]
    for row in rows:
        target = "" if row.target is None else f"{row.target:.3g} {row.unit}"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        lines.append(f"{row.what:<32}{f'{row.value:.3g} {row.unit}':>14}{target:>14}{ratio:>8}  {row.note}".rstrip())
    return "\n".join(lines)
