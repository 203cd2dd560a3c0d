"""Controls: data changed so that a score shows what it rests on."""

from random import Random
from typing import Any

from torch.utils.data import Dataset

from mmflamingo.registry import DATASETS

from ..base import FlamingoDataset, Record


@DATASETS.register_module()
class ShuffledPictures(Dataset):
    """A set whose queries show the picture of another query; texts, references and shots stay.

    A model that scores the same on it does not look at the pictures.

    Args:
        dataset: Config of the set, or the set itself.
        seed: Names the permutation.

    Raises:
        ValueError: All queries have the same picture.
    """

    def __init__(self, dataset: dict | FlamingoDataset, seed: int = 0) -> None:
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        images = sorted({self.dataset.get_query(i)['img_path'] for i in range(len(self.dataset))})
        if len(images) < 2:
            raise ValueError(f'All {len(self.dataset)} queries show {images}: nothing to shuffle.')
        Random(f'{seed}-pictures').shuffle(images)
        # One cycle through all pictures, so that none stays in its place.
        self._other = dict(zip(images, images[1:] + images[:1], strict=True))

    @property
    def metainfo(self) -> dict:
        """Meta information of the set, as the runner asks for it."""
        return self.dataset.metainfo

    def full_init(self) -> None:
        """Read the files, as wrappers of several sets ask for it; the set has done so."""
        self.dataset.full_init()

    def media_paths(self) -> list[str]:
        """Paths of all pictures, as of the set itself."""
        return self.dataset.media_paths()

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, idx: int) -> Any:
        return self.dataset.pipeline(self.get_data_info(idx))

    def get_data_info(self, idx: int) -> Record:
        """Return the idx-th record with a foreign picture for its query."""
        record = self.dataset.get_data_info(idx)
        *shots, own = record['img_path']
        return record | {'img_path': [*shots, self._other[own]]}
