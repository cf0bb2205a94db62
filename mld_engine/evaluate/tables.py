# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of measures as a table that people read, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .metrics.interval import Interval

Row = tuple[str, Mapping[str, Interval]]
"""Its name, and measure -> value."""


def as_markdown(rows: Sequence[Row]) -> str:
    """A Markdown table: a row each, a column each measure, `mean ± half width` where it was repeated."""
    columns = list(dict.fromkeys(name for _, values in rows for name in values))
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for name, values in rows:
        cells = [_cell(values[column]) if column in values else "" for column in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def as_values(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """JSON values."""
    return [{"row": name, **{key: value._asdict() for key, value in values.items()}} for name, values in rows]


def _cell(value: Interval) -> str:
    digits = max(0, 3 - len(f"{abs(value.mean):.0f}"))
    mean = f"{value.mean:.{digits + 1 if abs(value.mean) < 1 else digits}f}"
    return f"{mean} ± {value.half_width:.3f}" if value.half_width else mean
