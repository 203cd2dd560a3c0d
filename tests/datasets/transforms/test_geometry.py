import numpy as np
import pytest
from mmengine.dataset import Compose
from PIL import Image

from mmflamingo.datasets.base import build_transforms
from mmflamingo.datasets.transforms import ResizeEdge

SIZES = [(40, 30), (31, 57), (224, 224), (333, 251), (100, 101), (500, 40), (57, 500)]


@pytest.mark.parametrize(
    ('edge', 'shape'),
    [('short', (20, 40)), ('long', (10, 20)), ('width', (10, 20)), ('height', (20, 40))],
)
def test_edges(edge, shape):
    results = ResizeEdge(20, edge)({'img': np.zeros((30, 60, 3), np.uint8)})
    assert results['img'].shape == (*shape, 3)
    assert results['img_shape'] == shape


def test_extreme_formats_keep_a_line_of_pixels():
    results = ResizeEdge(4, 'long')({'img': np.zeros((1, 900, 3), np.uint8)})
    assert results['img'].shape == (1, 4, 3)


@pytest.mark.parametrize('size', SIZES)
def test_equals_pillow(make_image, size):
    image = Image.open(make_image('a.png', size))
    bgr = np.asarray(image)[..., ::-1]
    resized = ResizeEdge(32)({'img': bgr})['img']
    height, width = resized.shape[:2]
    assert min(height, width) == 32
    expected = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(resized[..., ::-1], expected)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('name', ['a.jpg', 'a.png'])
def test_with_center_crop_equals_open_clip(make_image, size, name):
    """Mean 0 and standard deviation 1 leave open_clip's tensor as pixels / 255."""
    open_clip_transform = pytest.importorskip('open_clip.transform')
    theirs = open_clip_transform.image_transform(64, False, mean=(0, 0, 0), std=(1, 1, 1))
    ours = Compose(
        build_transforms(
            [
                {'type': 'LoadImageFromFile'},
                {'type': 'ResizeEdge', 'scale': 64},
                {'type': 'CenterCrop', 'crop_size': 64},
            ]
        )
    )
    path = make_image(name, size)
    expected = (theirs(Image.open(path)) * 255).round().byte().permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(ours({'img_path': path})['img'][..., ::-1], expected)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'scale': 0}, 'scale=0 must be a positive integer'),
        ({'scale': (224, 224)}, r'scale=\(224, 224\) must be'),
        ({'scale': 8, 'edge': 'shortest'}, "edge='shortest' is not known; choose one of"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ResizeEdge(**arguments)


def test_repr():
    assert "scale=8, edge='short'" in repr(ResizeEdge(8))
