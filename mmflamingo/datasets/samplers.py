"""Samplers that tell a dataset the epoch, and batches of prompts that are alike."""

from collections.abc import Iterator, Sequence

from mmengine.dataset import DefaultSampler
from torch.utils.data import Sampler

from mmflamingo.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class EpochSampler(DefaultSampler):
    """mmengine's DefaultSampler, yielding `epoch * len(dataset) + index` for `InterleavedDataset`.

    The runner sets the epoch of a sampler (also in iteration-based loops), and the index brings it
    to every worker.
    """

    def __iter__(self) -> Iterator[int]:
        """Iterate over this rank's indices of the current epoch."""
        offset = self.epoch * len(self.dataset)
        return (offset + index for index in super().__iter__())


@DATA_SAMPLERS.register_module()
class LengthBatchSampler(Sampler[list[int]]):
    """Batches for a test whose prompts are of similar length, the longest first, so that little is padding.

    They are those of the whole set, on every rank; `TestLoop` deals them out, and tells the lengths before.

    Args:
        sampler: Its `dataset` is what batches are made of.
        batch_size: Most samples of a batch.
        max_tokens: Most tokens of a batch, padding included, as long as it has more than one sample. None: any number.

    Raises:
        ValueError: A limit is below 1.
    """

    def __init__(self, sampler: DefaultSampler, batch_size: int, max_tokens: int | None = None) -> None:
        if batch_size < 1 or (max_tokens is not None and max_tokens < 1):
            raise ValueError(f'batch_size={batch_size} and max_tokens={max_tokens} must be 1 or more.')
        self.dataset = sampler.dataset
        self.batch_size = batch_size
        self.max_tokens = max_tokens
        self._lengths: Sequence[int] | None = None
        self._written = 0

    def use_lengths(self, lengths: Sequence[int], written: int) -> None:
        """Takes what the batches are made by.

        Args:
            lengths: For each sample of the set, the tokens of its prompt.
            written: Most tokens that a sample gets as an answer, those of all beams together.
        """
        self._lengths, self._written = lengths, written

    def __iter__(self) -> Iterator[list[int]]:
        """Iterate over the batches.

        Raises:
            ValueError: The lengths are not known.
        """
        if self._lengths is None:
            raise ValueError("LengthBatchSampler is for test_dataloader and test_cfg.type='TestLoop' only.")
        batch: list[int] = []
        for index in sorted(range(len(self._lengths)), key=lambda index: -self._lengths[index]):
            longest = self._lengths[batch[0]] if batch else 0
            over_budget = self.max_tokens is not None and (len(batch) + 1) * longest > self.max_tokens
            if batch and (len(batch) == self.batch_size or over_budget):
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def __len__(self) -> int:
        """Number of batches."""
        return sum(1 for _ in self)

    def cost(self, batch: Sequence[int]) -> int:
        """Tokens that the language model reads and writes at most, padding included."""
        return len(batch) * (max(self._lengths[index] for index in batch) + self._written)
