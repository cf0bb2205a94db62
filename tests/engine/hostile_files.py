# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoint files made by hand: pickles operation by operation, archives entry by entry."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

STOP = b"."
MARK = b"("


def header(protocol: int = 2) -> bytes:
    return b"\x80" + bytes([protocol])


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def whole(value: int) -> bytes:
    size = (value.bit_length() + 8) // 8
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def name(module: str, attribute: str) -> bytes:
    """GLOBAL: module.attribute."""
    return f"c{module}\n{attribute}\n".encode()


def values(*items: bytes) -> bytes:
    """A tuple."""
    return MARK + b"".join(items) + b"t"


def call(function: bytes, *arguments: bytes) -> bytes:
    """REDUCE."""
    return function + values(*arguments) + b"R"


def storage(key: str, count: int, kind: str = "FloatStorage") -> bytes:
    """BINPERSID: a run of numbers in data/<key>."""
    return values(text("storage"), name("torch", kind), text(key), text("cpu"), whole(count)) + b"Q"


def tensor(stored: bytes, size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> bytes:
    return call(
        name("torch._utils", "_rebuild_tensor_v2"),
        stored,
        whole(offset),
        values(*map(whole, size)),
        values(*map(whole, stride)),
        b"\x89",
        call(name("collections", "OrderedDict")),
    )


def table(entries: Mapping[str, bytes]) -> bytes:
    """A dictionary."""
    return b"}" + MARK + b"".join(text(key) + value for key, value in entries.items()) + b"u"


def checkpoint(state: bytes, **others: bytes) -> bytes:
    """The pickle of a checkpoint with that state_dict."""
    return header() + table({"state_dict": state, **others}) + STOP


def archive(path: Path, pickled: bytes, data: Mapping[str, bytes] | None = None, folder: str = "archive") -> Path:
    """torch.save's zip layout around a pickle."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.writestr(f"{folder}/data.pkl", pickled)
        file.writestr(f"{folder}/byteorder", "little")
        for key, numbers in (data or {}).items():
            file.writestr(f"{folder}/data/{key}", numbers)
    return path


class Opaque:
    """An object of a class that the engine does not know, as the published checkpoints hold them."""

    def __init__(self, **state: Any) -> None:
        self.__dict__.update(state)


def lightning_values(state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """What Lightning saves around a state_dict, with objects of foreign classes inside."""
    return {
        "epoch": 1222,
        "global_step": 345678,
        "pytorch-lightning_version": "1.7.7",
        "state_dict": state,
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(5)}}, "param_groups": [{"lr": 1e-4}]}],
        "lr_schedulers": [],
        "callbacks": {("ModelCheckpoint", "monitor"): Opaque(best=Path("best.ckpt"))},
        "hyper_parameters": Opaque(cfg={"model": Opaque(latent=[1, 256])}, names={"a", "b"}, blob=b"\x00\xff"),
    }
