# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds what an interrupted pip left half-installed, and removes its traces so that pip installs it again.

pip writes a distribution's RECORD last and trusts the mere presence of its dist-info folder, so a package
that lost its files, or never got them all, would count as installed for ever.
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path


def damaged_distributions(site_packages: Path) -> list[Path]:
    """The dist-info folders of packages whose files are not all there; compiled .pyc files do not count."""
    return [folder for folder in sorted(site_packages.glob("*.dist-info")) if not _whole(folder, site_packages)]


def _whole(dist_info: Path, site_packages: Path) -> bool:
    try:
        with (dist_info / "RECORD").open(encoding="utf-8", newline="") as record:
            names = [row[0] for row in csv.reader(record) if row and not row[0].endswith(".pyc")]
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return all((site_packages / name).exists() for name in names)


def remove_leftovers(site_packages: Path) -> list[str]:
    """Forget every damaged distribution and delete what pip set aside while uninstalling. Returns their names."""
    damaged = damaged_distributions(site_packages)
    for folder in [*damaged, *site_packages.glob("~*")]:
        if folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
    return [folder.name.split("-")[0] for folder in damaged]


def installed_names(site_packages: Path) -> set[str]:
    """Distribution names, lower case, with dashes, as pip prints them."""
    return {folder.name.split("-")[0].replace("_", "-").lower() for folder in site_packages.glob("*.dist-info")}
