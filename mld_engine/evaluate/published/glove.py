# SPDX-License-Identifier: GPL-3.0-or-later
"""Captions as the text-motion evaluators read them: GloVe vectors and parts of speech of their words.

    our_vab_data.npy   (words, 300)
    our_vab_words.pkl  pickled list of the words
    our_vab_idx.pkl    pickled dict: word -> row
    texts/<id>.txt     one caption a line: caption#word/POS word/POS ...#start#end

The parts of speech in the texts folder were told by a program (spaCy) on which the evaluators depend; so
captions without them are not read at all. (Guo et al., 2022, supplementary material and released code.)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ...errors import RequestError
from ...pickles.machine import RefusedPickle
from ...pickles.numpy_objects import read_numpy_objects
from .loading import bad_evaluator, read_array

VECTORS_FILE: Final = "our_vab_data.npy"
WORDS_FILE: Final = "our_vab_words.pkl"
ROWS_FILE: Final = "our_vab_idx.pkl"
LONGEST: Final = 20
"""Words of a caption that are read, beside its start and end."""
PARTS_OF_SPEECH: Final = ("VERB", "NOUN", "DET", "ADP", "NUM", "AUX", "PRON", "ADJ", "ADV")
_OTHER: Final = 14
_UNKNOWN: Final = "unk"
_START, _END = "sos/OTHER", "eos/OTHER"
_SPECIAL: Final = (
    "left right clockwise counterclockwise anticlockwise forward back backward up down straight curve",
    "arm chin foot feet face hand mouth leg waist eye knee shoulder thigh",
    "stair dumbbell chair window floor car ball handrail baseball basketball",
    "walk run swing pick bring kick put squat throw hop dance jump turn stumble stop sit lift lower raise wash stand "
    "kneel stroll rub bend balance flap jog shuffle lean rotate spin spread climb",
    "slowly carefully fast careful slow quickly happy angry sad happily angrily sadly",
)
"""Words about place, body, things, acts and manner: a class each instead of their part of speech, 9 to 13."""
_CLASS_OF_WORD: Final = {word: 9 + row for row, words in enumerate(_SPECIAL) for word in words.split()}
_CLASS_OF_SPEECH: Final = {name: row for row, name in enumerate(PARTS_OF_SPEECH)}


@dataclass(frozen=True)
class Words:
    """vectors (rows, 300), and word -> row."""

    vectors: Tensor
    rows: dict[str, int]

    def encode(self, tokens: Sequence[str]) -> tuple[Tensor, Tensor]:
        """`word/POS` tokens of a caption -> vectors (n, 300) and class one-hots (n, 15), start and end included.

        An unknown word is "unk" of the class "other".
        """
        rows, classes = [], []
        for token in (_START, *tokens[:LONGEST], _END):
            word, _, speech = token.rpartition("/")
            known = word in self.rows
            rows.append(self.rows[word if known else _UNKNOWN])
            classes.append(_CLASS_OF_WORD.get(word, _CLASS_OF_SPEECH.get(speech, _OTHER)) if known else _OTHER)
        return self.vectors[rows], one_hot(torch.tensor(classes), _OTHER + 1).float()


def read_words(folders: Iterable[Path]) -> Words:
    """The vocabulary in the first of `folders` that has one. Raises RequestError: glove_missing, bad_evaluator."""
    looked = list(folders)
    found = [folder for folder in looked if (folder / VECTORS_FILE).is_file()]
    if not found:
        raise RequestError(
            "glove_missing",
            f"The evaluator's word vectors {VECTORS_FILE}, {WORDS_FILE} and {ROWS_FILE} are not there; looked in "
            f"{', '.join(str(folder) for folder in looked)}.",
            "They come in glove.zip beside the evaluator. Name their folder with --glove.",
        )
    vectors = read_array(found[0] / VECTORS_FILE, (None, 300))
    words, rows = (_plain(found[0] / name) for name in (WORDS_FILE, ROWS_FILE))
    if not isinstance(words, list) or not isinstance(rows, dict) or not all(isinstance(word, str) for word in words):
        raise bad_evaluator(f"{WORDS_FILE} and {ROWS_FILE} in {found[0]} are no list of words and their rows")
    table = {word: rows.get(word) for word in words}
    if not all(type(row) is int and 0 <= row < len(vectors) for row in table.values()):
        raise bad_evaluator(f"{ROWS_FILE} in {found[0]} does not give each word one of {len(vectors)} rows")
    if _UNKNOWN not in table:
        raise bad_evaluator(f"{WORDS_FILE} in {found[0]} has no word {_UNKNOWN!r}, which stands for unknown ones")
    return Words(vectors, {word: int(row) for word, row in table.items() if row is not None})


def read_tokens(folder: Path, captions: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Caption -> its tokens, for those of `captions` that the folder of published texts has.

    Raises RequestError: texts_missing for a folder without texts, bad_texts for tokens without parts of speech.
    """
    inside = folder / "texts"
    files = sorted((inside if inside.is_dir() else folder).glob("*.txt"))
    if not files:
        raise RequestError("texts_missing", f"{folder} holds no texts (*.txt).", "Name the data set's folder texts.")
    wanted, found = set(captions), dict[str, tuple[str, ...]]()
    for path in files:
        for caption, tokens in _lines(path):
            if caption in wanted and caption not in found:
                if not tokens or not all(word.rpartition("/")[0] for word in tokens):
                    raise RequestError(
                        "bad_texts",
                        f"{path.name} does not give the words of {caption[:60]!r} with parts of speech (word/POS).",
                        "Use the texts folder as published.",
                    )
                found[caption] = tokens
        if len(found) == len(wanted):
            break
    return found


def _lines(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        caption, _, rest = line.partition("#")
        yield " ".join(caption.split()), tuple(rest.partition("#")[0].split())


def _plain(path: Path) -> Any:
    """What a pickle of plain containers holds; nothing in it is run."""
    try:
        return read_numpy_objects(path.read_bytes())
    except OSError as error:
        raise bad_evaluator(f"{path} cannot be read ({error.strerror})") from error
    except RefusedPickle as error:
        raise bad_evaluator(f"{path} is no pickle of plain words, and nothing in it was run: {error}") from error
