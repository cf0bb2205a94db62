# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the text encoders are found that nobody ships. Looking for them never downloads anything."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import PackError
from ..home import home_expanded


@dataclass(frozen=True)
class HubFile:
    """A file of a repository of the Hugging Face hub."""

    repository: str
    name: str


@dataclass(frozen=True)
class Source:
    """Where an encoder's files may lie, and how to get them.

    The environment variable `variable` names a file or folder; else the hub's cache is searched
    (`files`, any of which will do), then the paths in `other`. `command` downloads `downloads`: groups of
    files of each of which one is needed, the first that exists.
    """

    title: str
    variable: str
    files: tuple[HubFile, ...]
    command: str
    downloads: tuple[tuple[HubFile, ...], ...]
    other: tuple[str, ...] = ()

    @property
    def local_copy(self) -> str:
        """What `variable` is to name."""
        address = f"https://huggingface.co/{self.files[0].repository}"
        if len(self.downloads) > 1:
            return f"a folder with the files of {address}"
        return f"a copy of {self.files[0].name} of {address}"


def find_file(source: Source) -> Path:
    """The file to read. Nothing is downloaded. Raises PackError (text_encoder_missing)."""
    names = dict.fromkeys(file.name for file in source.files)
    told = os.environ.get(source.variable, "")
    if told:
        path = home_expanded(told)
        for candidate in (path, *(path / name for name in names)):
            if candidate.is_file():
                return candidate
        raise PackError(
            "text_encoder_missing",
            f"{source.variable} says that {source.title} is in {path}, but there is no file {' or '.join(names)}.",
            f"Correct {source.variable}, or unset it to use the hub's cache.",
            {"file": str(path)},
        )
    for file in source.files:
        cached = _in_hub_cache(file)
        if cached is not None:
            return cached
    for other in source.other:
        if (path := home_expanded(other)).is_file():
            return path
    raise PackError(
        "text_encoder_missing",
        f"The pack reads text with {source.title}, whose weights are not on this computer.",
        f"Run `{source.command}` to download them, or set {source.variable} to {source.local_copy}.",
        {"variable": source.variable, "repository": source.files[0].repository},
    )


def _in_hub_cache(file: HubFile) -> Path | None:
    """Where the hub's own library keeps a downloaded file, whichever program downloaded it."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(file.repository, file.name)
    return Path(found) if isinstance(found, str) and Path(found).is_file() else None


MODULES_FILE: Final = "modules.json"
_OPEN_CLIP: Final = tuple(
    HubFile("timm/vit_large_patch14_clip_224.openai", name)
    for name in ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
)
_OPENAI_CLIP: Final = tuple(
    HubFile("openai/clip-vit-large-patch14", name) for name in ("model.safetensors", "pytorch_model.bin")
)
CLIP: Final = Source(
    title="CLIP (ViT-L-14, OpenAI)",
    variable="MLD_CLIP_WEIGHTS",
    files=(*_OPEN_CLIP, *_OPENAI_CLIP),
    command="python -m mld_engine fetch-text-encoder clip",
    downloads=(_OPEN_CLIP,),
    other=("~/.cache/clip/ViT-L-14.pt",),
)
_SENTENCE_T5: Final = "sentence-transformers/sentence-t5-large"
SENTENCE_T5: Final = Source(
    title="Sentence-T5 (sentence-t5-large)",
    variable="MLD_T5_MODEL",
    files=(HubFile(_SENTENCE_T5, MODULES_FILE),),
    command="python -m mld_engine fetch-text-encoder t5",
    downloads=tuple(
        tuple(HubFile(_SENTENCE_T5, name) for name in names)
        for names in (
            (MODULES_FILE,),
            ("config.json",),
            ("tokenizer.json",),
            ("model.safetensors", "pytorch_model.bin"),
            ("1_Pooling/config.json",),
            ("2_Dense/config.json",),
            ("2_Dense/model.safetensors", "2_Dense/pytorch_model.bin"),
        )
    ),
)
SOURCES: Final = {"clip": CLIP, "t5": SENTENCE_T5}
"""By the name that the command line has for them."""
