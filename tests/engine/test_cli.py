# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m mld_engine` in real subprocesses: files, messages and exit statuses."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from body_oracle import motion_joints
from engine_process import REPOSITORY, damaged_copy, quiet_environment
from test_export_bvh import parse

from mld_engine.export.amass import read_amass

LIMITED = (
    "import resource, sys; from mld_engine.cli import main;"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); sys.exit(main(sys.argv[1:]))"
)
"""The command line where no file can grow beyond 20 kB: what a full disk looks like from inside."""


IDLE = "import sys; sys.modules['torch'] = None; from mld_engine.cli import main; sys.exit(main(sys.argv[1:]))"
"""The command line of a Python that cannot compute: whatever it complains about, it noticed before the work."""

Result = subprocess.CompletedProcess[str]


def run(*arguments: str, program: tuple[str, ...] = ("-m", "mld_engine"), **env: str) -> Result:
    return subprocess.run(
        [sys.executable, *program, *arguments],
        cwd=REPOSITORY, env=quiet_environment(**env), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def generate(*arguments: str) -> Result:
    return run("generate", "--device", "cpu", "--steps", "3", *arguments)


def assert_one_line(result: Result, status: int) -> str:
    """The complaint, which must be one line on stderr and nothing on stdout."""
    assert result.returncode == status, result.stderr
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("mld_engine: error: ")
    return lines[0]


def test_takes_of_a_batch_as_npz_and_bvh(tmp_path: Path) -> None:
    out, bvh = tmp_path / "new" / "walk.npz", tmp_path / "walk.bvh"
    batch = generate("--action", "kick", "--style", "angry", "--seconds", "1.5", "--seed", "41", "--count", "2",
                     "--out", str(out), "--bvh", str(bvh))  # fmt: skip
    assert batch.returncode == 0, batch.stderr
    assert batch.stderr == ""
    assert "seed 41" in batch.stdout
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*"))
    assert files == ["new/walk_000.npz", "new/walk_001.npz", "walk_000.bvh", "walk_001.bvh"]
    for name in files:
        assert f"wrote {tmp_path / name} (45 frames, 1.5 s)" in batch.stdout

    second = read_amass(out.with_name("walk_001.npz"))
    assert (second.frames, second.fps) == (45, 30.0)
    meta = second.meta
    assert (meta["text"], meta["action"], meta["style"], meta["seed"]) == (None, "kick", "angry", 42)
    assert meta["steps"] == 3
    assert (meta["seconds"], meta["guidance"], meta["pack"], meta["device"]) == (1.5, 4.0, "research", "cpu")
    assert len(meta["pack_sha256"]) == 64
    assert meta["engine_version"]
    joints = motion_joints(second.rotations, second.root, second.offsets)
    wrist = parse(tmp_path / "walk_001.bvh").positions()["left_wrist"] / 100
    np.testing.assert_allclose(wrist, joints[:, 20], atol=1e-4)

    single = tmp_path / "alone.npz"
    alone = generate("--action", "kick", "--style", "angry", "--seconds", "1.5", "--seed", "42", "--out", str(single))
    assert alone.returncode == 0, alone.stderr
    assert single.read_bytes() == out.with_name("walk_001.npz").read_bytes()


def test_text_with_a_random_seed_that_is_told_and_kept(tmp_path: Path) -> None:
    result = generate("--text", "a person walks", "--out", str(tmp_path / "walk.npz"))
    assert result.returncode == 0, result.stderr
    motion = read_amass(tmp_path / "walk.npz")
    assert motion.seconds == 4.0
    assert (motion.meta["text"], motion.meta["action"]) == ("a person walks", None)
    assert f"seed {motion.meta['seed']}," in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--text", ""], "prompt"),
        (["--text", "x" * 10_000], "10000"),
        (["--text", "走る人"], "English"),
        (["--text", "🙂"], "words"),
        (["--action", "teleport"], "teleport"),
        (["--action", "walk", "--style", "purple"], "purple"),
        (["--text", "a person walks", "--style", "angry"], "style"),
        (["--unconditional", "--seconds", "0"], "seconds"),
        (["--unconditional", "--seconds", "-3"], "seconds"),
        (["--unconditional", "--seconds", "nan"], "seconds"),
        (["--unconditional", "--seconds", "11"], "10 s"),
        (["--unconditional", "--seconds", "soon"], "--seconds"),
        (["--unconditional", "--count", "0"], "takes"),
        (["--unconditional", "--seed", "-1"], "seed"),
        (["--unconditional", "--steps", "0"], "steps"),
        (["--unconditional", "--guidance", "1000"], "guidance"),
        (["--unconditional", "--pack", "nothing"], "research"),
        (["--unconditional", "--device", "abacus"], "abacus"),
        (["--unconditional", "--text", "a person walks"], "--text"),
        (["--colour", "red"], "--help"),
        ([], "required"),
    ],
)
def test_bad_input(tmp_path: Path, arguments: list[str], words: str) -> None:
    complaint = assert_one_line(run("generate", *arguments, "--out", str(tmp_path / "take.npz")), 2)
    assert words in complaint
    assert list(tmp_path.iterdir()) == []


def test_bad_output_is_noticed_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for out, status, words in [
        (["--out", "take.fbx"], 2, ".npz"),
        (["--out", "take.npz", "--bvh", "take.txt"], 2, ".bvh"),
        (["--out", "file/take.npz"], 1, "Cannot save"),
    ]:
        paths = [part if part.startswith("--") else str(tmp_path / part) for part in out]
        assert words in assert_one_line(run("generate", "--unconditional", *paths, program=("-c", IDLE)), status)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.name != "posix", reason="file size limits are POSIX")
def test_full_disk(tmp_path: Path) -> None:
    result = run("generate", "--device", "cpu", "--steps", "2", "--unconditional", "--out", str(tmp_path / "take.npz"),
                 program=("-c", LIMITED))  # fmt: skip
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "Cannot save" in result.stderr
    assert "disk" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_python_without_pytorch_is_told_what_to_do(tmp_path: Path) -> None:
    result = run("generate", "--unconditional", "--out", str(tmp_path / "take.npz"), program=("-c", IDLE))
    complaint = assert_one_line(result, 1)
    assert "no torch" in complaint
    assert "install_deps.py" in complaint


def test_damaged_pack(tmp_path: Path) -> None:
    pack = damaged_copy(tmp_path / "pack")
    result = run("generate", "--unconditional", "--pack", str(pack), "--out", str(tmp_path / "take.npz"))
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "denoiser.safetensors is damaged" in result.stderr


@pytest.mark.skipif(os.name != "posix", reason="a terminal of its own and SIGINT are POSIX")
def test_progress_bar_on_a_terminal_and_quiet_interruption(tmp_path: Path) -> None:
    import fcntl
    import pty
    import termios

    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "mld_engine", "generate", "--device", "cpu", "--unconditional", "--seconds", "10",
         "--steps", "1000", "--out", str(tmp_path / "take.npz")],
        cwd=REPOSITORY, env=quiet_environment(), stdout=subprocess.PIPE, stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    interrupted = False
    while True:
        # Read on after the interruption: a full terminal would keep the process from ending.
        try:
            shown += os.read(master, 4096)
        except OSError:  # the terminal's other end is closed
            break
        if b"/1000" in shown and not interrupted:
            process.send_signal(signal.SIGINT)
            interrupted = True
    os.close(master)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"step/s" in shown
    assert b"Traceback" not in shown
    assert list(tmp_path.iterdir()) == []


def test_packs_for_people_and_for_programs() -> None:
    text = run("packs")
    assert text.returncode == 0
    for words in ("research", "CC BY-NC 4.0", "walk_backward", "swagger", "0.8 to 10 s at 30 fps", "text, action"):
        assert words in text.stdout
    packs = json.loads(run("packs", "--json").stdout)
    research = next(pack for pack in packs if pack["name"] == "research")
    assert research["max_seconds"] == 10.0
    assert "kick" in research["actions"]


def test_pack_folder_of_the_user(tmp_path: Path) -> None:
    damaged_copy(tmp_path / "mine")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "config.json").write_text("[" * 100_000)
    listed = run("packs", "--json", MLD_PACKS_DIR=str(tmp_path))
    assert listed.returncode == 0
    assert [pack["name"] for pack in json.loads(listed.stdout)] == ["research", "studio", "research"]
    warnings = listed.stderr.splitlines()
    assert [line.startswith("mld_engine: warning: ") for line in warnings] == [True, True]
    assert "broken" in warnings[0]
    assert "deep" in warnings[1]


@pytest.mark.parametrize("command", ["", "generate", "packs", "serve", "bench"])
def test_help(command: str) -> None:
    result = run(*command.split(), "--help")
    assert result.returncode == 0
    assert result.stderr == ""
    assert f"usage: python -m mld_engine {command}".strip() in result.stdout
    assert len(result.stdout) > 200


def test_no_command_and_version() -> None:
    assert "COMMAND" in assert_one_line(run(), 2)
    assert run("--version").stdout.startswith("mld_engine ")


def test_bench_measures_and_compares() -> None:
    result = run("bench", "--device", "cpu", "--seconds", "1", "--steps", "2", "--repeats", "2", "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    rows = {row["what"].strip(): row for row in report["rows"]}
    ready, warm = rows["start -> ready"], rows["request -> Motion, warm"]
    assert 0.1 < ready["value"] < 60
    assert ready["ratio"] == pytest.approx(ready["value"] / 5.0)
    assert warm["target"] == 300.0
    assert rows["decoding"]["value"] + rows["text encoding, new prompt"]["value"] < warm["value"]
    fitting = rows["joints -> rotations, a frame"]
    assert fitting["target"] == 1.0
    assert "SMPLify" in fitting["note"]
    assert 0.0 < fitting["value"] < 1000.0
    assert report["device"] == "cpu"
