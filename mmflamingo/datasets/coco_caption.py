"""COCO captions: the official files and Karpathy's split file."""

import os.path as osp
from collections.abc import Hashable, Iterable, Sequence
from random import Random

from mmengine.logging import print_log

from mmflamingo.registry import DATASETS

from .base import FlamingoDataset, Record, check_same_writing, check_unique, not_blank, some
from .fields import an_id, any_text, file_name, list_of, show, text
from .layouts import Account, Layout, all_or_none, optional
from .shots.few_shot import FewShotMixin

OURS = {'group': optional(an_id), 'support_image_ids': optional(list_of(an_id))}
IMAGE = Layout(id=an_id, file_name=file_name, domain=all_or_none(text), **OURS)
CAPTION = Layout(image_id=an_id, caption=any_text, id=optional(an_id), group=optional(an_id))
KARPATHY = Layout(
    filename=file_name,
    split=text,
    sentences=list_of(Layout(raw=any_text, group=optional(an_id))),
    filepath=all_or_none(any_text),
    cocoid=all_or_none(an_id),
    domain=all_or_none(text),
    **OURS,
)


@DATASETS.register_module()
class COCOCaption(FlamingoDataset):
    """Image captions, one record an image with all its references.

    Two layouts are told apart by their content: COCO's `captions_{train,val}2014.json`
    (`images` + `annotations`), and Karpathy's `dataset_coco.json` or `dataset_flickr30k.json`
    (`images` with `sentences` and `split`). A COCO file without the key `annotations`
    (`image_info_test2014.json`) gives records without references. Files:
    https://cocodataset.org/#download and https://cs.stanford.edu/people/karpathy/deepimagesent/.

    NoCaps has COCO's layout; the `domain` of its images is kept. Optional keys of ours: `group` on an image or annotation,
    `support_image_ids` on an image (see `InterleavedDataset` and the shot selector 'listed'). Captions may be empty, but
    not all of an image; shots never teach an empty one.

    Args:
        split: Splits to read from Karpathy's file, e.g. 'test' or ('train', 'restval').
        kwargs: Arguments of `FlamingoDataset`.
    """

    task = 'caption'

    def __init__(self, *args, split: str | Sequence[str] | None = None, **kwargs) -> None:
        self.split = split
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[Record]:
        """Read `ann_file`."""
        return self.read(self.ann_file, self.data_prefix['img_path'], self.split, 'ann_file')

    def read(self, path: str, img_prefix: str, split: str | Sequence[str] | None, argument: str) -> list[Record]:
        """Read one caption file into records.

        Args:
            path: The file.
            img_prefix: Folder of the images.
            split: As in the constructor.
            argument: Name of the argument that gave `path`, for messages.
        """
        content = self.load_annotations(path, argument)
        images = content.get('images') if isinstance(content, dict) else None
        if not isinstance(images, list) or not images:
            raise ValueError(
                f"{argument}: '{path}' lists no images. A caption file is a JSON object with a list 'images'."
            )
        if any(isinstance(image, dict) and 'sentences' in image for image in images):
            records = _karpathy_records(images, path, argument, split)
        else:
            records = _coco_records(content, path, argument, split)
        for record in records:
            record['task'] = self.task
            record['img_path'] = osp.join(img_prefix, record['img_path'])
        return records

    def choose_output(self, record: Record, rng: Random, group: Hashable = None) -> tuple[str, Hashable]:
        """Choose one of the references."""
        captions = record['gt_caption']
        groups = record.get('caption_groups') or [None] * len(captions)
        allowed = [i for i, own in enumerate(groups) if (group is None or own == group) and captions[i].strip()]
        choice = rng.choice(allowed)
        return captions[choice], groups[choice]

    def has_output(self, record: Record) -> bool:
        """Say whether the image has references."""
        return bool(record['gt_caption'])

    def as_shot(self, record: Record, output: str) -> Record:
        """Make an example with the chosen caption."""
        return {key: record[key] for key in ('sample_id', 'image_id', 'img_path')} | {'caption': output}

    def groups(self, record: Record) -> set[Hashable]:
        """Return the groups of the references."""
        groups = zip(record.get('caption_groups', ()), record['gt_caption'], strict=False)
        return {group for group, caption in groups if group is not None and caption.strip()}


@DATASETS.register_module()
class FlamingoEvalCOCOCaption(FewShotMixin, COCOCaption):
    """Few-shot captions: support and queries disjoint by image, one query an image.

    Args:
        support_ann_file: Caption file of the support set; None splits `ann_file`.
        support_split: Splits to read from it (Karpathy's layout only).
        support_data_prefix: Its `img_path` is the folder of the support images; `data_prefix` by
            default.
        kwargs: Arguments of `FewShotMixin` and `COCOCaption`.
    """

    def __init__(
        self,
        *args,
        support_ann_file: str | None = None,
        support_split: str | Sequence[str] | None = None,
        support_data_prefix: dict[str, str] | None = None,
        **kwargs,
    ) -> None:
        self.support_ann_file = support_ann_file
        self.support_split = support_split
        self.support_data_prefix = support_data_prefix
        super().__init__(*args, **kwargs)

    def load_support_list(self) -> list[Record] | None:
        """Read the support file, if there is one."""
        if self.support_ann_file is None:
            return None
        path = self._under_root(self.support_ann_file)
        img_prefix = self._support_img_prefix(self.support_data_prefix)
        return self.read(path, img_prefix, self.support_split, 'support_ann_file')


def _coco_records(content: dict, path: str, argument: str, split: object) -> list[Record]:
    if split is not None:
        raise ValueError(
            f"split={split!r} needs Karpathy's layout, but '{path}' is a COCO file, which is one "
            'split. Drop the argument.'
        )
    account, file = Account("COCO's captions, which are lists `images` and `annotations`"), f"{argument}: '{path}'"
    images = account.read(f'{file} (images)', enumerate(content['images']), IMAGE)
    captions = content.get('annotations', [])
    if not isinstance(captions, list):
        raise ValueError(f"{file}: 'annotations' is {show(captions)}, it must be a list.")
    entries = account.read(f'{file} (annotations)', enumerate(captions), CAPTION)
    account.check()
    records = [_record(image['id'], image['file_name'], image) for image in images]
    check_unique((record['image_id'] for record in records), 'image', path)
    if 'annotations' not in content:
        return records
    if not entries:
        raise ValueError(f"'{path}' holds {len(records)} images but no annotations.")
    check_unique((entry['id'] for entry in entries if 'id' in entry), 'annotation', path)
    by_image = {record['image_id']: record for record in records}
    unknown = {e['image_id'] for e in entries if e['image_id'] not in by_image}
    if unknown:
        check_same_writing(unknown | by_image.keys(), 'image', f"'{path}'")
        raise ValueError(
            f"'{path}': annotations name {len(unknown)} image ids that are not among its "
            f'{len(records)} images: {some(unknown)}.'
        )
    for entry in entries:
        _add_caption(by_image[entry['image_id']], entry['caption'], entry)
    return _with_captions(records, path)


def _karpathy_records(images: list, path: str, argument: str, split: str | Sequence[str] | None) -> list[Record]:
    account = Account("Karpathy's files, which list `images` with `sentences` and `split`")
    images = account.read(f"{argument}: '{path}'", enumerate(images), KARPATHY)
    account.check()
    present = sorted({image['split'] for image in images})
    wanted = {split} if isinstance(split, str) else set(split or ())
    if not wanted or not wanted <= set(present):
        raise ValueError(f"split={split!r}: '{path}' is Karpathy's file, so choose among its splits {present}.")
    records = []
    for image in images:
        if image['split'] not in wanted:
            continue
        stem = osp.splitext(image['filename'])[0]
        image_id = image.get('cocoid')
        if image_id is None:
            image_id = int(stem) if stem.isdecimal() else stem
        record = _record(image_id, osp.join(image.get('filepath') or '', image['filename']), image)
        for sentence in image['sentences']:
            _add_caption(record, sentence['raw'], sentence)
        records.append(record)
    check_unique((record['image_id'] for record in records), 'image', path)
    return _with_captions(records, path)


def _record(image_id: int | str, file_name: str, image: dict) -> Record:
    record = {
        'sample_id': image_id,
        'image_id': image_id,
        'img_path': file_name,
        'gt_caption': [],
    }
    if image.get('support_image_ids') is not None:
        record['support_ids'] = image['support_image_ids']
    return record | {key: image[key] for key in ('group', 'domain') if image.get(key) is not None}


def _add_caption(record: Record, caption: str, entry: dict) -> None:
    record['gt_caption'].append(caption)
    group = entry.get('group', record.get('group'))
    if group is not None:
        groups = record.setdefault('caption_groups', [])
        groups += [None] * (len(record['gt_caption']) - 1 - len(groups)) + [group]
    elif 'caption_groups' in record:
        record['caption_groups'].append(None)


def _with_captions(records: Iterable[Record], path: str) -> list[Record]:
    records = list(records)
    kept = [record for record in records if record['gt_caption']]
    if len(kept) < len(records):
        print_log(
            f"'{path}': {len(records) - len(kept)} of {len(records)} images have no caption and are left out.",
            logger='current',
        )
    empty = [record['image_id'] for record in kept if not not_blank(record['gt_caption'])]
    if empty or not kept:
        raise ValueError(
            f"'{path}': {len(empty)} of {len(kept)} images with captions have only empty ones: {some(empty) or 'none'}. "
            'Each needs one that is not.'
        )
    return kept
