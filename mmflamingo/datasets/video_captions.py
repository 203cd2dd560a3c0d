"""Captions of videos: VATEX."""

import os.path as osp

from mmflamingo.registry import DATASETS

from .base import Record, check_unique
from .coco_caption import COCOCaption
from .shots.few_shot import SupportFileMixin


@DATASETS.register_module()
class VATEX(COCOCaption):
    """Ten English captions a video: `vatex_{training,validation,public_test}_v1.0.json`.

    `data_prefix['img_path']` is the folder of the videos, the parts of ten seconds that their ids name:
    `{videoID}.mp4`. Files: https://eric-xw.github.io/vatex-website/download.html.

    Args:
        kwargs: Arguments of `FlamingoDataset`.
    """

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
        content = self.load_annotations(path, argument)
        try:
            records = [
                {
                    'task': self.task,
                    'sample_id': entry['videoID'],
                    'image_id': entry['videoID'],
                    'img_path': osp.join(img_prefix, f'{entry["videoID"]}.mp4'),
                    'gt_caption': list(entry.get('enCap', ())),
                }
                for entry in content
            ]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{argument}: '{path}' is no JSON list of {{videoID, enCap}} ({type(error).__name__}: {error})."
            ) from error
        if not records:
            raise ValueError(f"{argument}: '{path}' holds no videos.")
        check_unique((record['image_id'] for record in records), 'video', path)
        return records


@DATASETS.register_module()
class FlamingoEvalVATEX(SupportFileMixin, VATEX):
    """Few-shot VATEX; arguments of `SupportFileMixin` and `VATEX`."""
