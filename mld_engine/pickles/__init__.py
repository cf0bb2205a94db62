# SPDX-License-Identifier: GPL-3.0-or-later
"""Other people's pickles, read without running anything in them.

`machine` carries out a pickle's operations and calls nothing; `torch_objects` and `numpy_objects` say what the names
mean that torch.save and numpy write; `torch_file` is the archive around a checkpoint's pickle.
"""
