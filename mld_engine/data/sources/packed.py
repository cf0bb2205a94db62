# SPDX-License-Identifier: GPL-3.0-or-later
"""The packed layout: motion of many clips squeezed into one file.

skeleton.json   {"offsets": (22, 3) metres}
clips.json      per clip: id, start, length, split, action, action_mirrored, style, source, licence,
                captions and captions_mirrored as rows of texts.json
texts.json      all captions
emb.npz         "emb" (texts, 384): their all-MiniLM-L6-v2 embeddings
motion.npz      "rot_planes", "trans_planes": byte planes of zigzag-coded second differences over
                time of rotation vectors (in units of "step" radians) and positions (0.1 mm)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...checkpoints.config import TextEncoderConfig
from ...contract.skeleton import JOINT_COUNT
from ...errors import RequestError
from ..embeddings import TextTable
from ..store import ClipRecord, DatasetWriter

FPS: Final = 30.0
_POSITION_STEP: Final = 1e-4


def prepare(source: Path, target: Path, encoder: TextEncoderConfig) -> int:
    """Write the packed folder `source` as the data set `target`; returns the number of clips.

    `encoder` describes the text encoder that made emb.npz. Raises RequestError (bad_source) for a
    folder of another layout.
    """
    try:
        offsets = np.asarray(_json(source, "skeleton.json")["offsets"], np.float32)[:JOINT_COUNT]
        texts = tuple(_json(source, "texts.json"))
        with np.load(source / "emb.npz", allow_pickle=False) as file:
            table = TextTable(encoder, texts, file["emb"].astype(np.float32))
        with DatasetWriter(target, name=source.name, fps=FPS, offsets=offsets) as writer:
            count = 0
            for record in read(source):
                writer.add(record)
                count += 1
            writer.add_file(table.write)
        return count
    except (OSError, KeyError, ValueError, TypeError, IndexError) as error:
        reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else error
        message = f"{source} does not have the packed layout: {reason}."
        raise RequestError("bad_source", message, "Name the folder that holds motion.npz and clips.json.") from error


def read(source: Path) -> Iterator[ClipRecord]:
    """Every clip of the packed folder."""
    texts = _json(source, "texts.json")
    with np.load(source / "motion.npz", allow_pickle=False) as file:
        rotations, root = _unpack(file)
    for values in _json(source, "clips.json"):
        frames = slice(values["start"], values["start"] + values["length"])
        yield ClipRecord(
            name=values["id"],
            rotations=rotations[frames],
            root=root[frames],
            split=values["split"],
            action=values["action"] or "",
            action_mirrored=values.get("action_mirrored") or "",
            style=values["style"] or "",
            captions=tuple(texts[row] for row in values["captions"] if texts[row]),
            captions_mirrored=tuple(texts[row] for row in values["captions_mirrored"] if texts[row]),
            source=values["source"],
            licence=values["licence"],
        )


def _json(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def _unpack(file: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """-> rotations (N, 22, 4) wxyz and root (N, 3) metres of all clips, one after the other."""
    frames = int(file["frames"])
    vectors = _integrate(file["rot_planes"], np.dtype(np.uint16), frames) * np.float32(file["step"])
    vectors = vectors.reshape(frames, -1, 3)
    half = np.linalg.norm(vectors, axis=-1, keepdims=True) / 2
    rotations = np.concatenate([np.cos(half), np.sinc(half / np.pi) * vectors / 2], -1)
    root = _integrate(file["trans_planes"], np.dtype(np.uint32), frames) * np.float32(_POSITION_STEP)
    return rotations.astype(np.float32), root.astype(np.float32)


def _integrate(planes: NDArray[np.uint8], kind: np.dtype[Any], frames: int) -> NDArray[np.float32]:
    """Byte planes (bytes, channels * frames) -> values (frames, channels); sums wrap around as they did when made."""
    coded = np.ascontiguousarray(planes.T).view(kind).reshape(-1, frames)
    negative = (coded & 1).astype(bool)
    signed = np.where(negative, ~(coded >> 1), coded >> 1).view(np.dtype(f"i{kind.itemsize}"))
    summed = signed.cumsum(1, dtype=signed.dtype).cumsum(1, dtype=signed.dtype)
    return np.asarray(summed.T, dtype=np.float32)
