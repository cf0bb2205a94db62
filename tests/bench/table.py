# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench's figures as Markdown, with what misses its bar."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from tests.bench.measures import Costs, Quality


@dataclass(frozen=True)
class Row:
    """One character: its figures, or why there are none."""

    rig: str
    bones: str
    """How the bones were found and how sure that is."""
    quality: Quality | None = None
    costs: Costs | None = None
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with the figures that follow from others and the bars that were missed."""
        values = asdict(self)
        if self.quality is not None:
            values["quality"]["key_ratio"] = self.quality.key_ratio
        return {**values, "missed": missed(self)}


BARS: Final[tuple[tuple[str, Callable[[Row], float], float], ...]] = (
    ("limb error mean, foot lock off [deg]", lambda row: row.quality.limb_mean_free, 1.0),
    ("limb error max, foot lock off [deg]", lambda row: row.quality.limb_max_free, 3.0),
    ("foot slide, foot lock on [cm]", lambda row: row.quality.slide_locked, 1.0),
    ("below the ground [mm]", lambda row: row.quality.sink_locked, 5.0),
    ("knee speed ratio", lambda row: row.quality.knee_ratio, 1.3),
    ("share of keys left by BEZIER", lambda row: 1.0 / row.quality.key_ratio, 1.0 / 5.0),
    ("write, CPU [ms]", lambda row: row.costs.write.cpu, 50.0),
)
"""What it is, how it is read off, and the largest good value."""

_QUALITY: Final[tuple[tuple[str, Callable[[Quality], str]], ...]] = (
    ("limbs off mean / max °", lambda q: f"{q.limb_mean_free:.3f} / {q.limb_max_free:.3f}"),
    ("limbs on mean / max °", lambda q: f"{q.limb_mean_locked:.2f} / {q.limb_max_locked:.1f}"),
    ("hands, feet mean / max %", lambda q: f"{100.0 * q.effector_mean:.1f} / {100.0 * q.effector_max:.1f}"),
    ("slide off → on cm", lambda q: f"{q.slide_free:.1f} → {q.slide_locked:.2f}"),
    ("below ground mm", lambda q: f"{q.sink_locked:.1f}"),
    ("knee ratio", lambda q: f"{q.knee_ratio:.2f}"),
    ("keys dense → BEZIER", lambda q: f"{q.dense_keys} → {q.bezier_keys} ({q.key_ratio:.1f}x)"),
    ("its error ° / mm", lambda q: f"{q.reduction_degrees:.2f} / {q.reduction_mm:.1f}"),
)
_COSTS: Final[tuple[tuple[str, Callable[[Costs], str]], ...]] = (
    ("bones", lambda c: str(c.bones)),
    ("curves", lambda c: str(c.curves)),
    ("solve ms, CPU / wall", lambda c: f"{c.solve.cpu:.0f} / {c.solve.wall:.0f}"),
    ("write ms, CPU / wall", lambda c: f"{c.write.cpu:.0f} / {c.write.wall:.0f}"),
    ("write BEZIER ms, CPU / wall", lambda c: f"{c.write_bezier.cpu:.0f} / {c.write_bezier.wall:.0f}"),
)


def missed(row: Row) -> list[str]:
    """What of the row misses its bar, as sentences."""
    if row.quality is None or row.costs is None:
        return []
    values = [(what, read(row), bar) for what, read, bar in BARS]
    return [f"{what}: {value:.3g}, bar {bar:.3g}" for what, value, bar in values if value > bar]


def markdown(rows: Sequence[Row], heading: str) -> str:
    measured = [row for row in rows if row.quality is not None]
    quality = _lines(("rig", "bones found by", *(name for name, _ in _QUALITY)), (
        (row.rig, row.bones, *(show(row.quality) for _, show in _QUALITY)) for row in measured
    ))  # fmt: skip
    costs = _lines(("rig", *(name for name, _ in _COSTS)), (
        (row.rig, *(show(row.costs) for _, show in _COSTS)) for row in measured
    ))  # fmt: skip
    notes = [f"- {row.rig}: {row.problem}" for row in rows if row.problem]
    notes += [f"- {row.rig}: {sentence}" for row in rows for sentence in missed(row)]
    ending = ["", "Misses its bar or was left out:", "", *notes] if notes else ["", "Every bar is met."]
    return "\n".join([heading, "", *quality, "", *costs, *ending, ""])


def _lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
