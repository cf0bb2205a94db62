# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs of the published models through the public call, against the published networks and samplers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch
from official_files import VARIANTS, OfficialModel, make_official, random_tensor, small
from official_packs import write_official_pack
from official_sampling import Predict, consistency, ddim, ddpm
from torch import Tensor

from mld_engine.checkpoints.official.variant import Variant
from mld_engine.checkpoints.pack import Pack
from mld_engine.conditions.text import load_text_encoder
from mld_engine.errors import Cancelled, RequestError
from mld_engine.evaluate.batches import BatchGenerator, Wishes
from mld_engine.models.denoiser import Kind
from mld_engine.motion import Motion
from mld_engine.pipeline import MotionPipeline
from mld_engine.representations.registry import make_representation
from mld_engine.request import Request

SECONDS, FRAMES = 0.8, 24
PROMPT = "a person waves"


@dataclass
class Published:
    """One published model with random weights: as a pack, and plainly."""

    variant: Variant
    model: OfficialModel
    pipeline: MotionPipeline
    embed: Callable[[str], Tensor]
    statistics: dict[str, Tensor]

    def noise(self, seed: int) -> tuple[Tensor, torch.Generator]:
        generator = torch.Generator().manual_seed(seed)
        raw = self.variant.vae == "none"
        tokens, dim = self.variant.latent_tokens, self.variant.latent_dim
        shape = (FRAMES, self.variant.features) if raw else (tokens, dim)
        return torch.randn(shape, generator=generator)[None], generator

    def rows(self, text_or_action: str | int | None) -> tuple[Tensor, Tensor]:
        """Without a condition, and with this one."""
        if self.variant.actions:
            return torch.tensor([-1]), torch.tensor([-1 if text_or_action is None else text_or_action])
        nothing = self.embed("")[None]
        return nothing, nothing if text_or_action is None else self.embed(str(text_or_action))[None]

    def guided(self, condition: str | int | None, guidance: float) -> Predict:
        nothing, wanted = self.rows(condition)

        def predict(noisy: Tensor, timestep: int) -> Tensor:
            if self.variant.guidance_dim:
                return self.model.denoiser(noisy, timestep, wanted, guidance)
            both = self.model.denoiser(noisy.expand(2, -1, -1), timestep, torch.cat([nothing, wanted]))
            return both[:1] + guidance * (both[1:] - both[:1])

        return predict

    def motion(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Rotations and root of a latent."""
        vae = self.model.vae
        features = latent if vae is None else vae.decode(latent.transpose(0, 1), [FRAMES])
        features = features[0] * self.statistics["feature_std"] + self.statistics["feature_mean"]
        rotations, root, _ = make_representation(self.pipeline.pack.config.representation).to_motion(features)
        return rotations, root


@pytest.fixture(scope="module")
def publish(
    pack: Pack, pipeline: MotionPipeline, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Published]:
    """A small published model, on the features and with the text encoder of the default pack."""
    config = pack.config.text_encoder
    assert config is not None
    embed = load_text_encoder(config).embed
    statistics = {name: tensor for name, tensor in pack.tensors("statistics").items() if name.startswith("feature")}

    @cache
    def make(name: str) -> Published:
        sizes = {} if VARIANTS[name].actions else {"text_dim": config.dim, "time_dim": config.dim}
        variant = small(VARIANTS[name], features=pack.config.representation.features, **sizes)
        model = make_official(variant, fill=random_tensor)
        folder = tmp_path_factory.mktemp("packs") / name
        written = write_official_pack(folder, variant, model, statistics, text_encoder=config)
        return Published(variant, model, MotionPipeline.from_pack(written, "cpu", share=pipeline), embed, statistics)

    return make


def assert_same_motion(motion: Motion, expected: tuple[Tensor, Tensor]) -> None:
    rotations, root = (tensor.numpy() for tensor in expected)
    assert np.abs(np.diff(root, axis=0)).max() > 1e-4, "nothing moves, so nothing is compared"
    np.testing.assert_allclose(motion.root, root, atol=1e-3)
    cosines = np.abs((motion.rotations * rotations).sum(-1))
    assert cosines.min() > 1 - 1e-5


def same(first: Motion, second: Motion) -> bool:
    return np.array_equal(first.rotations, second.rotations) and np.array_equal(first.root, second.root)


@pytest.mark.parametrize(
    "name", ["mld", "seven_tokens", "cross_attention", "all_encoder", "mlp_dist", "no_skips", "motionlcm_v2_mld"]
)
def test_a_text_becomes_the_motion_that_the_published_code_makes(
    publish: Callable[[str], Published], name: str
) -> None:
    model = publish(name)
    motion = model.pipeline(PROMPT, seconds=SECONDS, seed=4, guidance=2.5, steps=20)[0]
    assert motion.frames == FRAMES
    latent = ddim(model.guided(PROMPT, 2.5), model.noise(4)[0], 20)
    assert_same_motion(motion, model.motion(latent))


def test_batches_make_what_the_pipeline_makes(publish: Callable[[str], Published]) -> None:
    """Where the empty text stands for no condition, batches of an evaluation say so too."""
    model = publish("mld")
    motion = model.pipeline(PROMPT, seconds=SECONDS, seed=4, guidance=2.5, steps=20)[0]
    generator = BatchGenerator(model.pipeline.pack, torch.device("cpu"))
    none = torch.zeros(1, dtype=torch.long)
    wishes = Wishes(none + int(Kind.TEXT), model.embed(PROMPT)[None], none, none, (FRAMES,))
    (features,) = generator.generate(wishes, guidance=2.5, steps=20, seed=4)
    made = generator.representation.to_motion(features)
    assert_same_motion(motion, (made.rotations, made.root))


def test_a_prediction_of_the_clean_latent_is_one(publish: Callable[[str], Published]) -> None:
    model = publish("clean_motion")
    motion = model.pipeline(PROMPT, seconds=SECONDS, seed=4, guidance=2.5, steps=20)[0]
    latent = ddim(model.guided(PROMPT, 2.5), model.noise(4)[0], 20, predicts_noise=False)
    assert_same_motion(motion, model.motion(latent))


@pytest.mark.parametrize("name", ["humanact12", "uestc"])
def test_a_label_becomes_the_motion_that_the_published_code_makes(
    publish: Callable[[str], Published], name: str
) -> None:
    model = publish(name)
    motion = model.pipeline(action="action 7", seconds=SECONDS, seed=4, guidance=2.5, steps=20)[0]
    assert_same_motion(motion, model.motion(ddim(model.guided(7, 2.5), model.noise(4)[0], 20)))


@pytest.mark.parametrize("name", ["no_vae", "no_vae_encoder"])
def test_diffusion_of_the_motion_itself(publish: Callable[[str], Published], name: str) -> None:
    model = publish(name)
    motion = model.pipeline(PROMPT, seconds=SECONDS, seed=4, guidance=2.5, steps=20)[0]
    noise, generator = model.noise(4)
    assert_same_motion(motion, model.motion(ddpm(model.guided(PROMPT, 2.5), noise, 20, generator)))
    assert Request.resolve(model.pipeline.pack, text=PROMPT).steps == 1000
    with pytest.raises(ValueError, match="no VAE"):
        model.pipeline.encode(motion)


@pytest.mark.parametrize(
    ("name", "timesteps", "guidance"),
    [
        ("motionlcm_v1", [999], 7.5),
        ("motionlcm_v1", [999, 759, 499, 259], 7.5),
        ("motionlcm_v2", [799], 8.0),
        ("motionlcm_v2", [699, 299], 12.5),
        ("motionlcm_v2", [699, 399, 299, 299], 13.5),
    ],
)
def test_a_distilled_model_takes_the_scale_as_an_input(
    publish: Callable[[str], Published], name: str, timesteps: list[int], guidance: float
) -> None:
    model = publish(name)
    motion = model.pipeline(PROMPT, seconds=SECONDS, seed=4, steps=len(timesteps))[0]
    assert motion.meta["guidance"] == guidance
    noise, generator = model.noise(4)
    assert_same_motion(motion, model.motion(consistency(model.guided(PROMPT, guidance), noise, timesteps, generator)))
    other = model.pipeline(PROMPT, seconds=SECONDS, seed=4, steps=len(timesteps), guidance=3.0)[0]
    assert not same(motion, other)


@pytest.mark.parametrize("name", ["mld", "humanact12", "motionlcm_v1"])
def test_without_a_condition_the_published_null_is_told(publish: Callable[[str], Published], name: str) -> None:
    model = publish(name)
    distilled = model.variant.guidance_dim > 0
    steps = 4 if distilled else 20
    motion = model.pipeline(seconds=SECONDS, seed=9, steps=steps, guidance=3.0)[0]
    noise, generator = model.noise(9)
    predict = model.guided(None, 3.0)
    latent = consistency(predict, noise, [999, 759, 499, 259], generator) if distilled else ddim(predict, noise, steps)
    assert_same_motion(motion, model.motion(latent))


@pytest.mark.parametrize("name", ["mld", "humanact12", "motionlcm_v2"])
def test_a_motion_is_encoded_as_the_published_code_does(publish: Callable[[str], Published], name: str) -> None:
    model = publish(name)
    representation = make_representation(model.pipeline.pack.config.representation)
    motion = model.pipeline(seconds=SECONDS, seed=1)[0]
    arrays = (torch.from_numpy(array) for array in (motion.rotations, motion.root, motion.offsets))
    features = representation.from_motion(*arrays)
    features = (features - model.statistics["feature_mean"]) / model.statistics["feature_std"]
    assert model.model.vae is not None
    mean, _ = model.model.vae.encode(features[None], [FRAMES])
    torch.testing.assert_close(model.pipeline.encode(motion), mean[:, 0], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(("name", "steps"), [("no_vae", 5), ("motionlcm_v1", 4), ("motionlcm_v2", 4)])
def test_a_take_of_a_sampler_with_noise_is_that_of_its_own_seed(
    publish: Callable[[str], Published], name: str, steps: int
) -> None:
    pipeline = publish(name).pipeline
    batch = pipeline(PROMPT, seconds=SECONDS, seed=20, count=3, steps=steps)
    torch.manual_seed(1)
    alone = [pipeline(PROMPT, seconds=SECONDS, seed=20 + k, steps=steps)[0] for k in range(3)]
    assert all(same(first, second) for first, second in zip(batch, alone, strict=True))
    assert not same(batch[0], batch[1])


@pytest.mark.parametrize(("name", "steps"), [("no_vae", 7), ("motionlcm_v1", 4)])
def test_every_step_can_be_the_last(publish: Callable[[str], Published], name: str, steps: int) -> None:
    pipeline = publish(name).pipeline
    request = Request.resolve(pipeline.pack, text=PROMPT, seconds=SECONDS, steps=steps)

    def run_until(last: int) -> list[int]:
        done: list[int] = []
        takes = pipeline.takes(request, lambda *step: done.append(step[1]), lambda: len(done) == last)
        with pytest.raises(Cancelled):
            next(takes)
        return done

    assert [run_until(last) for last in range(steps)] == [list(range(1, last + 1)) for last in range(steps)]


@pytest.mark.parametrize("name", ["mld", "humanact12", "no_vae", "motionlcm_v1", "motionlcm_v2"])
def test_a_pack_can_be_prepared(publish: Callable[[str], Published], name: str) -> None:
    pipeline = publish(name).pipeline
    pipeline.prepare()
    condition = {"action": "action 0"} if VARIANTS[name].actions else {"text": PROMPT}
    steps = 2 if name == "no_vae" else None
    motion = pipeline(**condition, steps=steps)[0]
    assert motion.frames == min(120, pipeline.pack.config.max_frames)
    assert motion.meta["steps"] == {"no_vae": 2, "mld": 50, "humanact12": 50}.get(name, 4)


def test_longer_than_the_trained_positions_is_refused_with_an_offer(publish: Callable[[str], Published]) -> None:
    pack = publish("mld").pipeline.pack
    limit = 196 / pack.fps
    assert Request.resolve(pack, text=PROMPT, seconds=limit).frames == 196
    with pytest.raises(RequestError, match="at most") as caught:
        Request.resolve(pack, text=PROMPT, seconds=197 / pack.fps)
    assert caught.value.code == "seconds_over_limit"
    assert caught.value.details == {"limit_seconds": limit, "segments": 2}
    assert "have 2 segments chained" in caught.value.hint


def test_a_distilled_pack_takes_its_own_numbers_of_steps_and_scales(publish: Callable[[str], Published]) -> None:
    first, second = publish("motionlcm_v1").pipeline.pack, publish("motionlcm_v2").pipeline.pack
    assert Request.resolve(first, text=PROMPT, steps=50).guidance == 7.5
    assert Request.resolve(second, text=PROMPT).steps == 4
    described = second.describe()
    assert (described["steps"], described["max_steps"], described["step_choices"]) == (4, 4, [1, 2, 4])
    for pack, steps in ((first, 51), (second, 3), (second, 5)):
        with pytest.raises(RequestError) as caught:
            Request.resolve(pack, text=PROMPT, steps=steps)
        assert caught.value.code == "bad_steps"
    with pytest.raises(RequestError, match="1, 2 or 4 denoising steps, not 3") as caught:
        Request.resolve(second, text=PROMPT, steps=3)
    assert caught.value.details["choices"] == [1, 2, 4]
    with pytest.raises(RequestError, match="from 1 to 30") as caught:
        Request.resolve(first, text=PROMPT, guidance=0.5)
    assert caught.value.code == "bad_guidance"
