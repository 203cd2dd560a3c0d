import numpy as np

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


def test_repr():
    assert "scatter_key='img_path'" in repr(ApplyToList([]))
