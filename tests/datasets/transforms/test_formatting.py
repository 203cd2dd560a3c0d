import numpy as np
import pytest
import torch

from mmflamingo.datasets import FlamingoEvalCOCOCaption
from mmflamingo.datasets.transforms import PackInputs

IMAGE = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


@pytest.mark.parametrize(
    ('images', 'shape'),
    [
        (IMAGE, (1, 1, 3, 4, 5)),
        ([IMAGE], (1, 1, 3, 4, 5)),
        ([IMAGE] * 3, (3, 1, 3, 4, 5)),
        ([[IMAGE] * 2] * 3, (3, 2, 3, 4, 5)),
        ([[IMAGE, IMAGE], [IMAGE, IMAGE]], (2, 2, 3, 4, 5)),
    ],
)
def test_inputs(images, shape):
    inputs = PackInputs()({'img': images})['inputs']
    assert inputs.shape == shape
    assert inputs.dtype == torch.uint8
    assert inputs.is_contiguous()
    np.testing.assert_array_equal(inputs[-1, -1].permute(1, 2, 0).numpy(), IMAGE)


def test_data_sample_has_everything_but_pixels():
    record = {'task': 'vqa', 'sample_id': 7, 'question': 'What?', 'bad_images': ['a.jpg']}
    sample = PackInputs()(record | {'img': IMAGE})['data_samples']
    assert sample.to_dict() == record
    assert set(sample.metainfo) == {'task', 'sample_id', 'bad_images'}


def test_meta_keys_can_be_chosen():
    sample = PackInputs(meta_keys=['question'])({'img': IMAGE, 'question': 'What?', 'task': 'vqa'})['data_samples']
    assert set(sample.metainfo) == {'question'}


@pytest.mark.parametrize(
    ('images', 'message'),
    [
        (None, 'Sample 7 has no image'),
        ([], 'Sample 7 has no image'),
        ([[], []], 'Sample 7 has no image'),
        (
            [IMAGE, IMAGE[:2]],
            r'images of sample 7 differ in shape .* \[\(4, 5, 3\), \(2, 5, 3\)\].*CenterCrop',
        ),
        ([[IMAGE], [IMAGE, IMAGE]], r'sample 7 have different numbers of frames: \[1, 2\]'),
        (IMAGE[..., 0], r'uint8 arrays of shape \(4, 5\)'),
        (IMAGE.astype(np.float32), 'float32 arrays .* as LoadImageFromFile'),
    ],
)
def test_wrong_images(images, message):
    with pytest.raises(ValueError, match=message):
        PackInputs()({'img': images, 'sample_id': 7})


def test_whole_pipeline(tmp_path, captions, make_image):
    for i in range(1, 7):
        make_image(f'img/{i:06d}.jpg', size=(30 + i, 40), seed=i)
    geometry = [{'type': 'ResizeEdge', 'scale': 16}, {'type': 'CenterCrop', 'crop_size': 16}]
    dataset = FlamingoEvalCOCOCaption(
        captions(count=6),
        str(tmp_path),
        {'img_path': 'img'},
        num_shots=2,
        num_text_only_shots=1,
        num_support_examples=4,
        num_query_examples=None,
        test_mode=True,
        pipeline=[
            {'type': 'ApplyToList', 'transforms': [{'type': 'LoadImageFromFile'}, *geometry]},
            {'type': 'PackInputs'},
        ],
    )
    item = dataset[1]
    sample = item['data_samples']
    assert item['inputs'].shape == (3, 1, 3, 16, 16)
    assert len(sample.img_path) == 3
    assert [shot['img_path'] is None for shot in sample.shots] == [True, False, False]
    assert sample.gt_caption == [f'caption {k} of {sample.image_id}' for k in range(2)]
