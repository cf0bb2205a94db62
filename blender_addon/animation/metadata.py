# SPDX-License-Identifier: GPL-3.0-or-later
"""TakeMetadata: what a take was made from, as the ID properties of its Action hold it. No bpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, astuple, dataclass, fields, replace
from pathlib import PurePath
from typing import Any, Final

from .names import NAME_BYTES, one_line, trim

PREFIX: Final = "mld_"
_INT32_LIMIT: Final = 2**31
_SAME_SECONDS: Final = 0.1
"""A file that is longer or shorter than its request was cut, and is no longer what the request makes."""


@dataclass(frozen=True)
class TakeMetadata:
    """Everything needed to ask the engine for the same motion again, and the frame rate of the keys."""

    prompt: str
    """Empty unless the take was made from text."""
    action: str
    """Action label; empty unless the take was made from one."""
    style: str
    seed: int
    guidance: float
    steps: int
    seconds: float
    fps: float
    """Frames per second of the keys: that of the scene when they were written, not that of the motion."""
    pack: str
    pack_sha256: str
    version: str
    """Version of engine and add-on, which never differ; of an imported motion, that of the engine which made it."""
    file: str = ""
    """Name of the file that the motion was imported from; empty for one that the engine sent."""
    style_drawn: bool = False
    """Whether the seed chose the style, as no style was asked for."""

    @classmethod
    def from_engine(cls, meta: Mapping[str, Any], scene_fps: float) -> TakeMetadata:
        """From the `meta` of the engine's motion message. Raises KeyError for a missing field."""
        return cls(
            prompt=str(meta["text"] or ""),
            action=str(meta["action"] or ""),
            style=str(meta["style"] or ""),
            seed=int(meta["seed"]),
            guidance=float(meta["guidance"]),
            steps=int(meta["steps"]),
            seconds=float(meta["seconds"]),
            fps=float(scene_fps),
            pack=str(meta["pack"]),
            pack_sha256=str(meta["pack_sha256"]),
            version=str(meta["engine_version"]),
            style_drawn=bool(meta.get("style_drawn")),
        )

    @classmethod
    def from_file(cls, meta: Mapping[str, Any], scene_fps: float, *, file: str, seconds: float) -> TakeMetadata:
        """From the `meta` of a motion file. A file that does not say what made it gives an empty request."""
        file = file.encode("utf-8", "replace").decode("utf-8")
        try:
            known = replace(cls.from_engine(meta, scene_fps), file=file)
            known._check_storable()
        except (KeyError, OverflowError, TypeError, ValueError):
            known = None
        if known is None or not abs(known.seconds - seconds) < _SAME_SECONDS:
            return cls("", "", "", 0, 0.0, 0, seconds, float(scene_fps), "", "", "", file)
        return known

    def _check_storable(self) -> None:
        """Raises OverflowError or UnicodeEncodeError for what ID properties cannot hold; no engine sends such."""
        if not -_INT32_LIMIT <= self.steps < _INT32_LIMIT:
            raise OverflowError(f"{self.steps} steps")
        for value in astuple(self):
            str(value).encode("utf-8")

    @property
    def has_request(self) -> bool:
        """Whether the engine can be asked for this motion again."""
        return bool(self.pack)

    def to_properties(self) -> dict[str, str | int | float]:
        """ID properties: `mld_prompt`, `mld_action`, ... `mld_version`, further ones where they say something.

        A seed that needs more than the 32 bits of an integer property is kept as its decimal digits.
        """
        values = {
            PREFIX + field.name: getattr(self, field.name)
            for field in fields(self)
            if field.default is MISSING or getattr(self, field.name) != field.default
        }
        if not -_INT32_LIMIT <= self.seed < _INT32_LIMIT:
            values[PREFIX + "seed"] = str(self.seed)
        return values

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> TakeMetadata:
        """The inverse of `to_properties`. Raises KeyError for a missing property, ValueError for a damaged one."""
        kinds = {"str": str, "int": int, "float": float, "bool": bool}
        held = [field for field in fields(cls) if field.default is MISSING or PREFIX + field.name in properties]
        return cls(**{field.name: kinds[str(field.type)](properties[PREFIX + field.name]) for field in held})

    def request(self, *, drawn_style: bool = True) -> dict[str, Any]:
        """The fields of the engine's `generate` message that makes this motion again, bit for bit on the same device.

        Without `drawn_style`, a style that the seed chose is left out, so that another seed chooses again.
        `pack` names the pack; whether it still has the bytes of `pack_sha256` is for the caller to compare.
        """
        request: dict[str, Any] = {
            "seconds": self.seconds,
            "seed": self.seed,
            "count": 1,
            "guidance": self.guidance,
            "steps": self.steps,
            # Of a take that fits into one segment nothing is chained.
            "chain": True,
            "pack": self.pack,
        }
        if self.prompt:
            request["text"] = self.prompt
        elif self.action:
            request["action"] = self.action
            if self.style and (drawn_style or not self.style_drawn):
                request["style"] = self.style
        return request

    def name(self) -> str:
        """What the animator reads: `an old man walks slowly · seed 42`. A long request is cut, the seed never.

        Without a request, the name of the file.
        """
        if not self.has_request and self.file:
            return trim(one_line(PurePath(self.file).stem), NAME_BYTES, "…")
        label = self.prompt or (f"{self.action}, {self.style}" if self.style else self.action) or "free motion"
        ending = f" · seed {self.seed}"
        return trim(one_line(label), NAME_BYTES - len(ending.encode()), "…") + ending
