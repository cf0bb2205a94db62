# SPDX-License-Identifier: GPL-3.0-or-later
"""Noise schedule, samplers and guidance: published anchors, closed forms, round trips."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from mld_engine.checkpoints.config import Prediction, SamplerPreset, ScheduleConfig
from mld_engine.diffusion.ddim import ddim_sigma, ddim_step
from mld_engine.diffusion.ddpm import ddpm_step
from mld_engine.diffusion.guidance import guide
from mld_engine.diffusion.lcm import boundary, lcm_step
from mld_engine.diffusion.prediction import Estimate, add_noise, estimate, target
from mld_engine.diffusion.sampler import sample
from mld_engine.diffusion.schedule import NoiseSchedule, Step

CONFIG = ScheduleConfig(
    train_steps=1000,
    beta_start=0.00085,
    beta_end=0.012,
    beta_schedule="scaled_linear",
    prediction="eps",
    steps=50,
    guidance_scale=7.5,
    spacing="leading",
    steps_offset=1,
    final_alpha="first",
)
SCHEDULE = NoiseSchedule(CONFIG)
ANCESTRAL_ANCHORS = [(999, 1.2190876), (500, 1.1382304), (1, 1.0313607), (0, 0.9858415)]
PREDICTIONS: list[Prediction] = ["eps", "x0", "v"]


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(
    ("timestep", "expected"),
    [(0, 0.99914998), (1, 0.99829602), (21, 0.98038065), (481, 0.30229545), (981, 0.00577550), (999, 0.00466010)],
)
def test_noise_levels_are_the_published_ones(timestep: int, expected: float) -> None:
    assert SCHEDULE.alpha_bars[timestep] == pytest.approx(expected, rel=2e-6)


def test_fifty_leading_steps_go_from_981_to_1() -> None:
    assert SCHEDULE.timesteps(50) == list(range(981, 0, -20))
    steps = SCHEDULE.steps(50)
    assert [step.alpha_bar_next for step in steps[:-1]] == [step.alpha_bar for step in steps[1:]]
    assert steps[-1].alpha_bar_next == SCHEDULE.alpha_bars[0]


def test_trailing_steps_start_at_the_noisiest_and_may_end_clean() -> None:
    schedule = NoiseSchedule(replace(CONFIG, spacing="trailing", final_alpha="one"))
    assert schedule.timesteps(4) == [999, 749, 499, 249]
    assert schedule.steps(4)[-1].alpha_bar_next == 1.0


@pytest.mark.parametrize("spacing", ["leading", "trailing"])
def test_any_number_of_steps_falls_and_stays_inside_the_schedule(spacing: str) -> None:
    schedule = NoiseSchedule(replace(CONFIG, spacing=spacing))
    for steps in (1, 2, 3, 7, 10, 333, 499, 501, 999, 1000):
        timesteps = schedule.timesteps(steps)
        assert len(timesteps) == steps
        assert all(0 <= later < earlier <= 999 for earlier, later in pairwise(timesteps))
    for steps in (0, 1001):
        with pytest.raises(AssertionError, match="1 to 1000"):
            schedule.timesteps(steps)


@pytest.mark.parametrize(("index", "expected"), [(0, 1.0612258), (49, 0.9943567)])
def test_ddim_steps_are_the_published_ones(index: int, expected: float) -> None:
    step = SCHEDULE.steps(50)[index]
    sample_now, noise = torch.ones(1, dtype=torch.float64), torch.full((1,), 0.5, dtype=torch.float64)
    after = ddim_step(estimate("eps", noise, sample_now, step.alpha_bar), step)
    assert float(after) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("timestep", "expected"), ANCESTRAL_ANCHORS)
def test_ddpm_steps_are_those_of_the_usual_scheduler(timestep: int, expected: float) -> None:
    """All thousand steps, the smaller of the two variances, x = 1, prediction .5, noise 2."""
    schedule = NoiseSchedule(replace(CONFIG, sampler="ddpm", steps=1000, steps_offset=0, final_alpha="one"))
    assert schedule.timesteps(1000) == list(range(999, -1, -1))
    step = schedule.steps(1000)[999 - timestep]
    one = torch.ones(1, dtype=torch.float64)
    after = ddpm_step(estimate("eps", 0.5 * one, one, step.alpha_bar), one, step, 2 * one)
    # The anchors were made in single precision.
    assert float(after) == pytest.approx(expected, abs=1e-5)


CONSISTENCY = NoiseSchedule(replace(CONFIG, sampler="lcm", steps=4, final_alpha="one"))


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(1, [999]), (2, [999, 499]), (4, [999, 759, 499, 259]), (8, [999, 879, 759, 639, 499, 379, 259, 139])],
)
def test_a_consistency_model_visits_the_steps_that_it_was_distilled_from(steps: int, expected: list[int]) -> None:
    assert CONSISTENCY.timesteps(steps) == expected
    assert CONSISTENCY.timesteps(50) == list(range(999, 0, -20))
    with pytest.raises(AssertionError, match="1 to 50"):
        CONSISTENCY.timesteps(51)


@pytest.mark.parametrize(("index", "expected"), [(0, 3.6246293), (1, 2.8833482), (2, 2.0538287), (3, 0.8721816)])
def test_consistency_steps_are_those_of_the_usual_scheduler(index: int, expected: float) -> None:
    """x = 1, prediction .5, noise 2."""
    step = CONSISTENCY.steps(4)[index]
    one = torch.ones(1, dtype=torch.float64)
    after = lcm_step(estimate("eps", 0.5 * one, one, step.alpha_bar), one, step, 2 * one)
    assert float(after) == pytest.approx(expected, abs=2e-6)


def test_a_consistency_step_by_hand() -> None:
    # alpha_bar of 981 is .0057755, of 481 .30229545: x0 = (1 - .5 sqrt(.9942245)) / sqrt(.0057755) = 6.59826,
    # and sqrt(.30229545) 6.59826 + sqrt(.69770455) 2 = 3.62782 + 1.67057.
    presets = (SamplerPreset((981, 481), 8.0), SamplerPreset((481,), 3.0))
    schedule = NoiseSchedule(replace(CONSISTENCY.config, presets=presets, steps=2))
    step = schedule.steps(2)[0]
    one = torch.ones(1, dtype=torch.float64)
    after = lcm_step(estimate("eps", 0.5 * one, one, step.alpha_bar), one, step, 2 * one)
    assert float(after) == pytest.approx(5.29839, abs=1e-4)
    assert schedule.timesteps(1) == [481]
    assert (schedule.config.guidance_for(1), schedule.config.guidance_for(2)) == (3.0, 8.0)
    assert (schedule.config.step_choices, schedule.config.max_steps) == ((1, 2), 2)


def test_a_consistency_model_trusts_the_latent_itself_at_the_clean_end() -> None:
    assert boundary(0) == (1.0, 0.0)
    skip, out = boundary(1)
    # 0.25 / 100.25 and 10 / sqrt(100.25).
    assert skip == pytest.approx(0.0024937656)
    assert out == pytest.approx(0.9987523389)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("timestep", [3, 300, 700, 990])
def test_every_kind_of_prediction_gives_back_latent_and_noise(prediction: Prediction, timestep: int) -> None:
    clean, noise = draw(0, 2, 4, 8), draw(1, 2, 4, 8)
    level = SCHEDULE.alpha_bars[timestep]
    noisy = add_noise(clean, noise, level)
    assert float(noisy.var()) == pytest.approx(level * float(clean.var()) + (1 - level) * float(noise.var()), rel=0.2)
    guess = estimate(prediction, target(prediction, clean, noise, level), noisy, level)
    torch.testing.assert_close(guess.clean, clean)
    torch.testing.assert_close(guess.noise, noise)


def test_noise_levels_may_differ_along_a_batch() -> None:
    clean, noise = draw(0, 3, 4), draw(1, 3, 4)
    levels = torch.tensor([SCHEDULE.alpha_bars[t] for t in (5, 500, 995)], dtype=torch.float64)[:, None]
    together = target("v", clean, noise, levels), add_noise(clean, noise, levels)
    for row in range(3):
        level = float(levels[row])
        torch.testing.assert_close(together[0][row], target("v", clean[row], noise[row], level))
        torch.testing.assert_close(together[1][row], add_noise(clean[row], noise[row], level))


@pytest.mark.parametrize("index", [0, 20, 49])
def test_a_ddpm_step_is_the_product_of_two_gaussians(index: int) -> None:
    """q(x_s | x_t, x_0) is proportional to q(x_t | x_s) q(x_s | x_0): precisions add, means are weighted by them."""
    step = SCHEDULE.steps(50)[index]
    clean, noisy = 0.8, -1.3
    alpha = step.alpha_bar / step.alpha_bar_next
    precision_forward = alpha / (1 - alpha)
    precision_prior = 1 / (1 - step.alpha_bar_next)
    variance = 1 / (precision_forward + precision_prior)
    prior_mean = math.sqrt(step.alpha_bar_next) * clean
    mean = variance * (precision_forward * noisy / math.sqrt(alpha) + precision_prior * prior_mean)
    guess = Estimate(torch.tensor(clean, dtype=torch.float64), torch.tensor(0.0, dtype=torch.float64))
    now = torch.tensor(noisy, dtype=torch.float64)
    zero, one = torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
    assert float(ddpm_step(guess, now, step, zero)) == pytest.approx(mean, rel=1e-9)
    spread = float(ddpm_step(guess, now, step, one)) - float(ddpm_step(guess, now, step, zero))
    assert spread == pytest.approx(math.sqrt(variance), rel=1e-9)


def test_ddim_with_eta_one_is_ddpm_and_with_eta_zero_adds_nothing() -> None:
    step = SCHEDULE.steps(20)[8]
    clean, noise, fresh = draw(0, 4, 8), draw(1, 4, 8), draw(2, 4, 8)
    noisy = add_noise(clean, noise, step.alpha_bar)
    guess = Estimate(clean, noise)
    torch.testing.assert_close(ddim_step(guess, step, 1.0, fresh), ddpm_step(guess, noisy, step, fresh))
    torch.testing.assert_close(ddim_step(guess, step, 0.0, fresh), ddim_step(guess, step))
    assert 0 == ddim_sigma(step, 0.0) < ddim_sigma(step, 0.5) < ddim_sigma(step, 1.0)
    with pytest.raises(AssertionError, match="noise"):
        ddim_step(guess, step, 0.5)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize(("method", "eta"), [("ddim", 0.0), ("ddim", 0.7), ("ddpm", 0.0)])
def test_sampling_with_a_network_that_knows_the_answer_finds_it(
    prediction: Prediction, method: str, eta: float
) -> None:
    schedule = NoiseSchedule(replace(CONFIG, prediction=prediction, final_alpha="one"))
    wanted = draw(3, 1, 4, 8)
    levels = [step.alpha_bar for step in schedule.steps(25)]

    def denoise(latent: Tensor, index: int) -> Tensor:
        noise = (latent - math.sqrt(levels[index]) * wanted) / math.sqrt(1 - levels[index])
        return target(prediction, wanted, noise, levels[index])

    result = sample(
        denoise,
        draw(4, 1, 4, 8),
        schedule,
        25,
        method="ddpm" if method == "ddpm" else "ddim",
        eta=eta,
        generator=torch.Generator().manual_seed(0),
    )
    torch.testing.assert_close(result, wanted, atol=1e-6, rtol=0)


def test_random_steps_follow_their_generator() -> None:
    def run(seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return sample(lambda x, _: 0.1 * x, draw(0, 1, 2, 2), SCHEDULE, 5, eta=1.0, generator=generator)

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))


def test_the_loop_tells_of_every_step_and_stops_where_it_is_told() -> None:
    class Stop(Exception):  # noqa: N818
        pass

    seen: list[tuple[str, int]] = []

    def before(index: int) -> None:
        seen.append(("before", index))
        if index == 2:
            raise Stop

    with pytest.raises(Stop):
        sample(
            lambda x, _: x,
            draw(0, 1, 2, 2),
            SCHEDULE,
            5,
            before_step=before,
            after_step=lambda index: seen.append(("after", index)),
        )
    assert seen == [("before", 0), ("after", 0), ("before", 1), ("after", 1), ("before", 2)]


def test_guidance_extrapolates_from_the_unconditional_answer() -> None:
    unconditional, conditional = draw(0, 4), draw(1, 4)
    torch.testing.assert_close(guide(unconditional, conditional, 0.0), unconditional)
    torch.testing.assert_close(guide(unconditional, conditional, 1.0), conditional)
    torch.testing.assert_close(guide(unconditional, conditional, 4.0), 4 * conditional - 3 * unconditional)


def test_a_step_at_the_clean_end_has_no_direction_left() -> None:
    step = Step(timestep=1, alpha_bar=SCHEDULE.alpha_bars[1], alpha_bar_next=1.0)
    clean = draw(0, 4)
    torch.testing.assert_close(ddim_step(Estimate(clean, draw(1, 4)), step), clean)
