"""What a set needs before the first of its batches is loaded, in tests, validations and trainings alike."""

import random
from collections.abc import Mapping, Sequence
from shutil import disk_usage
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_world_size
from mmengine.evaluator import BaseMetric
from mmengine.structures import BaseDataElement
from torch import nn
from torch.utils.data import DataLoader

from .config.preflight import check_media
from .errors import ConfigError, RunError
from .launch import local_world_size, on_main_rank
from .testing.dealing import provide_lengths
from .testing.prompt_limits import check_queries
from .testing.references import check_references
from .testing.shot_features import provide_features

SHARED_MEMORY = '/dev/shm'
SMALL = 2 * 2**30  # bytes; with that much free, no estimate is made
PREFETCHED = 2  # batches a worker, where prefetch_factor says nothing
PAGE = 4096  # bytes


def prepare(model: nn.Module, loader: DataLoader, metrics: Sequence[BaseMetric]) -> None:
    """Prepare a test set, also one that wraps others.

    Args:
        model: Computes features of images by which shots are chosen, and measures prompts.
        loader: Loader of the set.
        metrics: What scores it.

    Raises:
        MissingFilesError: Pictures or videos are missing.
        RunError: The metrics can't score the set, a query is too long for the model, or shared memory holds fewer batches than the workers load at once.
    """
    on_main_rank(lambda: check_media(loader.dataset))
    on_main_rank(lambda: check_references(metrics, loader.dataset))
    on_main_rank(lambda: check_queries(model, loader.dataset))
    provide_features(model, loader)
    provide_lengths(model, loader)
    check_shared_memory(loader)


def prepare_validation(model: nn.Module, loader: DataLoader, metrics: Sequence[BaseMetric]) -> None:
    """Prepare a validation set; shots stay those that the model would choose now.

    Raises:
        MissingFilesError, RunError: As in `prepare`.
        ConfigError: Its batches are made by length, which takes a test, or one process.
    """
    if hasattr(loader.batch_sampler, 'use_lengths') and get_world_size() > 1:
        raise ConfigError(
            'val_dataloader.batch_sampler is a LengthBatchSampler: in several processes it works in tests only. Leave it out.'
        )
    prepare(model, loader, metrics)


def prepare_training(model: nn.Module, loader: DataLoader) -> None:
    """Prepare a training set.

    Raises:
        RunError: As in `prepare`.
    """
    provide_features(model, loader)
    check_shared_memory(loader)


def check_shared_memory(loader: DataLoader) -> None:
    """Check that the batches which workers load at once fit into shared memory, where there is little of it.

    Workers that find no room there are killed, or wait for ever. The size of a batch is estimated by three samples.

    Raises:
        RunError: They don't fit.
    """
    if not loader.num_workers or (free := _free_shared_memory()) >= SMALL:
        return
    size = getattr(loader.batch_sampler, 'batch_size', None) or 1
    batches = loader.num_workers * (loader.prefetch_factor or PREFETCHED) + 1  # one is in use
    needed = size * batches * local_world_size() * _bytes_of_a_sample(loader.dataset)
    if needed > free:
        raise RunError(
            f'{SHARED_MEMORY} has {free / 2**20:,.0f} MiB of shared memory left, but {loader.num_workers} workers load '
            f'{batches - 1} batches of {size} samples at once, about {needed / 2**20:,.0f} MiB. In Docker, start the container '
            f'with more: docker run --shm-size={2 * needed // 2**30 + 1}g. Or set num_workers=0, or a smaller batch_size.'
        )


def _free_shared_memory() -> float:
    try:
        return disk_usage(SHARED_MEMORY).free
    except OSError:  # a system without it
        return float('inf')


def _bytes_of_a_sample(dataset: Any) -> int:
    """Most bytes of the tensors of the first sample, the last one, and one between; no later random number changes."""
    states = random.getstate(), np.random.get_state(), torch.random.get_rng_state()
    try:
        return max(_bytes_of_tensors(dataset[index]) for index in {0, len(dataset) // 2, len(dataset) - 1})
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.random.set_rng_state(states[2])


def _bytes_of_tensors(value: Any) -> int:
    if isinstance(value, torch.Tensor):
        return -(-value.untyped_storage().nbytes() // PAGE) * PAGE
    if isinstance(value, BaseDataElement):
        value = value.to_dict()
    if isinstance(value, Mapping):
        value = list(value.values())
    return sum(map(_bytes_of_tensors, value)) if isinstance(value, list | tuple) else 0
