"""Batches of a test by the length of their prompts, and dealt to ranks so that these end together."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from mmengine.logging import print_log
from torch import nn
from torch.utils.data import DataLoader

from ..errors import ConfigError

T = TypeVar('T')


def provide_lengths(model: nn.Module, loader: DataLoader) -> None:
    """Tell a batch sampler the lengths of all prompts, if it asks for them.

    Args:
        model: The model under test; its data preprocessor measures prompts.
        loader: Loader of its dataset; one whose batch sampler doesn't ask is left alone.

    Raises:
        ConfigError: The dataset can't say what its prompts are.
    """
    batch_sampler, dataset = loader.batch_sampler, loader.dataset
    if not hasattr(batch_sampler, 'use_lengths'):
        return
    if not hasattr(dataset, 'get_data_info'):
        raise ConfigError(
            f'LengthBatchSampler asks a set for the length of its prompts, but {type(dataset).__name__} has no get_data_info: '
            "leave the batch sampler out, or wrap sets by mmengine's ConcatDataset."
        )
    sizes = [model.data_preprocessor.prompt_size(dataset.get_data_info(index)) for index in range(len(dataset))]
    lengths = [length for length, _ in sizes]
    batch_sampler.use_lengths(lengths, max((written for _, written in sizes), default=0))
    order, step = range(len(dataset)), batch_sampler.batch_size
    in_order = [order[start : start + step] for start in order[::step]]
    print_log(
        f'Prompts of {min(lengths)} to {max(lengths)} tokens: {padding(batch_sampler, lengths):.1%} of what is read is '
        f'padding; in batches of {step} in the order of the set it were {padding(in_order, lengths):.1%}.',
        'current',
    )


def padding(batches: Iterable[Sequence[int]], lengths: Sequence[int]) -> float:
    """Share of padding among the tokens of batches of prompts, 0 to 1."""
    read = sum(len(batch) * max(lengths[index] for index in batch) for batch in batches)
    return 1 - sum(lengths) / read


def deal(items: Sequence[T], cost: Callable[[T], float], ranks: int) -> list[list[T]]:
    """Share items among ranks: the costliest first, each to the rank that has the least to do (Graham 1969).

    Equal items go round. Each rank keeps the order of its own.

    Returns:
        list: The items of each rank.
    """
    costs = [cost(item) for item in items]
    loads, owner = [0.0] * ranks, [0] * len(items)
    for number in sorted(range(len(items)), key=lambda number: -costs[number]):
        owner[number] = loads.index(min(loads))
        loads[owner[number]] += costs[number]
    return [[item for item, own in zip(items, owner, strict=True) if own == rank] for rank in range(ranks)]
