# SPDX-License-Identifier: GPL-3.0-or-later
"""A pack: one folder with a model's configuration, weights, statistics, licence and hashes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import PackError
from ..home import home_expanded
from .config import PackConfig, parse_config

if TYPE_CHECKING:
    from torch import Tensor

SHIPPED_PACKS: Final = Path(__file__).resolve().parent.parent / "packs"
PACKS_VARIABLE: Final = "MLD_PACKS_DIR"
"""Environment variable: more folders of packs, separated as in PATH."""
DEFAULT_PACK: Final = "research"
CONFIG_FILE: Final = "config.json"
HASH_FILE: Final = "hashes.json"


class Pack:
    """A pack whose configuration was read and checked; weights are read when `tensors` asks for them.

    Every file is compared with hashes.json at the moment it is read. A folder without hashes.json
    (a pack being made) is taken as it is.
    """

    def __init__(self, directory: Path) -> None:
        """Raises PackError: pack_missing_file, pack_corrupt."""
        self.directory = directory
        self._hashes = _read_hashes(directory)
        file = str(directory / CONFIG_FILE)
        try:
            values = json.loads(self.read(CONFIG_FILE).decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise PackError("pack_corrupt", f"{file} is not JSON: {error}.", _COPY_AGAIN, {"file": file}) from error
        self.config: PackConfig = parse_config(values, file)
        if self._hashes is not None:
            for name in model_files(self.config):
                if name not in self._hashes:
                    raise _bad_hashes(directory, f"no hash of {name}")

    @classmethod
    def open(cls, name_or_directory: str | Path = DEFAULT_PACK) -> Pack:
        """The pack of that name (shipped, or in a folder of MLD_PACKS_DIR), or the one in that directory.

        A name is the one that the pack's configuration gives, which takes keep, or else that of its folder.
        Raises PackError: unknown_pack (the message lists the names there are), pack_missing_file,
        pack_corrupt.
        """
        as_path = Path(name_or_directory)
        if str(name_or_directory) == as_path.name:
            folders = [folder for parent in _pack_folders() for folder in _candidates(parent)]
            named = [folder for folder in folders if _configured_name(folder) == as_path.name]
            named += [folder for folder in folders if folder.name == as_path.name]
            if named:
                return cls(named[0])
        if as_path.is_dir():
            return cls(as_path.resolve())
        names = sorted({folder.name for parent in _pack_folders() for folder in _candidates(parent)})
        raise PackError(
            "unknown_pack",
            f"There is no pack {str(name_or_directory)!r}.",
            f"Packs here: {', '.join(names) or 'none'}; a folder that holds a {CONFIG_FILE} works too.",
            {"packs": names},
        )

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def licence(self) -> str:
        return self.config.licence

    @property
    def fps(self) -> float:
        return self.config.representation.fps

    @property
    def min_seconds(self) -> float:
        return self.config.min_frames / self.fps

    @property
    def max_seconds(self) -> float:
        return self.config.max_frames / self.fps

    @property
    def conditions(self) -> tuple[str, ...]:
        """Out of "text", "action", "unconditional"."""
        return self.config.conditions

    @property
    def actions(self) -> tuple[str, ...]:
        return self.config.actions

    @property
    def styles(self) -> tuple[str, ...]:
        return self.config.styles

    @cached_property
    def offsets(self) -> NDArray[np.float32]:
        """(22, 3) metres: rest position of each joint relative to its parent."""
        return np.array(self.config.offsets, dtype=np.float32)

    @cached_property
    def sha256(self) -> str:
        """Identity of the model: SHA-256 over the sorted lines `name sha256` of its `model_files`.

        Taken from hashes.json, or computed from the files where there is none. Raises PackError.
        """
        names = model_files(self.config)
        hashes = self._hashes or {name: hashlib.sha256(self.read(name)).hexdigest() for name in names}
        lines = sorted(f"{name} {hashes[name]}\n" for name in names)
        return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()

    def read(self, name: str) -> bytes:
        """The bytes of one file, compared with its hash. Raises PackError: pack_missing_file, pack_corrupt."""
        path = self.directory / name
        if self._hashes is not None and name not in self._hashes:
            raise _bad_hashes(self.directory, f"no hash of {name}")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise PackError(
                "pack_missing_file",
                f"The pack in {self.directory} lacks {name} ({error.strerror}).",
                _COPY_AGAIN,
                {"file": str(path)},
            ) from error
        if self._hashes is not None and hashlib.sha256(data).hexdigest() != self._hashes[name]:
            raise PackError(
                "pack_corrupt",
                f"{path} is damaged: its SHA-256 is not the one in {HASH_FILE}.",
                _COPY_AGAIN,
                {"file": str(path)},
            )
        return data

    def tensors(self, component: str) -> dict[str, Tensor]:
        """All tensors of one component (decoder, encoder, denoiser, statistics), as stored, on the CPU.

        Raises PackError: pack_missing_file, pack_corrupt.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        name = f"{component}.safetensors"
        data = self.read(name)
        try:
            return load(data)
        except (SafetensorError, ValueError) as error:
            path = str(self.directory / name)
            raise PackError("pack_corrupt", f"{path} cannot be read: {error}.", _COPY_AGAIN, {"file": path}) from error

    def describe(self) -> dict[str, Any]:
        """What a person or the add-on needs to know, as JSON values."""
        config = self.config
        return {
            "name": self.name,
            "directory": str(self.directory),
            "sha256": self.sha256,
            "licence": self.licence,
            "conditions": list(self.conditions),
            "actions": list(self.actions),
            "styles": list(self.styles),
            "fps": self.fps,
            "min_seconds": self.min_seconds,
            "max_seconds": self.max_seconds,
            "steps": config.schedule.steps,
            "max_steps": config.schedule.max_steps,
            "step_choices": list(config.schedule.step_choices),
            "guidance": config.schedule.guidance_scale,
            "representation": config.representation.name,
            "text_encoder": config.text_encoder.name if config.text_encoder else None,
        }


_COPY_AGAIN: Final = "Copy the pack again from where you got it, or install the add-on's zip file again."


def list_packs(on_problem: Callable[[PackError], None] | None = None) -> list[Pack]:
    """Every pack that opens: the shipped ones, then those in the folders of MLD_PACKS_DIR.

    A folder that does not open is reported to `on_problem` and left out; a name that was already
    found is left out too, as `Pack.open` would not reach it.
    """
    packs: dict[str, Pack] = {}
    for parent in _pack_folders():
        for folder in _candidates(parent):
            if folder.name in packs:
                continue
            try:
                pack = Pack(folder)
                _ = pack.sha256
                packs[folder.name] = pack
            except PackError as error:
                if on_problem is not None:
                    on_problem(error)
    return list(packs.values())


def model_files(config: PackConfig) -> tuple[str, ...]:
    """The files that decide how a motion comes out; a model of raw motion has no VAE.

    `Pack.sha256` covers these and no others, so that a corrected model card does not make a stored
    take look like the work of another model.
    """
    halves = ("decoder", "encoder") if config.vae is not None else ()
    return (CONFIG_FILE, *(f"{component}.safetensors" for component in (*halves, "denoiser", "statistics")))


def hash_files(directory: Path) -> dict[str, str]:
    """SHA-256 of every file of a pack except hashes.json itself: what hashes.json holds."""
    files = sorted(path for path in directory.iterdir() if path.is_file() and path.name != HASH_FILE)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _pack_folders() -> list[Path]:
    extra = os.environ.get(PACKS_VARIABLE, "")
    return [SHIPPED_PACKS, *(home_expanded(folder) for folder in extra.split(os.pathsep) if folder)]


def _candidates(parent: Path) -> list[Path]:
    """None where there is no such folder, or it cannot be read."""
    # A name with a leading dot is a pack that is being written.
    try:
        return sorted(
            folder
            for folder in parent.iterdir()
            if not folder.name.startswith(".") and (folder / CONFIG_FILE).is_file()
        )
    except OSError:
        return []


def _configured_name(folder: Path) -> str | None:
    try:
        name = json.loads((folder / CONFIG_FILE).read_bytes())["name"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return name if isinstance(name, str) else None


def _read_hashes(directory: Path) -> dict[str, str] | None:
    path = directory / HASH_FILE
    if not path.is_file():
        return None
    try:
        hashes = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(hashes, dict) or not all(isinstance(value, str) for value in hashes.values()):
            raise ValueError("no object of texts")
    except (OSError, ValueError, RecursionError) as error:
        raise _bad_hashes(directory, str(error)) from error
    return hashes


def _bad_hashes(directory: Path, problem: str) -> PackError:
    path = directory / HASH_FILE
    return PackError("pack_corrupt", f"{path} cannot be read: {problem}.", _COPY_AGAIN, {"file": str(path)})
