# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of the checks: as text for people, as JSON beside the data set."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from ...errors import RequestError

REPORT_FILE: Final = "checks.json"
_EXAMPLES: Final = 3

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. An error keeps the clip out of the data set, a warning does not.

    `check` is a short stable name; `message` completes "CLIP ..."; `clip` is empty for the whole data set.
    """

    check: str
    level: Level
    message: str
    clip: str = ""


@dataclass
class Report:
    """`facts` are sentences about the whole, `notes` what the reader said, `left_out` clip -> reason."""

    name: str
    facts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def errors(self) -> int:
        """Clips left out and errors of the whole data set."""
        return len(self.left_out) + sum(finding.level == "error" for finding in self.findings)

    def text(self) -> str:
        """The report, a few lines for every kind of finding."""
        lines = [f"checks of {self.name}", *(f"  {fact}" for fact in self.facts), *(f"  {note}" for note in self.notes)]
        if self.left_out:
            lines.append(f"left out: {_count(len(self.left_out), 'clip or file')}")
            for reason, names in _grouped((reason, name) for name, reason in self.left_out.items()):
                lines.append(f"  {_named(names)}: {reason}")
        kinds = sorted({(finding.level, finding.check) for finding in self.findings})
        for level, check in kinds:
            found = [finding for finding in self.findings if (finding.level, finding.check) == (level, check)]
            of_clips = [finding for finding in found if finding.clip]
            counted = f" ({_count(len(of_clips), 'clip')})" if of_clips else ""
            lines.append(f"{level}: {check}{counted}")
            lines += [f"  {finding.message}" for finding in found if not finding.clip]
            lines += [f"  {finding.clip}: {finding.message}" for finding in of_clips[:_EXAMPLES]]
            if len(of_clips) > _EXAMPLES:
                lines.append(f"  ... and {len(of_clips) - _EXAMPLES} more in {REPORT_FILE}")
        if not self.left_out and not self.findings:
            lines.append("nothing was found wrong")
        return "\n".join(lines)

    def write(self, folder: Path) -> None:
        """Store the report in a data set's folder."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=1)
        (folder / REPORT_FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Report | None:
        """The stored report, None where there is none. Raises RequestError (bad_dataset) for a damaged one."""
        path = folder / REPORT_FILE
        if not path.is_file():
            return None
        try:
            values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            values["findings"] = [Finding(**finding) for finding in values["findings"]]
            return cls(**values)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RequestError("bad_dataset", f"{path} cannot be read: {error}.", "Remove it.") from error


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    groups: dict[str, list[str]] = {}
    for reason, name in pairs:
        groups.setdefault(reason, []).append(name)
    return list(groups.items())


def _named(names: list[str]) -> str:
    shown = ", ".join(names[:_EXAMPLES])
    return shown if len(names) <= _EXAMPLES else f"{shown} and {len(names) - _EXAMPLES} more"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
