# SPDX-License-Identifier: GPL-3.0-or-later
"""What a virtual environment of ours holds, as JSON inside it: written last, in one go, believed only with care."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

NAME: Final = "mld-stamp.json"
FORMAT: Final = 1


@dataclass(frozen=True)
class Stamp:
    """`groups`: name -> fingerprint of what is installed; `complete` is False while a run is changing things."""

    groups: Mapping[str, str] = field(default_factory=dict)
    replacing: str = ""
    """The group whose old packages are being removed."""
    entries: tuple[str, ...] = ()
    """Names in site-packages at the end of the run that completed it."""
    python: str = ""
    source_root: str = ""
    complete: bool = False
    format: int = FORMAT

    def without(self, group: str) -> Stamp:
        return replace(self, groups={name: mark for name, mark in self.groups.items() if name != group})

    def with_group(self, group: str, fingerprint: str) -> Stamp:
        return replace(self, groups={**self.groups, group: fingerprint}, replacing="")


def read(venv: Path) -> Stamp | None:
    """The stamp of an environment; None when there is none that this version understands."""
    try:
        fields = json.loads((venv / NAME).read_text(encoding="utf-8"))
        stamp = Stamp(**{**fields, "entries": tuple(fields["entries"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return stamp if stamp.format == FORMAT else None


def write(venv: Path, stamp: Stamp) -> None:
    """Replace the stamp atomically: a reader sees the old one or the new one, never half of one."""
    temporary = venv / f"{NAME}.{os.getpid()}.tmp"
    temporary.write_text(json.dumps(asdict(stamp), indent=1) + "\n", encoding="utf-8")
    temporary.replace(venv / NAME)
