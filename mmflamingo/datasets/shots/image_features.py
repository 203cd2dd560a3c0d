"""One feature vector an image, computed once and kept in a file."""

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mmflamingo.files import plain_reason
from mmflamingo.files.archives import check_tensor_file

from ..base import check_same_writing, check_unique, some
from ..fields import Misfit, an_id, any_text, list_of

MAKER = 'tools/analysis/extract_features.py makes such files.'


@dataclass
class ImageFeatures:
    """Features of some images.

    Attributes:
        image_ids: Their ids.
        vectors: (N, D), of length 1, so that a product is a cosine.
        backbone: Says which weights they come from.
        contents: What stands for the contents of each image; None in a file from before this was kept.
    """

    image_ids: list[Hashable]
    vectors: Tensor
    backbone: str
    contents: list[str] | None = None

    @classmethod
    def load(cls, path: str | Path) -> 'ImageFeatures':
        """Read a file that `save` wrote.

        Raises:
            FileNotFoundError: There is none.
            ValueError: It is not a file of features.
        """
        if not Path(path).exists():
            raise FileNotFoundError(f'{path} does not exist. {MAKER}')
        try:
            check_tensor_file(path)
        except ValueError as error:
            raise ValueError(f'{error} {MAKER}') from error
        try:
            content = torch.load(path, map_location='cpu', weights_only=True)
        except Exception as error:  # torch raises errors of many kinds for files that are cut off or not its own
            raise ValueError(f'{path} is not a file of image features: {plain_reason(error)} {MAKER}') from error
        names = ('image_ids', 'vectors', 'backbone')
        if not isinstance(content, dict) or not content.keys() >= set(names):
            raise ValueError(f'{path} holds no image features. {MAKER}')
        try:
            ids, contents = list_of(an_id)(content['image_ids']), content.get('contents')
            contents = None if contents is None else list_of(any_text)(contents)
            features = cls(ids, content['vectors'], any_text(content['backbone']), contents)
        except Misfit as misfit:
            raise ValueError(f'{path} is not a file of image features: {misfit}. {MAKER}') from None
        features.check(path)
        return features

    def check(self, path: str | Path) -> None:
        """Check that there is one finite vector for each image.

        Raises:
            ValueError: There isn't; `path` names the file in the message.
        """
        count = len(self.image_ids)
        fits = isinstance(self.vectors, Tensor) and self.vectors.ndim == 2 and len(self.vectors) == count
        if not fits or not self.vectors.is_floating_point() or not self.vectors.isfinite().all():
            kind = tuple(self.vectors.shape) if isinstance(self.vectors, Tensor) else type(self.vectors).__name__
            raise ValueError(
                f'{path} is not a file of image features: vectors is {kind}, it must be ({count}, D) finite numbers. {MAKER}'
            )
        if self.contents is not None and len(self.contents) != count:
            raise ValueError(
                f'{path} is not a file of image features: {len(self.contents)} contents of {count}. {MAKER}'
            )
        check_unique(self.image_ids, 'image', str(path))

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
            check_same_writing([*image_ids, *rows], 'image', 'The features and the annotation file')
            raise ValueError(
                f'{len(missing)} of {len(image_ids)} images have no features (image ids {some(missing)}): extract '
                'them from the config of this very dataset.'
            )
        return self.vectors[[rows[image_id] for image_id in image_ids]]
