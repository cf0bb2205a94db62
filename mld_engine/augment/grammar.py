# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences for an action and a style, from words kept in a JSON file that anyone can add to.

subjects  who it may be
frames    sentences around {subject} and the verb as {s} (walks), {ing} (walking), {plain} (walk)
styles    style -> `manners` (said after the verb) and `subjects` (said instead of the subject)
speeds    `fast`, `slow` -> manners; directions: `left`, `right`, `straight` -> manners
actions   action -> phrases whose verbs stand after ^, in their plain form: "^walk and ^turn left"
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

ENGLISH: Final = Path(__file__).with_name("english.json")
_VERB: Final = re.compile(r"\^([a-z]+)")
_VOWELS: Final = "aeiou"
_IRREGULAR: Final = {"have": "has", "be": "is"}
_DOUBLED: Final = frozenset({
    "bob", "bog", "chop", "clap", "cut", "dip", "drop", "get", "grab", "hit", "hop", "hug", "jab", "jog",
    "kip", "lug", "nod", "pat", "plod", "put", "rip", "rub", "run", "set", "shrug", "shun", "sidestep",
    "sip", "sit", "skip", "slip", "spin", "squat", "stab", "step", "stop", "strut", "swim", "tap", "trip",
    "trot", "tug", "wag",
})  # fmt: skip
"""Verbs of one stressed closed syllable: their last letter is doubled before -ing."""


def third_person(verb: str) -> str:
    """walk -> walks, push -> pushes, carry -> carries, have -> has."""
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb.endswith(("s", "x", "z", "ch", "sh", "o")):
        return verb + "es"
    if verb.endswith("y") and verb[-2] not in _VOWELS:
        return verb[:-1] + "ies"
    return verb + "s"


def gerund(verb: str) -> str:
    """walk -> walking, dance -> dancing, lie -> lying, run -> running."""
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return verb[:-1] + "ing"
    return (verb + verb[-1] if verb in _DOUBLED else verb) + "ing"


def _plain(verb: str) -> str:
    return verb


_FORMS: Final[dict[str, Callable[[str], str]]] = {"s": third_person, "ing": gerund, "plain": _plain}
Inflect = Callable[[str], str]
"""A phrase with its verbs marked -> the phrase in one form."""


def _inflected(phrase: str, form: Callable[[str], str]) -> str:
    return _VERB.sub(lambda verb: form(verb[1]), phrase)


@dataclass(frozen=True)
class Grammar:
    """The words of one file."""

    subjects: tuple[str, ...]
    frames: tuple[str, ...]
    manners: dict[str, tuple[str, ...]]
    styled_subjects: dict[str, tuple[str, ...]]
    speeds: dict[str, tuple[str, ...]]
    directions: dict[str, tuple[str, ...]]
    phrases: dict[str, tuple[str, ...]]

    @classmethod
    def read(cls, path: Path = ENGLISH) -> Grammar:
        """Raises ValueError naming what is wrong with the file."""
        try:
            words: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            grammar = cls(
                tuple(words["subjects"]),
                tuple(words["frames"]),
                {style: tuple(said["manners"]) for style, said in words["styles"].items()},
                {style: tuple(said["subjects"]) for style, said in words["styles"].items()},
                {speed: tuple(manners) for speed, manners in words["speeds"].items()},
                {direction: tuple(manners) for direction, manners in words["directions"].items()},
                {action: tuple(phrases) for action, phrases in words["actions"].items()},
            )
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} is not JSON: {error}") from error
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} lacks {error}: it needs subjects, frames, styles, speeds, directions and actions"
            ) from error
        for action, phrases in grammar.phrases.items():
            for phrase in phrases:
                if not _VERB.match(phrase):
                    raise ValueError(f"{path}: the phrase {phrase!r} of {action!r} does not start with ^ and a verb")
        return grammar

    def sentence(
        self, action: str, style: str, generator: np.random.Generator, manners: tuple[str, ...] = ()
    ) -> str | None:
        """One of the sentences that ask for the action in the style; None for an action without phrases.

        Where there are `manners`, such as those of a speed, one of them is said instead of the style.
        """
        if not self.phrases.get(action):
            return None
        phrase = _one(self.phrases[action], generator)
        return self._around(style, generator, lambda inflect: inflect(phrase), manners)

    def meanwhile(self, action: str, doing: str, style: str, generator: np.random.Generator) -> str | None:
        """An action while `doing` another with the arms: "a man walks forward while waving the right hand"."""
        if not (self.phrases.get(action) and self.phrases.get(doing)):
            return None
        phrase, other = _one(self.phrases[action], generator), _one(self.phrases[doing], generator)
        joint = _one(("while", "and at the same time is", "while also"), generator)
        return self._around(style, generator, lambda inflect: f"{inflect(phrase)} {joint} {_inflected(other, gerund)}")

    def afterwards(self, first: str, second: str, style: str, generator: np.random.Generator) -> str | None:
        """One action, then another: "a man walks forward, then bows"."""
        if not (self.phrases.get(first) and self.phrases.get(second)):
            return None
        one, two = _one(self.phrases[first], generator), _one(self.phrases[second], generator)
        joint = _one((", then", " and then", " and", ", after that"), generator)
        return self._around(style, generator, lambda inflect: f"{inflect(one)}{joint} {inflect(two)}")

    def _around(
        self,
        style: str,
        generator: np.random.Generator,
        said: Callable[[Inflect], str],
        instead: tuple[str, ...] = (),
    ) -> str:
        """A frame around what is `said`, in the style.

        A style is told by a manner, by a subject or (one time in four, and always where there are no
        words for it) not at all, as people leave it out.
        """
        frame, subject, manner = _one(self.frames, generator), _one(self.subjects, generator), ""
        manners, subjects = self.manners.get(style, ()), self.styled_subjects.get(style, ())
        told = generator.random()
        if instead:
            manner = _one(instead, generator)
        elif told < 0.375 and subjects and "{subject}" in frame:
            subject = _one(subjects, generator)
        elif told < 0.75 and manners:
            manner = _one(manners, generator)
        forms = {form: said(partial(_inflected, form=inflect)) for form, inflect in _FORMS.items()}
        return f"{frame.format(subject=subject, **forms)} {manner}".strip()

    def sentences(
        self, action: str, style: str, count: int, generator: np.random.Generator, manners: tuple[str, ...] = ()
    ) -> list[str]:
        """Up to `count` different ones of `sentence`, in the order of the draw."""
        drawn = (self.sentence(action, style, generator, manners) for _ in range(4 * count))
        return list(dict.fromkeys(sentence for sentence in drawn if sentence is not None))[:count]


def _one(choices: tuple[str, ...], generator: np.random.Generator) -> str:
    return choices[int(generator.integers(len(choices)))]
