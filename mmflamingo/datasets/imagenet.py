"""ImageNet-1k as a close-ended set: which of 1,000 names is likeliest after the image?"""

import os.path as osp
from collections.abc import Hashable
from random import Random

from mmflamingo.registry import DATASETS

from .base import FlamingoDataset, Record, check_unique, some
from .choice_lists import check_choices
from .shots.few_shot import SupportFileMixin


@DATASETS.register_module()
class ImageNet(FlamingoDataset):
    """Images with the number of their class: lines of `FILE NUMBER`, as `meta/val.txt` of mmpretrain has them.

    Any other set of classified images with such a file goes as well. Images: https://image-net.org/download; the file:
    https://download.openmmlab.com/mmclassification/datasets/imagenet/meta/caffe_ilsvrc12.tar.gz.

    Args:
        ann_file: The lines.
        class_file: Text file of the names, one a line, in the order of the numbers; the Flamingo paper uses those of
            CLIP. The same name twice is an error: no model can tell them apart.
        kwargs: Arguments of `FlamingoDataset`.
    """

    task = 'imagenet'

    def __init__(self, ann_file: str, class_file: str, *args, **kwargs) -> None:
        self.class_file = class_file
        self.class_names: list[str] = []
        super().__init__(ann_file, *args, **kwargs)

    def load_data_list(self) -> list[Record]:
        """Read `class_file` and `ann_file`."""
        path = self._under_root(self.class_file)
        self.class_names = check_choices(self.load_lines(path, 'class_file'), f"class_file: '{path}'")
        return self.read_file(self.ann_file, self.data_prefix['img_path'], 'ann_file')

    def read_file(self, path: str, img_prefix: str, argument: str) -> list[Record]:
        """Read the images of a file.

        Args:
            path: The file.
            img_prefix: Folder of the images.
            argument: Name of the argument that gave `path`, for messages.

        Raises:
            ValueError: A line is no image with the number of a class, or an image comes twice.
        """
        pairs = [line.rsplit(maxsplit=1) for line in self.load_lines(path, argument)]
        wrong = [pair for pair in pairs if not (len(pair) == 2 and pair[1].isdecimal() and self._has(int(pair[1])))]
        if wrong or not pairs:
            raise ValueError(
                f"{argument}: '{path}' has {len(pairs)} lines, {len(wrong)} of which are no `FILE NUMBER` with a number "
                f'below {len(self.class_names)}, the number of names in class_file: {some(wrong)}.'
            )
        check_unique((name for name, _ in pairs), 'image', path)
        return [
            {
                'task': self.task,
                'sample_id': name,
                'image_id': name,
                'img_path': osp.join(img_prefix, name),
                'gt_caption': [self.class_names[int(number)]],
                'gt_choice': int(number),
            }
            for name, number in pairs
        ]

    def get_query(self, idx: int) -> Record:
        """Return the idx-th record; all share one list of names."""
        return super().get_query(idx) | {'choices': self.class_names}

    def choose_output(self, record: Record, rng: Random, group: Hashable = None) -> tuple[str, Hashable]:
        """Choose the name of the class."""
        return record['gt_caption'][0], None

    def has_output(self, record: Record) -> bool:
        """Say yes: every image has a class."""
        return True

    def as_shot(self, record: Record, output: str) -> Record:
        """Make an example with the name of its class."""
        return {key: record[key] for key in ('sample_id', 'image_id', 'img_path')} | {'caption': output}

    def _has(self, number: int) -> bool:
        return number < len(self.class_names)


@DATASETS.register_module()
class FlamingoEvalImageNet(SupportFileMixin, ImageNet):
    """Few-shot ImageNet; arguments of `SupportFileMixin` and `ImageNet`."""
