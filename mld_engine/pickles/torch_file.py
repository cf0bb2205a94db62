# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that torch.save wrote, read entry by entry: PyTorch's zip layout (1.6 and newer).

`<name>/data.pkl` describes the object, `<name>/data/<key>` hold the numbers. Nothing is extracted to
the disk; only entries that a checked description refers to are read.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import torch
from torch import Tensor

from ..errors import RequestError
from .machine import RefusedPickle
from .torch_objects import TensorRecord, read_torch_objects

_LEGACY_START: Final = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How files of torch.save before 1.6 begin: a pickled magic number."""
_ENCRYPTED: Final = 1
_READ: Final = ("data.pkl", "data/", "byteorder")
"""How the entries that are read begin, inside the archive's one folder."""
_MAX_SHARING: Final = 4
"""How many times over tensors may use the same numbers; shared weights need two."""


def refused(reason: str) -> RequestError:
    """The error for a checkpoint that is not read."""
    return RequestError(
        "bad_checkpoint",
        f"The checkpoint is refused, and nothing in it was run: {reason}.",
        "Get the file again from its authors' page.",
    )


class TorchFile:
    """An opened checkpoint. `root` is its object with `TensorRecord`s in place of tensors; `inert` names
    the classes that were not read."""

    def __init__(self, path: Path) -> None:
        """Raises RequestError: missing_file, bad_checkpoint."""
        self._zip = _open_zip(path)
        try:
            self._sizes = _entry_sizes(self._zip, path)
            self._prefix = _prefix(list(self._sizes))
            order = self._prefix + "byteorder"
            if order in self._sizes and self._read(order) != b"little":
                raise refused("its numbers are not little-endian")
            self.root: Any
            self.inert: tuple[str, ...]
            self.root, self.inert = read_torch_objects(
                self._read(self._prefix + "data.pkl"), lambda key: self._sizes.get(f"{self._prefix}data/{key}")
            )
        except RefusedPickle as error:
            self._zip.close()
            raise refused(str(error)) from error
        except BaseException:
            self._zip.close()
            raise
        self._storages: dict[str, bytearray] = {}

    def __enter__(self) -> TorchFile:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def tensors(self, records: Mapping[str, TensorRecord]) -> dict[str, Tensor]:
        """The numbers that records describe; tensors of one storage share its memory.

        Raises RequestError (bad_checkpoint) where they are damaged, or used so many times over that a small file
        could ask for any amount of memory.
        """
        held = {record.storage.key: record.storage.count for record in records.values()}
        if sum(record.count for record in records.values()) > _MAX_SHARING * sum(held.values()):
            raise refused("its tensors hold far more numbers than its data")
        return {name: self._tensor(record) for name, record in records.items()}

    def _tensor(self, record: TensorRecord) -> Tensor:
        if record.count == 0:
            return torch.empty(record.size, dtype=record.dtype)
        key = record.storage.key
        if key not in self._storages:
            self._storages[key] = bytearray(self._read(f"{self._prefix}data/{key}"))
        length = record.storage.count * record.storage.dtype.itemsize // record.dtype.itemsize
        flat = torch.frombuffer(self._storages[key], dtype=record.dtype, count=length)
        return flat.as_strided(record.size, record.stride, record.offset)

    def _read(self, name: str) -> bytes:
        try:
            return self._zip.read(name)
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            raise refused(f"its entry {name} is damaged") from error


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        with path.open("rb") as file:
            start = file.read(len(_LEGACY_START))
    except OSError as error:
        raise RequestError(
            "missing_file", f"{path} cannot be read ({error.strerror}).", "Give the path of a checkpoint file."
        ) from error
    if start == _LEGACY_START:
        raise RequestError(
            "bad_checkpoint",
            f"{path} was written by PyTorch before 1.6, in a format that can only be read by running it.",
            "Where you trust it, open it with PyTorch and save it again: torch.save(torch.load(FILE), NEW_FILE).",
        )
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise RequestError(
            "bad_checkpoint",
            f"{path} is no checkpoint of PyTorch, or was not downloaded whole.",
            "Give the .ckpt, .pt or .pth file; unpack it first if it came in a .zip or .tar archive.",
        ) from error


def _entry_sizes(archive: zipfile.ZipFile, path: Path) -> dict[str, int]:
    """Name -> size of the entries that may be read. They are stored as they are, so none exceeds the file."""
    total = path.stat().st_size
    sizes: dict[str, int] = {}
    for entry in archive.infolist():
        name = entry.filename
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
            raise refused(f"it holds an entry with the path {name[:80]!r}, outside of itself")
        if not name.partition("/")[2].startswith(_READ):
            continue
        if name in sizes:
            raise refused(f"it holds {name[:80]} twice")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & _ENCRYPTED:
            raise refused(f"its entry {name[:80]} is compressed or encrypted, as torch.save never does")
        if entry.file_size != entry.compress_size or entry.header_offset + entry.file_size > total:
            raise refused(f"its entry {name[:80]} is larger than the file")
        sizes[name] = entry.file_size
    if sum(sizes.values()) > total:
        raise refused("its entries overlap")
    return sizes


def _prefix(names: list[str]) -> str:
    """The folder of data.pkl inside the archive, with its slash."""
    folders = [name.removesuffix("data.pkl") for name in names if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(folders) != 1:
        raise refused("it is a zip file, but holds no data.pkl as torch.save writes it")
    return folders[0]
