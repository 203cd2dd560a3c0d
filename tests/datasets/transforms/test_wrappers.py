import numpy as np
import pytest

from mmflamingo.datasets.transforms import ApplyToList
from mmflamingo.registry import TRANSFORMS

LOAD = {'type': 'LoadImageFromFile'}


def test_runs_over_paths(make_image):
    paths = [make_image(f'{i}.png', size=(20 + i, 10), seed=i) for i in range(3)]
    transform = TRANSFORMS.build({'type': 'ApplyToList', 'transforms': [LOAD], 'collate_keys': ['img', 'ori_shape']})
    results = transform({'img_path': paths, 'question': 'What?'})

    assert results['img_path'] == paths
    assert results['question'] == 'What?'
    assert [image.shape for image in results['img']] == [(10, 20 + i, 3) for i in range(3)]
    assert results['ori_shape'] == [(10, 20), (10, 21), (10, 22)]
    assert 'bad_images' not in results


def test_single_path_is_a_list_of_one(make_image):
    results = ApplyToList([LOAD])({'img_path': make_image()})
    assert len(results['img']) == 1


def test_bad_images_are_gathered(make_image, tmp_path):
    bad = [str(tmp_path / 'b.jpg'), str(tmp_path / 'c.jpg')]
    for path in bad:
        open(path, 'w').write('no image')
    transform = ApplyToList([LOAD | {'on_bad_image': 'blank'}])
    results = transform({'img_path': [bad[0], make_image('a.jpg'), bad[1]]})
    assert results['bad_images'] == bad
    assert len(results['img']) == 3


def test_elements_do_not_see_each_other():
    seen = []

    def spy(item):
        seen.append(dict(item))
        return item | {'img': item['img_path']}

    ApplyToList([spy])({'img_path': ['a', 'b'], 'question': 'What?'})
    assert seen == [{'img_path': 'a'}, {'img_path': 'b'}]


def test_nests_for_the_frames_of_videos():
    def load_video(item):
        return item | {'img': [np.full((6, 8, 3), level, np.uint8) for level in (1, 2)]}

    resize = {'type': 'ResizeEdge', 'scale': 3}
    frames = {'type': 'ApplyToList', 'scatter_key': 'img', 'transforms': [resize]}
    results = ApplyToList([load_video, frames])({'img_path': ['a.mp4', 'b.mp4']})
    assert [[frame.shape for frame in video] for video in results['img']] == [[(3, 4, 3)] * 2] * 2


@pytest.fixture
def load():
    """Makes a picture of a path's letter, and notes what it was asked for."""

    def load(item):
        load.asked.append(item['img_path'])
        return item | {'img': np.full((2, 2, 3), ord(item['img_path'][0]), np.uint8), 'ori_shape': (2, 2)}

    load.asked = []
    return load


def letters(results):
    return ''.join(chr(image[0, 0, 0]) for image in results['img'])


def test_a_cache_loads_a_picture_once_and_forgets_the_least_recently_used(load):
    keys = ['img', 'ori_shape']
    transform = ApplyToList([load], collate_keys=keys, cache_bytes=2 * 12)
    plain = ApplyToList([load], collate_keys=keys)
    for paths in ('aab', 'ba', 'ac', 'ab'):
        results, expected = transform({'img_path': list(paths)}), plain({'img_path': list(paths)})
        assert letters(results) == letters(expected) == paths
        assert results['ori_shape'] == expected['ori_shape']
    own = ApplyToList([load], collate_keys=keys, cache_bytes=2 * 12)
    load.asked.clear()
    for paths in ('aab', 'ba', 'ac', 'ab'):
        own({'img_path': list(paths)})
    assert load.asked == ['a', 'b', 'c', 'b']


def test_what_is_kept_can_not_be_written_over(load):
    results = ApplyToList([load], cache_bytes=100)({'img_path': ['a']})
    with pytest.raises(ValueError, match='read-only'):
        results['img'][0][:] = 0


def test_pictures_in_memory_are_not_kept(load):
    transform = ApplyToList([lambda item: item | {'img': item['img_path']}], cache_bytes=1000)
    pictures = [np.zeros((2, 2, 3), np.uint8), np.ones((2, 2, 3), np.uint8)]
    for picture in pictures:
        assert transform({'img_path': [picture]})['img'][0] is picture


def test_a_bad_image_is_told_of_every_time(tmp_path):
    bad = tmp_path / 'b.jpg'
    bad.write_text('no image')
    transform = ApplyToList([LOAD | {'on_bad_image': 'blank'}], cache_bytes=2**20)
    for _ in range(2):
        assert transform({'img_path': [str(bad)]})['bad_images'] == [str(bad)]


def test_repr():
    assert "scatter_key='img_path'" in repr(ApplyToList([]))
