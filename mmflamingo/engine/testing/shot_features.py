"""Image features by which RICES finds shots: computed by a model's vision backbone before a test."""

import hashlib
from collections.abc import Hashable
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mmflamingo.datasets import FlamingoDataset, ImageFeatures
from mmflamingo.datasets.base import some
from mmflamingo.datasets.members import members
from mmflamingo.version import __version__

from ..errors import RunError
from ..launch import on_main_rank
from .identity import digest_contents


def provide_features(model: nn.Module, loader: DataLoader) -> None:
    """Give shot selectors the features they lack, from their folders or, the first time, from the model.

    Args:
        model: The model under test.
        loader: Loader of its dataset, which may wrap several; those whose selectors need no features are left alone.

    Raises:
        RunError: The features at hand are of other images or another backbone.
    """
    for dataset in members(loader.dataset):
        selector = getattr(dataset, 'shot_selector', None)
        if not getattr(dataset, 'num_examples', 0):
            continue
        if getattr(selector, 'needs_features', False):
            _provide(model, loader, dataset)
        elif getattr(selector, 'features', None) is not None:
            on_main_rank(partial(check_contents, dataset, selector.features))


def _provide(model: nn.Module, loader: DataLoader, dataset: FlamingoDataset) -> None:
    selector = dataset.shot_selector

    def find_or_compute() -> Path:
        backbone = describe_backbone(model)
        path = Path(selector.features_dir) / f'{_name(model, backbone, dataset)}.pt'
        if not path.is_file():
            print_log(f'Image features for the choice of shots are computed and kept in {path}.', 'current')
            compute_features(model, loader, dataset).save(path)
        features = ImageFeatures.load(path)
        if features.backbone != backbone:
            raise RunError(f'{path} holds features of {features.backbone}, not of {backbone}: remove the file.')
        check_contents(dataset, features)
        return path

    selector.use_features(ImageFeatures.load(on_main_rank(find_or_compute)))


def check_contents(dataset: FlamingoDataset, features: ImageFeatures) -> None:
    """Check that the images of a set have the contents of which features were extracted, where the features say so.

    Raises:
        RunError: Some have others.
    """
    if features.contents is None:
        return
    of_features = dict(zip(features.image_ids, features.contents, strict=True))
    of_images = _Images(dataset).contents()
    changed = [image_id for image_id, content in of_images.items() if of_features.get(image_id) != content]
    if changed:
        raise RunError(
            f'{len(changed)} of {len(of_images)} images have other contents than when their features were extracted (image ids '
            f'{some(changed)}): extract the features again (tools/analysis/extract_features.py), or restore the images.'
        )


@torch.no_grad()
def compute_features(model: nn.Module, loader: DataLoader, dataset: FlamingoDataset | None = None) -> ImageFeatures:
    """Mean of the patch features of each image, of length 1.

    Args:
        model: Has `vision_backbone`, (N, 3, H, W) -> (N, V, D), and a data preprocessor.
        loader: Its batch size and workers are used.
        dataset: The few-shot dataset whose queries, supports and pipeline are used; the loader's by default.
    """
    images = _Images(loader.dataset if dataset is None else dataset)
    size = loader.batch_sampler.batch_size
    workers = {name: getattr(loader, name) for name in ('num_workers', 'timeout', 'multiprocessing_context')}
    batches = DataLoader(images, size, collate_fn=loader.collate_fn, **workers)
    vectors = []
    for batch in batches:
        pixels = model.data_preprocessor(batch, False)['images']  # (B, 1, F, 3, H, W)
        patches = model.vision_backbone(model.data_preprocessor.normalise(pixels.flatten(0, 2)))  # (B * F, V, D)
        of_frames = patches.float().mean(1).unflatten(0, (len(pixels), -1))  # (B, F, D)
        vectors.append(F.normalize(of_frames.mean(1), dim=-1).cpu())
    return ImageFeatures(
        list(images.records), torch.cat(vectors), describe_backbone(model), list(images.contents().values())
    )


def describe_backbone(model: nn.Module) -> str:
    """Class of the vision backbone and a digest of its weights."""
    sha256 = hashlib.sha256()
    for name, value in model.vision_backbone.state_dict().items():
        sha256.update(name.encode())
        sha256.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return f'{type(model.vision_backbone).__name__} {sha256.hexdigest()[:16]}'


class _Images(Dataset):
    """Every image of a few-shot dataset once, as a query without shots."""

    def __init__(self, dataset: FlamingoDataset) -> None:
        self.dataset = dataset
        self.records: dict[Hashable, dict] = {}
        for record in (*dataset.supports, *map(dataset.get_query, range(len(dataset)))):
            self.records.setdefault(record['image_id'], record)
        self._in_order = list(self.records.values())

    def contents(self) -> dict[Hashable, str]:
        """What stands for the contents of each image, by its id."""
        paths = [record['img_path'] for record in self._in_order]
        return dict(zip(self.records, digest_contents(paths), strict=True))

    def __len__(self) -> int:
        return len(self._in_order)

    def __getitem__(self, index: int) -> Any:
        record = self._in_order[index]
        return self.dataset.pipeline(record | {'shots': [], 'img_path': [record['img_path']]})


def _name(model: nn.Module, backbone: str, dataset: FlamingoDataset) -> str:
    """Stands for all that the features depend on: weights, pixels, the contents of the images, this package's version."""
    pixels = dataset.pipeline, getattr(model.data_preprocessor, 'pixel_settings', None)
    parts = (__version__, backbone, *pixels, list(_Images(dataset).contents().items()))
    return hashlib.sha256('\n'.join(map(repr, parts)).encode()).hexdigest()[:16]
