# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a pack: whole, or not at all."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save
from torch import Tensor

from ..errors import EngineError, RequestError
from .config import PackConfig, config_values
from .pack import CONFIG_FILE, HASH_FILE, Pack, hash_files, model_files

CARD_FILE: Final = "MODEL_CARD.md"
LICENCE_FILE: Final = "LICENSE.txt"
_HALF_LIMIT: Final = torch.finfo(torch.float16).max


def write_pack(
    directory: Path,
    config: PackConfig,
    *,
    encoder: Mapping[str, Tensor] | None,
    decoder: Mapping[str, Tensor] | None,
    denoiser: Mapping[str, Tensor],
    statistics: Mapping[str, Tensor],
    model_card: str,
    licence_text: str,
    extra_files: Mapping[str, bytes] | None = None,
    half: bool = True,
    overwrite: bool = False,
) -> Pack:
    """Write a pack's folder and open it.

    Encoder and decoder are given exactly where the configuration has a VAE. Weights are stored in
    half precision if `half`, else in single; statistics always in single. `extra_files` (plain file
    names) lie beside the rest. Everything is written to a folder next to `directory`, checked by opening it,
    and only then given its name: an interruption leaves no half pack, and an older pack as it was.

    Raises RequestError (output_exists) where something is there already, unless it is a pack and
    `overwrite` is given; PackError for a configuration that contradicts itself; EngineError
    (output_failed) where the folder cannot be written.
    """
    components = {"encoder": encoder, "decoder": decoder, "denoiser": denoiser, "statistics": statistics}
    present = {name: tensors for name, tensors in components.items() if tensors is not None}
    expected = model_files(config)
    assert {CONFIG_FILE, *(f"{name}.safetensors" for name in present)} == set(expected), (
        f"this configuration goes with {', '.join(expected)}"
    )
    files = {
        CONFIG_FILE: (json.dumps(config_values(config), indent=1, ensure_ascii=False) + "\n").encode("utf-8"),
        CARD_FILE: model_card.encode("utf-8"),
        LICENCE_FILE: licence_text.encode("utf-8"),
    }
    extras = dict(extra_files or {})
    taken = {*files, *expected, HASH_FILE}
    for name in extras:
        assert name not in taken, f"{name} is written anyway"
        assert name == Path(name).name, f"{name!r} is no plain file name"
    check_pack_directory(directory, overwrite=overwrite)
    with _new_folder(directory) as folder:
        for name, data in {**files, **extras}.items():
            (folder / name).write_bytes(data)
        for name, tensors in present.items():
            stored = _stored(tensors, torch.float16 if half and name != "statistics" else torch.float32)
            (folder / f"{name}.safetensors").write_bytes(save(stored))
        (folder / HASH_FILE).write_text(json.dumps(hash_files(folder), indent=1) + "\n", encoding="utf-8")
        Pack(folder)
    return Pack(directory.resolve())


def check_pack_directory(directory: Path, *, overwrite: bool) -> None:
    """Find out before the work whether a pack may be written there.

    Raises RequestError (output_exists) for a file, a folder that is no pack, or a pack where
    `overwrite` is not given. An empty folder is free.
    """
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return
    if not (directory / CONFIG_FILE).is_file():
        raise RequestError(
            "output_exists", f"{directory} exists and is no pack.", "Give the name of a folder that does not exist."
        )
    if not overwrite:
        raise RequestError(
            "output_exists",
            f"There is a pack in {directory} already.",
            "Give another folder, or --overwrite to replace that pack.",
        )


def _stored(tensors: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Copies that share no memory, as safetensors wants them; a value beyond half precision's range keeps single."""
    stored = {}
    for name, tensor in tensors.items():
        single = tensor.detach().to("cpu", torch.float32)
        fits = dtype != torch.float16 or not bool((single.abs() > _HALF_LIMIT).any())
        stored[name] = single.to(dtype if fits else torch.float32).clone(memory_format=torch.contiguous_format)
    return stored


@contextmanager
def _new_folder(directory: Path) -> Iterator[Path]:
    """A folder beside `directory` that takes its place when the block ends without an error."""
    mark = secrets.token_hex(4)
    folder = directory.with_name(f".{directory.name}.{mark}.part")
    former = directory.with_name(f".{directory.name}.{mark}.old")
    try:
        folder.mkdir(parents=True)
        yield folder
        if directory.exists():
            directory.rename(former)
        try:
            folder.rename(directory)
        except OSError:
            if former.exists():
                former.rename(directory)
            raise
    except OSError as error:
        raise EngineError(
            "output_failed",
            f"Cannot write the pack {directory}: {error.strerror or error}.",
            "Free some disk space or choose another folder.",
        ) from error
    finally:
        with suppress(OSError):
            shutil.rmtree(folder, ignore_errors=True)
            if directory.exists():
                shutil.rmtree(former, ignore_errors=True)
