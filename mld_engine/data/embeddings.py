# SPDX-License-Identifier: GPL-3.0-or-later
"""Embeddings of a data set's captions, stored beside the motion.

    text_<encoder>.npy    (texts, dim) float32
    text_<encoder>.json   {"encoder": the pack configuration's text_encoder section, "texts": [...]}

Training needs no text encoder where every caption is stored.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..checkpoints.config import TextEncoderConfig
from ..conditions.text import load_text_encoder
from ..errors import PackError, RequestError


@dataclass(frozen=True)
class TextTable:
    """Texts and their embeddings (texts, dim) float32, by one text encoder."""

    encoder: TextEncoderConfig
    texts: tuple[str, ...]
    embeddings: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.embeddings.shape != (len(self.texts), self.encoder.dim):
            raise ValueError(f"{len(self.texts)} texts have embeddings of shape {self.embeddings.shape}")

    def rows(self) -> dict[str, int]:
        """Text -> row of `embeddings`."""
        return {text: row for row, text in enumerate(self.texts)}

    def write(self, folder: Path) -> None:
        """Store the table in a data set's folder."""
        stem = f"text_{self.encoder.name}"
        np.save(folder / f"{stem}.npy", self.embeddings.astype(np.float32), allow_pickle=False)
        description = {"encoder": asdict(self.encoder), "texts": list(self.texts)}
        (folder / f"{stem}.json").write_text(json.dumps(description, ensure_ascii=False), encoding="utf-8")


def read_text_table(folder: Path, encoder_name: str) -> TextTable | None:
    """The stored table, or None where there is none. Raises RequestError (bad_dataset) for a damaged one."""
    description, array = folder / f"text_{encoder_name}.json", folder / f"text_{encoder_name}.npy"
    if not description.is_file():
        return None
    try:
        values = json.loads(description.read_text(encoding="utf-8"))
        embeddings = np.load(array, allow_pickle=False)
        return TextTable(TextEncoderConfig(**values["encoder"]), tuple(values["texts"]), embeddings)
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = f"Remove {array.name} and {description.name}; they are computed again."
        raise RequestError("bad_dataset", f"{description} cannot be read: {error}.", hint) from error


def complete_text_table(folder: Path, texts: Sequence[str], encoder: TextEncoderConfig) -> TextTable:
    """The stored table with every one of `texts` in it; missing ones are computed and stored.

    Raises RequestError (texts_not_embedded), which says how many are missing, where the text encoder
    is not installed; RequestError (bad_dataset) where the table is another encoder's.
    """
    table = read_text_table(folder, encoder.name)
    if table is None:
        table = TextTable(encoder, (), np.zeros((0, encoder.dim), np.float32))
    if table.encoder != encoder:
        raise RequestError(
            "bad_dataset",
            f"The captions in {folder} were embedded with another edition of {encoder.name}.",
            f"Remove text_{encoder.name}.npy and .json; they are computed again.",
        )
    known = set(table.texts)
    missing = [text for text in dict.fromkeys(texts) if text not in known]
    if not missing:
        return table
    try:
        embed = load_text_encoder(encoder).embed
    except PackError as error:
        raise RequestError(
            "texts_not_embedded",
            f"{len(missing)} of {len(set(texts))} captions have no embedding in {folder}, such as {missing[0]!r}, "
            f"and the text encoder {encoder.name} is not there to compute them.",
            error.hint,
        ) from error
    added = np.stack([embed(text).numpy() for text in missing])
    table = TextTable(encoder, (*table.texts, *missing), np.concatenate([table.embeddings, added]))
    table.write(folder)
    return table


def copy_text_tables(source: Path, target: Path) -> None:
    """Store the tables of one data set in the folder of another that has many of its texts."""
    for path in sorted(source.glob("text_*")):
        shutil.copyfile(path, target / path.name)
