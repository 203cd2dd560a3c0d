"""Captions of videos: VATEX."""

import os.path as osp

from mmflamingo.registry import DATASETS

from .base import Record, check_unique
from .coco_caption import COCOCaption
from .fields import file_name, references
from .layouts import Account, Layout, all_or_none
from .shots.few_shot import SupportFileMixin


@DATASETS.register_module()
class VATEX(COCOCaption):
    """Ten English captions a video: `vatex_{training,validation,public_test}_v1.0.json`.

    `data_prefix['img_path']` is the folder of the videos, the parts of ten seconds that their ids name:
    `{videoID}.mp4`. Files: https://eric-xw.github.io/vatex-website/download.html.

    Args:
        kwargs: Arguments of `FlamingoDataset`.
    """

    layout = 'a JSON list of {videoID, enCap}'
    entries_are = 'videos'
    fields = Layout(videoID=file_name, enCap=all_or_none(references))

    def load_data_list(self) -> list[Record]:
        """Read `ann_file`."""
        return self.read_file(self.ann_file, self.data_prefix['img_path'], 'ann_file')

    def read_file(self, path: str, img_prefix: str, argument: str) -> list[Record]:
        """Read one file into records.

        Args:
            path: The file.
            img_prefix: Folder of the videos.
            argument: Name of the argument that gave `path`, for messages.

        Raises:
            ValueError: The file has another layout, or a video comes twice.
        """
        account = Account(f'{type(self).__name__}, which is {self.layout}')
        entries = account.read(f"{argument}: '{path}'", self.load_list(path, argument), self.fields)
        account.check()
        check_unique((entry['videoID'] for entry in entries), 'video', path)
        return [
            {
                'task': self.task,
                'sample_id': entry['videoID'],
                'image_id': entry['videoID'],
                'img_path': osp.join(img_prefix, f'{entry["videoID"]}.mp4'),
                'gt_caption': entry.get('enCap') or [],
            }
            for entry in entries
        ]


@DATASETS.register_module()
class FlamingoEvalVATEX(SupportFileMixin, VATEX):
    """Few-shot VATEX; arguments of `SupportFileMixin` and `VATEX`."""
