# SPDX-License-Identifier: GPL-3.0-or-later
"""More words and more motion from the same clips: a paraphrase grammar, and clips composed in space and in time."""
