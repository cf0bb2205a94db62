# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences as people type them, written one by one and kept in a JSON file that anyone can add to.

A grammar says the same few verbs in many frames; what it never says is where a text encoder and a
small network lose their way: idioms, jargon, a movement described without its name. The file holds
action -> style -> sentences; the style is empty where the words tell none. An action of one side
also says what is written for the other side, with left and right exchanged.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from ..data.sources.labels import mirrored_label, mirrored_words
from ..data.store import Dataset

SENTENCES: Final = Path(__file__).with_name("sentences.json")
_PLAIN_STYLES: Final = ("", "neutral")
_LEAST_TIMES: Final = 3
"""Clips that each sentence is given to, where there are as many."""


class Spoken:
    """The sentences of one file, dealt out evenly to the clips of a data set."""

    def __init__(self, sentences: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        self._sentences = sentences

    @classmethod
    def read(cls, path: Path = SENTENCES) -> Spoken:
        """Raises ValueError naming what is wrong with the file."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} is not JSON: {error}") from error
        if not isinstance(values, dict) or not all(isinstance(styles, dict) for styles in values.values()):
            raise ValueError(f"{path} is no object of actions, each an object of styles")
        for action, styles in values.items():
            for style, said in styles.items():
                if not isinstance(said, list) or not all(isinstance(text, str) and text.strip() for text in said):
                    raise ValueError(f"{path}: {action!r}, style {style!r} is no list of sentences")
        return cls(values)

    @property
    def actions(self) -> tuple[str, ...]:
        """Actions that there are sentences for, those of the other side included."""
        sides = (mirrored for action in self._sentences for mirrored in (action, mirrored_label(action)))
        return tuple(dict.fromkeys(sides))

    def of(self, action: str) -> dict[str, tuple[str, ...]]:
        """Style -> the sentences that ask for the action in it."""
        mirrored = mirrored_label(action)
        found: dict[str, list[str]] = {}
        for style, said in self._sentences.get(action, {}).items():
            found.setdefault(style, []).extend(said)
        if mirrored != action:
            for style, said in self._sentences.get(mirrored, {}).items():
                # What names no side does not ask for the other one.
                pairs = ((text, mirrored_words(text)) for text in said)
                found.setdefault(style, []).extend(other for text, other in pairs if other != text)
        return {style: tuple(dict.fromkeys(said)) for style, said in found.items()}

    def fitting(self, action: str, style: str, styles: Collection[str]) -> tuple[str, ...]:
        """What fits a clip of the action in the style, where clips of `styles` show the action.

        Sentences of a style that no clip shows fit all of them: it is the nearest there is.
        """
        of_action = self.of(action)
        wanted = {"", style, *(other for other in of_action if other not in styles)}
        if style in _PLAIN_STYLES:
            wanted.update(_PLAIN_STYLES)
        return tuple(text for told, said in of_action.items() if told in wanted for text in said)


class Dealer:
    """Deals the sentences for each action and style in turn, so that all are used about as often."""

    def __init__(self, spoken: Spoken, dataset: Dataset, generator: np.random.Generator) -> None:
        self._spoken, self._generator = spoken, generator
        self._styles: dict[str, set[str]] = {}
        self._clips: dict[tuple[str, str], int] = {}
        for clip in dataset.clips:
            if clip.split == "train":
                # A mirrored clip shows the mirrored action in the same style.
                for action in {clip.action, clip.action_mirrored}:
                    self._styles.setdefault(action, set()).add(clip.style)
                    self._clips[action, clip.style] = self._clips.get((action, clip.style), 0) + 1
        self._stacks: dict[tuple[str, str], list[str]] = {}

    def deal(self, action: str, style: str, count: int) -> tuple[str, ...]:
        """`count` sentences for a clip, or more where there are few clips for many sentences."""
        if action not in self._styles:
            return ()
        fitting = self._spoken.fitting(action, style, self._styles[action])
        even = -(-_LEAST_TIMES * len(fitting) // max(self._clips.get((action, style), 0), 1))
        stack = self._stacks.setdefault((action, style), [])
        dealt: list[str] = []
        for _ in range(min(max(count, even), len(fitting)) if count else 0):
            if not stack:
                stack.extend(fitting[int(index)] for index in self._generator.permutation(len(fitting)))
            dealt.append(stack.pop())
        return tuple(dict.fromkeys(dealt))
