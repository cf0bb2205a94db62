# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine process with the default pack: requests, cancels, bad input, and whatever a client may do wrong."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_process import EngineProcess, damaged_copy

from mld_engine import __version__
from mld_engine.contract.protocol import MAGIC, PROTOCOL_VERSION, Message
from mld_engine.contract.skeleton import REST_OFFSETS

STEPS = 4
SHORT = {"seconds": 1.0, "steps": STEPS}
SLOW = {"text": "a person walks forward", "seconds": 10.0, "steps": 1000}
"""A request that is still busy when the next message arrives."""


@pytest.fixture(scope="module")
def log_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log")


@pytest.fixture(scope="module")
def engine(log_folder: Path) -> Iterator[EngineProcess]:
    """One engine for all tests of this file that leave it alive, which is the point of an engine."""
    process = EngineProcess("--log-dir", str(log_folder))
    process.start_messages = process.until("hello")  # type: ignore[attr-defined]
    yield process
    process.stop()


def motions(messages: list[Message]) -> list[Message]:
    return [message for message in messages if message.type == "motion"]


def assert_good(messages: list[Message], frames: int = 30) -> None:
    assert messages[-1].type == "done", messages[-1].header
    for message in motions(messages):
        assert message.arrays["rotations"].shape == (frames, 22, 4)
        assert message.arrays["root"].shape == (frames, 3)
        assert message.arrays["contacts"].shape == (frames, 4)
        np.testing.assert_allclose(message.arrays["offsets"], REST_OFFSETS, atol=1e-3)
        np.testing.assert_allclose(np.linalg.norm(message.arrays["rotations"], axis=-1), 1.0, atol=1e-5)
        assert 0.3 < message.arrays["root"][:, 1].mean() < 1.5


def test_start_and_hello(engine: EngineProcess) -> None:
    messages: list[Message] = engine.start_messages  # type: ignore[attr-defined]
    assert {message.type for message in messages[:-1]} == {"status"}
    assert "Loading PyTorch" in [message.header["message"] for message in messages[:-1]]
    hello = messages[-1].header
    assert hello["protocol"] == PROTOCOL_VERSION
    assert hello["engine_version"] == __version__
    assert hello["pid"] == engine.process.pid
    assert hello["device"] == "cpu"
    assert hello["device_name"]
    assert hello["default_pack"] == "research"
    pack = next(pack for pack in hello["packs"] if pack["name"] == "research")
    assert "NC" in pack["licence"]
    assert "walk" in pack["actions"]
    assert "angry" in pack["styles"]
    assert set(pack["conditions"]) == {"text", "action", "unconditional"}
    assert (pack["fps"], pack["max_seconds"]) == (30, 10)
    assert len(pack["sha256"]) == 64


def test_two_requests_in_a_row_with_progress(engine: EngineProcess) -> None:
    for request_id in ("first", 2):
        messages = engine.generate(request_id, text="a person walks forward", seed=3, count=2, **SHORT)
        assert_good(messages)
        seen = [(m.type, m.header.get("take"), m.header.get("step")) for m in messages]
        assert seen == [
            *(("progress", 0, step) for step in range(1, STEPS + 1)), ("motion", 0, None),
            *(("progress", 1, step) for step in range(1, STEPS + 1)), ("motion", 1, None),
            ("done", None, None),
        ]  # fmt: skip
        assert {m.header["total"] for m in messages if m.type == "progress"} == {STEPS}
        assert [m.header["seed"] for m in motions(messages)] == [3, 4]
        assert {m.header["count"] for m in messages[:-1]} == {2}
        done = messages[-1].header
        assert done["takes"] == 2
        parts = done["milliseconds"]
        assert parts["sampling"] > 0
        assert parts["decoding"] > 0
        assert parts["text"] + parts["sampling"] + parts["decoding"] <= parts["total"] + 0.1


def test_same_seed_same_take_alone_or_in_a_batch(engine: EngineProcess) -> None:
    batch = motions(engine.generate("batch", action="kick", style="angry", seed=10, count=2, **SHORT))
    alone = motions(engine.generate("alone", action="kick", style="angry", seed=11, **SHORT))
    other = motions(engine.generate("other", action="kick", style="angry", seed=12, **SHORT))
    np.testing.assert_array_equal(batch[1].arrays["rotations"], alone[0].arrays["rotations"])
    np.testing.assert_array_equal(batch[1].arrays["root"], alone[0].arrays["root"])
    assert np.abs(other[0].arrays["rotations"] - alone[0].arrays["rotations"]).max() > 1e-3
    assert batch[1].header["meta"] == alone[0].header["meta"]


def test_unconditional_with_the_packs_defaults(engine: EngineProcess) -> None:
    messages = engine.generate("free", seconds=None, steps=None, guidance=None, pack=None)
    assert_good(messages, frames=120)
    meta = motions(messages)[0].header["meta"]
    assert (meta["steps"], meta["guidance"], meta["seconds"]) == (50, 4.0, 4.0)
    assert meta["pack"] == "research"


def test_cancel_counts_within_a_step_and_the_next_request_is_good(engine: EngineProcess) -> None:
    engine.send("generate", id="slow", **SLOW)
    first = engine.until("progress")[-1]
    assert first.header["step"] == 1
    engine.send("cancel", id="slow")
    after = engine.until("cancelled", "done")
    assert after[-1].header == {"type": "cancelled", "id": "slow", "takes": 0}
    # What was under way when the cancel arrived, never a noticeable part of the thousand.
    assert len(after) < 100
    assert_good(engine.generate("after", text="a person waves", **SHORT))


def test_takes_before_a_cancel_stay_valid(engine: EngineProcess) -> None:
    engine.send("generate", id="many", action="walk", count=64, seconds=1.0, steps=20)
    before = engine.until("motion")
    engine.send("cancel", id="many")
    after = engine.until("cancelled", "done")
    assert after[-1].type == "cancelled"
    takes = motions(before + after)
    assert after[-1].header["takes"] == len(takes)
    assert 1 <= len(takes) < 64


def test_waiting_requests_can_be_cancelled_out_of_turn(engine: EngineProcess) -> None:
    engine.send("generate", id="running", **SLOW)
    engine.until("progress")
    for request_id in ("second", "third"):
        engine.send("generate", id=request_id, text="a person bows", **SHORT)
    engine.send("cancel", id="second")
    assert engine.until("cancelled")[-1].header == {"type": "cancelled", "id": "second", "takes": 0}
    engine.send("cancel", id="running")
    rest = engine.until("done")
    assert [m.header["id"] for m in rest if m.type in ("cancelled", "done")] == ["running", "third"]
    engine.send("cancel", id="nobody")
    assert_good(engine.generate("after nobody", action="jump", **SHORT))


def test_ids_in_use_and_too_many_requests(engine: EngineProcess) -> None:
    engine.send("generate", id="running", **SLOW)
    engine.until("progress")
    engine.send("generate", id="running", **SHORT)
    refused = engine.until("error")[-1].header
    assert (refused["id"], refused["code"]) == ("running", "malformed")
    for number in range(65):
        engine.send("generate", id=number, **SHORT)
    refused = engine.until("error")[-1].header
    assert (refused["id"], refused["code"]) == (64, "busy_limit")
    for request_id in [*range(64), "running"]:
        engine.send("cancel", id=request_id)
    cancelled = [engine.until("cancelled")[-1].header["id"] for _ in range(65)]
    assert set(cancelled) == {*range(64), "running"}


def test_messages_that_are_not_understood(engine: EngineProcess) -> None:
    engine.send_bytes(MAGIC + struct.pack("<I", 9) + b"{not json")
    engine.send("dance", id=5)
    engine.send("generate", text="no id", **SHORT)
    engine.send("generate", id=[1], text="an id of a kind that nobody uses", **SHORT)
    errors = [engine.until("error")[-1].header for _ in range(4)]
    assert [error["code"] for error in errors] == ["malformed", "unknown_message", "malformed", "malformed"]
    assert [error["id"] for error in errors] == [None, 5, None, None]
    assert not any(error["fatal"] for error in errors)
    assert_good(engine.generate("after nonsense", action="bow", **SHORT))


BAD_REQUESTS: list[tuple[dict[str, Any], str]] = [
    ({"text": ""}, "empty_prompt"),
    ({"text": "walk " * 2000}, "prompt_too_long"),
    ({"text": "一个人向前走"}, "prompt_not_english"),
    ({"text": "🙂🙂"}, "prompt_without_words"),
    ({"action": "teleport"}, "unknown_action"),
    ({"action": "walk", "style": "purple"}, "unknown_style"),
    ({"text": "a person walks", "seconds": 0}, "bad_seconds"),
    ({"text": "a person walks", "seconds": -1}, "bad_seconds"),
    ({"text": "a person walks", "seconds": 10**400}, "bad_seconds"),
    ({"text": "a person walks", "seconds": 0.1}, "seconds_too_short"),
    ({"text": "a person walks", "seconds": 60}, "seconds_over_limit"),
    ({"text": "a person walks", "seed": -1}, "bad_seed"),
    ({"text": "a person walks", "seed": "7"}, "bad_seed"),
    ({"text": "a person walks", "count": 0}, "bad_count"),
    ({"text": "a person walks", "guidance": "strong"}, "bad_guidance"),
    ({"text": "a person walks", "steps": 5000}, "bad_steps"),
    ({"text": 5}, "malformed"),
    ({"text": "a person walks", "pack": "nothing_of_that_name"}, "unknown_pack"),
    ({"text": "a person walks", "pack": 3}, "malformed"),
]


@pytest.mark.parametrize(
    ("fields", "code"), BAD_REQUESTS, ids=[f"{code}-{n}" for n, (_, code) in enumerate(BAD_REQUESTS)]
)
def test_bad_requests_are_answered(engine: EngineProcess, fields: dict[str, Any], code: str) -> None:
    answer = engine.generate("bad", **fields)[-1].header
    assert answer["type"] == "error"
    assert answer["code"] == code
    assert answer["message"].endswith(".")
    assert not answer["fatal"]
    if code == "seconds_over_limit":
        assert answer["details"]["limit_seconds"] == 10.0


def test_another_pack_and_back(engine: EngineProcess) -> None:
    other = motions(engine.generate("other pack", action="walk", pack="studio", **SHORT))
    assert other[0].header["meta"]["pack"] == "studio"
    again = motions(engine.generate("default pack", action="walk", **SHORT))
    assert again[0].header["meta"]["pack"] == "research"
    assert again[0].header["meta"]["pack_sha256"] != other[0].header["meta"]["pack_sha256"]
    engine.send("packs")
    listed = engine.until("packs")[-1].header
    assert {"research", "studio"} <= {pack["name"] for pack in listed["packs"]}
    assert listed["default_pack"] == "research"


def test_damaged_and_incomplete_packs(engine: EngineProcess, tmp_path: Path) -> None:
    damaged_pack = damaged_copy(tmp_path / "pack")
    answer = engine.generate("damaged", action="walk", pack=str(damaged_pack), **SHORT)[-1].header
    assert (answer["type"], answer["code"]) == ("error", "pack_corrupt")
    assert "denoiser.safetensors" in answer["message"]
    (damaged_pack / "denoiser.safetensors").unlink()
    answer = engine.generate("incomplete", action="walk", pack=str(damaged_pack), **SHORT)[-1].header
    assert (answer["type"], answer["code"]) == ("error", "pack_missing_file")
    answer = engine.generate("no pack", action="walk", pack=str(tmp_path), **SHORT)[-1].header
    assert answer["type"] == "error"
    assert_good(engine.generate("after packs", action="walk", **SHORT))


def test_log_is_the_only_file_and_stderr_stays_empty(engine: EngineProcess, log_folder: Path) -> None:
    assert_good(engine.generate("logged", action="walk", **SHORT))
    assert [path.name for path in log_folder.iterdir()] == ["engine.log"]
    log = (log_folder / "engine.log").read_text(encoding="utf-8")
    assert "ready after" in log
    assert "request logged" in log
    assert "Traceback" not in log
    assert engine.stderr() == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX only")
def test_engine_kept_its_memory_small(engine: EngineProcess) -> None:
    done = engine.generate("memory", action="walk", **SHORT)[-1].header
    assert 50e6 < done["peak_memory"]["ram"] < 1.2e9
