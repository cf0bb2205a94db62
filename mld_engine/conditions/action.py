# SPDX-License-Identifier: GPL-3.0-or-later
"""Label tables: an action or style name -> the row of its learned embedding; the style of a take without one."""

from __future__ import annotations

import difflib
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, Literal

import numpy as np

from ..checkpoints.config import PackConfig
from ..errors import RequestError

_STYLE_STREAM: Final = 1
"""Beside a take's seed, so that the draw of its style is not the beginning of any other draw from that seed."""


def label_row(kind: Literal["action", "style"], label: str, labels: Sequence[str], pack_name: str) -> int:
    """Row of `label`, matched exactly.

    Raises RequestError (unknown_action or unknown_style) with the closest labels in its hint and in
    details["close"].
    """
    if label in labels:
        return list(labels).index(label)
    close = close_labels(label, labels)
    if not labels:
        hint = f"It has no {kind} labels."
    elif close:
        hint = f"Close to it: {', '.join(close)}."
    else:
        hint = f"Its {kind} labels are: {', '.join(labels)}."
    raise RequestError(
        f"unknown_{kind}", f"The pack {pack_name!r} has no {kind} {label[:60]!r}.", hint, {"close": close}
    )


def style_of_take(config: PackConfig, action: str, seed: int) -> str | None:
    """The style that a take of `action` has where none was asked for: drawn as often as training saw it.

    The same seed draws the same style. None where the pack does not say in which styles it saw the action.
    """
    counts = next((seen.counts for seen in config.action_styles if seen.action == action), None)
    if counts is None:
        return None
    ends = list(accumulate(count for _, count in counts))
    share = np.random.default_rng([_STYLE_STREAM, seed]).random()
    return counts[bisect([end / ends[-1] for end in ends], share)][0]


def close_labels(label: str, labels: Sequence[str], limit: int = 3) -> list[str]:
    """Up to `limit` labels that share a word with `label`, or are spelt like it, the closest first."""
    wanted = "_".join(label.lower().split())[:60]
    words = set(wanted.split("_")) - {""}
    sharing = [name for name in labels if words & set(name.lower().split("_"))]
    alike = difflib.get_close_matches(wanted, labels, n=limit, cutoff=0.6)
    return list(dict.fromkeys([*alike, *sharing]))[:limit]
