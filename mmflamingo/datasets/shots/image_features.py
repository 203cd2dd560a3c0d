"""One feature vector an image, computed once and kept in a file."""

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..base import some


@dataclass
class ImageFeatures:
    """Features of some images.

    Attributes:
        image_ids: Their ids.
        vectors: (N, D), of length 1, so that a product is a cosine.
        backbone: Says which weights they come from.
    """

    image_ids: list[Hashable]
    vectors: Tensor
    backbone: str

    @classmethod
    def load(cls, path: str | Path) -> 'ImageFeatures':
        """Read a file that `save` wrote.

        Raises:
            FileNotFoundError: There is none.
            ValueError: It is no file of features.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f'{path} does not exist. tools/analysis/extract_features.py makes such files.')
        content = torch.load(path, map_location='cpu', weights_only=True)
        names = ('image_ids', 'vectors', 'backbone')
        if not isinstance(content, dict) or not content.keys() >= set(names):
            raise ValueError(f'{path} holds no image features. tools/analysis/extract_features.py makes such files.')
        return cls(**{name: content[name] for name in names})

    def save(self, path: str | Path) -> None:
        """Write a file that is there as a whole or not at all."""
        draft = Path(path).with_name(f'{Path(path).name}.{os.getpid()}.part')
        draft.parent.mkdir(parents=True, exist_ok=True)
        torch.save(vars(self), draft)
        draft.replace(path)

    def of(self, image_ids: Sequence[Hashable]) -> Tensor:
        """Vectors of these images.

        Raises:
            ValueError: Some have none.
        """
        rows = {image_id: row for row, image_id in enumerate(self.image_ids)}
        missing = [image_id for image_id in image_ids if image_id not in rows]
        if missing:
            raise ValueError(
                f'{len(missing)} of {len(image_ids)} images have no features (image ids {some(missing)}): extract '
                'them from the config of this very dataset.'
            )
        return self.vectors[[rows[image_id] for image_id in image_ids]]
