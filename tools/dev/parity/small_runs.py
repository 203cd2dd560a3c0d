"""Test runs of ours by a config, with a small model and small pictures in the place of the config's."""

from collections.abc import Mapping, Sequence

import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate

from mmflamingo.datasets.base import build_transforms
from mmflamingo.engine.loading.fit import load_state_dict_strictly, state_dict_for
from mmflamingo.models import Flamingo

from .ours import small_model
from .setups import VISION

BATCH_SIZE = 8


def build(cfg: Config, checkpoint: Mapping, host: str, tokenizer: dict) -> Flamingo:
    """The config's model on the small language model `host`, with the weights of a peer's checkpoint."""
    small = small_model(host)
    small['language_model']['media_index'] = cfg.model.language_model.media_index
    model = Flamingo(
        **small,
        resampler=cfg.model.resampler,
        tokenizer=tokenizer,
        prompts=cfg.model.prompts,
        data_preprocessor=cfg.model.data_preprocessor,
    ).eval()
    load_state_dict_strictly(model, state_dict_for(model, checkpoint, 'weights.pth'), 'weights.pth')
    return model


@torch.inference_mode()
def predict(model: Flamingo, cfg: Config, records: Sequence[dict]) -> list:
    """Predicted data samples of records, which go through the config's pipeline."""
    loading, packing = cfg.test_dataloader.dataset.pipeline
    size = VISION['image_size']
    for transform in loading.transforms:
        transform.update({'ResizeEdge': {'scale': size}, 'CenterCrop': {'crop_size': size}}.get(transform.type, {}))
    pipeline = Compose(build_transforms([loading, packing]))
    predicted = []
    for start in range(0, len(records), BATCH_SIZE):
        batch = pseudo_collate([pipeline(record) for record in records[start : start + BATCH_SIZE]])
        predicted += model.test_step(batch)
    return predicted
