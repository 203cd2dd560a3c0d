"""ImageNet-1k as a close-ended set: which of 1,000 names is likeliest after the image?"""

import os.path as osp
from collections.abc import Hashable
from random import Random

from mmflamingo.registry import DATASETS

from .base import FlamingoDataset, Record, check_unique
from .choice_lists import unite_equal
from .fields import Misfit, file_name
from .layouts import Account
from .shots.few_shot import SupportFileMixin

MOST_DIGITS = 9  # of a class's number


@DATASETS.register_module()
class ImageNet(FlamingoDataset):
    """Images with the number of their class: lines of `FILE NUMBER`, as `meta/val.txt` of mmpretrain has them.

    Any other set of classified images with such a file works too. Images: https://image-net.org/download; the file:
    https://download.openmmlab.com/mmclassification/datasets/imagenet/meta/caffe_ilsvrc12.tar.gz.

    Args:
        ann_file: The lines.
        class_file: Text file of the names, one a line, in the order of the numbers; the Flamingo paper uses those of
            CLIP. Equal names are ranked once, and any of their classes is right.
        kwargs: Arguments of `FlamingoDataset`.
    """

    task = 'imagenet'
    layout = 'lines of a file and the number of its class'

    def __init__(self, ann_file: str, class_file: str, *args, **kwargs) -> None:
        self.class_file = class_file
        self.choices: list[str] = []
        self.choice_of_class: list[int] = []
        super().__init__(ann_file, *args, **kwargs)

    def load_data_list(self) -> list[Record]:
        """Read `class_file` and `ann_file`."""
        path = self._under_root(self.class_file)
        names = [name for _, name in self.load_lines(path, 'class_file', with_blank=True)]
        self.choices, self.choice_of_class = unite_equal(names, f"class_file: '{path}'")
        return self.read_file(self.ann_file, self.data_prefix['img_path'], 'ann_file')

    def read_file(self, path: str, img_prefix: str, argument: str) -> list[Record]:
        """Read the images of a file.

        Args:
            path: The file.
            img_prefix: Folder of the images.
            argument: Name of the argument that gave `path`, for messages.

        Raises:
            ValueError: A line is not an image with the number of a class, or an image comes twice.
        """
        account = Account(f'{type(self).__name__}, which is {self.layout}')
        lines = ((f'line {number}', line) for number, line in self.load_lines(path, argument))
        pairs = account.read(f"{argument}: '{path}'", lines, None, self._read_line)
        account.check()
        check_unique((name for name, _ in pairs), 'image', path)
        return [
            {
                'task': self.task,
                'sample_id': name,
                'image_id': name,
                'img_path': osp.join(img_prefix, name),
                'gt_caption': [self.choices[choice]],
                'gt_choice': choice,
            }
            for name, choice in pairs
        ]

    def _read_line(self, line: str) -> tuple[str, int]:
        """The file and the number of its choice."""
        *name, number = line.rsplit(maxsplit=1)
        classes = len(self.choice_of_class)
        if not name or not number.isdecimal() or len(number) > MOST_DIGITS or int(number) >= classes:
            raise Misfit(f"a file and a number below {classes}, as '{self.class_file}' has names", line, 'the line')
        return file_name(name[0]), self.choice_of_class[int(number)]

    def get_query(self, idx: int) -> Record:
        """Return the idx-th record; all share one list of names."""
        return super().get_query(idx) | {'choices': self.choices}

    def choose_output(self, record: Record, rng: Random, group: Hashable = None) -> tuple[str, Hashable]:
        """Choose the name of the class."""
        return record['gt_caption'][0], None

    def has_output(self, record: Record) -> bool:
        """Say yes: every image has a class."""
        return True

    def as_shot(self, record: Record, output: str) -> Record:
        """Make an example with the name of its class."""
        return {key: record[key] for key in ('sample_id', 'image_id', 'img_path')} | {'caption': output}


@DATASETS.register_module()
class FlamingoEvalImageNet(SupportFileMixin, ImageNet):
    """Few-shot ImageNet; arguments of `SupportFileMixin` and `ImageNet`."""
