# SPDX-License-Identifier: GPL-3.0-or-later
"""From a source to a data set: what is fit to be learnt from is written, the rest is reported."""

from __future__ import annotations

import sys
from pathlib import Path

from tqdm import tqdm

from ..errors import RequestError
from .checks import Checker, Finding, Report, check_dataset
from .sources.found import LeftOut, Note
from .sources.source import Source
from .store import Dataset, DatasetWriter


def prepare(source: Source, target: Path, *, strict: bool = False) -> Report:
    """Write the clips of `source` that pass the checks as the data set `target`; the report is stored in it.

    Raises RequestError: output_exists; no_clips where nothing is left, and checks_failed with `strict`
    where anything is wrong that keeps a clip out, both with the report as details["report"].
    """
    checker, left_out, notes = Checker(source.fps, source.offsets), dict[str, str](), list[str]()
    try:
        with DatasetWriter(target, name=target.name, fps=source.fps, offsets=source.offsets) as writer:
            for found in tqdm(source.found, desc=source.name, unit="clip", disable=not sys.stderr.isatty()):
                if isinstance(found, Note):
                    notes.append(found.message)
                elif isinstance(found, LeftOut):
                    left_out[found.name] = found.reason
                elif errors := _errors(checker.check(found)):
                    left_out[found.name] = "; ".join(error.message for error in errors)
                else:
                    writer.add(found)
            report = checker.report(target.name)
            report.notes, report.left_out = notes, left_out
            if strict and report.errors:
                raise RequestError(
                    "checks_failed", f"{report.errors} clips or files do not pass the checks, so nothing was written.",
                    "Repair or remove them, or leave out --strict.", {"report": report.text()},
                )  # fmt: skip
            for write in (*source.files, report.write):
                writer.add_file(write)
    except RequestError as error:
        if error.code != "no_clips":
            raise
        report = Report(target.name, notes=notes, left_out=left_out)
        hint = "The report tells why each was left out." if left_out else error.hint
        raise RequestError("no_clips", error.message, hint, {"report": report.text()}) from error
    return report


def check_again(folder: Path) -> Report:
    """The checks of a data set on disk, with what `prepare` noted and left out when it was made."""
    report = check_dataset(Dataset.open(folder))
    stored = Report.read(folder)
    if stored is not None:
        report.notes, report.left_out = stored.notes, stored.left_out
    return report


def _errors(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level == "error"]
