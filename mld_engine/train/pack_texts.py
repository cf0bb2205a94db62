# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts that lie in a pack made from another one: what was done to it, and what may be done with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..checkpoints.pack import Pack
from ..checkpoints.writer import LICENCE_FILE
from ..data.store import Clip, Dataset
from ..errors import PackError


def taught_licence(base: Pack, dataset: Dataset, own: str) -> str:
    """The licence line of a pack that learned from more clips; `own` is what the user says about them."""
    theirs = own or ", ".join(dataset.licences) or "no licence stated"
    return f"{base.licence}; taught with motion of {dataset.name} ({theirs})"


def taught_licence_text(base: Pack, line: str) -> str:
    """LICENSE.txt: the base pack's in full, after what is new."""
    return f"Licence of use of this pack and of motion made with it: {line}\n{licence_of(base)}"


def licence_of(base: Pack) -> str:
    """The base pack's LICENSE.txt in full, to stand below that of a pack made from it."""
    return f"\nLicence of {base.name}:\n\n{_text(base)}"


def student_licence_text(base: Pack) -> str:
    """LICENSE.txt of a student, which is a work of its teacher."""
    return f"This pack was distilled from {base.name} and has its licence: {base.licence}\n\n{_text(base)}"


def student_card(base: Pack, name: str, steps: int, choices: Sequence[int], measured: str) -> str:
    """Markdown; `steps` are the pack's own, out of `choices`."""
    return f"""# {name}

A few-step student of the pack {base.name} ({base.sha256[:12]}): makes a take in {_listed(choices)} steps ({steps} is
its own number) instead of {base.config.schedule.steps}, without computing guidance separately.

**Licence of use: {base.licence}.** See LICENSE.txt.

Made by latent consistency distillation (Luo et al., 2023). Conditions, labels, lengths, VAE and statistics are
those of {base.name}. The guidance scale is an input of the network. The training configuration is in config.toml.

## Measured

{measured or "Not measured yet: see `evaluate`, and `train distill --evaluator`."}
"""


def worded_card(base: Pack, name: str, sentences: int) -> str:
    """Markdown of a pack that was given a text adapter."""
    return f"""# {name}

The pack {base.name} ({base.sha256[:12]}) with a text adapter, trained on {sentences} sentences for its actions: other
words than those of its captions lead to the same motion. Everything else is that of {base.name}.

**Licence of use: {base.licence}.** See LICENSE.txt. The training configuration is in config.toml.
"""


def taught_card(base: Pack, name: str, licence: str, clips: Sequence[Clip], fps: float, trained: str) -> str:
    """Markdown; `clips` are those that were shown, `trained` says how long."""
    labels = Counter(clip.action for clip in clips)
    seconds = sum(clip.frames for clip in clips) / fps
    lines = [f"- {_label(base, label)}: {count} clips" for label, count in sorted(labels.items())]
    captions = list(dict.fromkeys(text for clip in clips for text in clip.captions))
    said = [f"- {text}" for text in captions[:12]] + (
        [f"- and {len(captions) - 12} more"] if len(captions) > 12 else []
    )
    return "\n".join([
        f"# {name}",
        "",
        f"The pack {base.name} ({base.sha256[:12]}), taught more moves.",
        "",
        f"**Licence of use: {licence}.** See LICENSE.txt.",
        "",
        f"## Taught: {len(clips)} clips, {seconds:.0f} s",
        *lines,
        "",
        "## Captions of these clips",
        *(said or ["- none"]),
        "",
        f"{trained} VAE, statistics and lengths are those of {base.name}. So that it keeps what it could do, it was",
        "shown motion of its own meanwhile. The configuration is in config.toml.",
        "",
    ])  # fmt: skip


def _label(base: Pack, label: str) -> str:
    if not label:
        return "without a label"
    return f"`{label}`" if label in base.actions else f"`{label}` (new)"


def _text(base: Pack) -> str:
    try:
        return base.read(LICENCE_FILE).decode("utf-8", "replace")
    except PackError:
        return f"{base.licence}\n"


def _listed(choices: Sequence[int]) -> str:
    *others, last = map(str, choices)
    return f"{', '.join(others)} or {last}"
