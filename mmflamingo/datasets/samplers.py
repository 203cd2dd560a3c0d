"""Samplers that tell a dataset the epoch."""

from collections.abc import Iterator

from mmengine.dataset import DefaultSampler

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
