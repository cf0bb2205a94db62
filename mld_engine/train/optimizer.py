# SPDX-License-Identifier: GPL-3.0-or-later
"""AdamW with a scheduled learning rate, gradient clipping and a moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from .options import Decay, OptimizerOptions


def rate_factor(progress: float, step: int, warm_up: int, decay: Decay) -> float:
    """Share of the learning rate: a half cosine from 1 to 0 over `progress` 0..1, times a linear rise.

    The rise takes `warm_up` steps, however long they take: in a time box the first steps, which are captured,
    may last as long as a thousand others.
    """
    rise = min((step + 1) / warm_up, 1.0) if warm_up else 1.0
    return rise if decay == "constant" else rise * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def average_decay(step: int, decay: float) -> float:
    """Decay of the moving average after `step` updates: small at first, so that it forgets the initial weights."""
    return min(decay, (1 + step) / (10 + step))


class Optimizer:
    """Steps the trainable parameters of named networks; everything it does in `step` can be in a CUDA graph.

    Names of parameters are "<network>.<parameter>".
    """

    def __init__(self, networks: Mapping[str, nn.Module], options: OptimizerOptions) -> None:
        self._options = options
        self._networks = dict(networks)
        self.parameters = {
            f"{prefix}.{name}": parameter
            for prefix, network in networks.items()
            for name, parameter in network.named_parameters()
            if parameter.requires_grad
        }
        values = list(self.parameters.values())
        device = values[0].device
        cuda = device.type == "cuda"
        # On the device, because a graph reads them anew at every replay.
        self._rate = torch.tensor(0.0, device=device)
        self._average_weight = torch.tensor(0.0, device=device)
        self._average = [value.detach().clone() for value in values]
        # Vectors (biases, norms) are not decayed.
        groups = [
            {"params": [value for value in values if value.dim() > 1], "weight_decay": options.weight_decay},
            {"params": [value for value in values if value.dim() <= 1], "weight_decay": 0.0},
        ]
        self._adam = torch.optim.AdamW(
            [group for group in groups if group["params"]],
            lr=0.0,
            betas=(options.betas[0], options.betas[1]),
            fused=True if cuda else None,
            capturable=cuda,
        )
        if cuda:
            for group in self._adam.param_groups:
                group["lr"] = self._rate

    def schedule(self, progress: float, step: int) -> float:
        """Set learning rate and average for the coming step; returns the rate."""
        options = self._options
        rate = options.learning_rate * rate_factor(progress, step, options.warm_up, options.decay)
        self._rate.fill_(rate)
        for group in self._adam.param_groups:
            if not isinstance(group["lr"], Tensor):
                group["lr"] = rate
        self._average_weight.fill_(1 - average_decay(step, options.ema))
        return rate

    def step(self, loss: Tensor) -> None:
        """Backward, clip, update, average."""
        self._adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        values: list[Tensor] = list(self.parameters.values())
        if self._options.clip > 0:
            nn.utils.clip_grad_norm_(values, self._options.clip, foreach=True)
        self._adam.step()
        if self._options.ema > 0:
            with torch.no_grad():
                change = list(torch._foreach_sub(values, self._average))
                torch._foreach_mul_(change, self._average_weight)
                torch._foreach_add_(self._average, change)

    def averaged(self) -> dict[str, Tensor]:
        """All tensors of the networks, to be used: trained ones as their moving average, if there is one."""
        tensors = self._tensors()
        if self._options.ema > 0:
            tensors |= dict(zip(self.parameters, self._average, strict=True))
        return tensors

    def _tensors(self) -> dict[str, Tensor]:
        """All tensors of the networks as they are, trained or not."""
        return {
            f"{prefix}.{name}": tensor
            for prefix, network in self._networks.items()
            for name, tensor in network.state_dict().items()
        }

    def state(self) -> dict[str, Tensor]:
        """Weights, moving average and moments, by name; and what is not trained, which may have been fitted to data."""
        tensors = {f"fixed/{name}": value for name, value in self._tensors().items() if name not in self.parameters}
        for (name, parameter), average in zip(self.parameters.items(), self._average, strict=True):
            tensors[f"weight/{name}"], tensors[f"average/{name}"] = parameter.detach(), average
            for key, value in self._adam.state[parameter].items():
                tensors[f"{key}/{name}"] = value
        return tensors

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `state` gave. Raises KeyError or RuntimeError where it is another network's."""
        for name, value in self._tensors().items():
            if f"fixed/{name}" in tensors:
                value.copy_(tensors[f"fixed/{name}"])
        for (name, parameter), average in zip(self.parameters.items(), self._average, strict=True):
            parameter.copy_(tensors[f"weight/{name}"])
            average.copy_(tensors[f"average/{name}"])
            if f"step/{name}" not in tensors:
                continue  # a parameter that got no gradient yet
            moments = {key: tensors[f"{key}/{name}"] for key in ("exp_avg", "exp_avg_sq")}
            # AdamW counts in float32, on the device only where a graph has to see it.
            count = tensors[f"step/{name}"].to(parameter.device if parameter.is_cuda else "cpu")
            self._adam.state[parameter] = {
                "step": count,
                **{key: value.to(parameter.device) for key, value in moments.items()},
            }
