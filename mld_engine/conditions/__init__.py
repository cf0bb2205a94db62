# SPDX-License-Identifier: GPL-3.0-or-later
"""What a motion is made from: a text, an action label with an optional style, or nothing."""
