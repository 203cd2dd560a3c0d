import json

import pytest

from mmflamingo.datasets import COCOCaption


def test_records_hold_all_references(tmp_path, captions):
    dataset = COCOCaption(captions(count=3), str(tmp_path), {'img_path': 'val2014'})

    assert len(dataset) == 3
    record = dataset.get_data_info(0)
    assert record == {
        'task': 'caption',
        'sample_id': 1,
        'image_id': 1,
        'sample_idx': 0,
        'img_path': f'{tmp_path}/val2014/000001.jpg',
        'gt_caption': ['caption 0 of 1', 'caption 1 of 1'],
        'shots': [],
    }


def test_task_can_be_renamed(tmp_path, captions):
    dataset = COCOCaption(captions(), str(tmp_path), task='describe')
    assert dataset.get_data_info(0)['task'] == 'describe'


def test_absolute_paths_need_no_root(tmp_path, captions):
    path = tmp_path / captions(count=1)
    dataset = COCOCaption(str(path), data_prefix={'img_path': '/elsewhere'})
    assert dataset.get_data_info(0)['img_path'] == '/elsewhere/000001.jpg'


@pytest.fixture
def karpathy(write_json):
    images = [
        {
            'filepath': 'val2014',
            'filename': f'COCO_val2014_{i:012d}.jpg',
            'cocoid': i,
            'split': split,
            'sentences': [{'raw': f'raw {i}', 'sentid': i}],
        }
        for i, split in enumerate(['train', 'restval', 'test', 'test'], 1)
    ]
    return write_json('dataset_coco.json', {'images': images, 'dataset': 'coco'})


@pytest.mark.parametrize(('split', 'ids'), [('test', [3, 4]), ('train', [1]), (['train', 'restval'], [1, 2])])
def test_karpathy_splits(tmp_path, karpathy, split, ids):
    dataset = COCOCaption(karpathy, str(tmp_path), {'img_path': 'img'}, split=split)

    records = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert [record['sample_id'] for record in records] == ids
    assert records[0]['gt_caption'] == [f'raw {ids[0]}']
    assert records[0]['img_path'] == f'{tmp_path}/img/val2014/COCO_val2014_{ids[0]:012d}.jpg'


def test_flickr_ids_are_file_stems(tmp_path, write_json):
    image = {'filename': '1000092795.jpg', 'split': 'test', 'sentences': [{'raw': 'two men'}]}
    dataset = COCOCaption(write_json('f.json', {'images': [image]}), str(tmp_path), split='test')
    assert dataset.get_data_info(0)['image_id'] == 1000092795


@pytest.mark.parametrize('split', [None, 'tset'])
def test_karpathy_split_is_needed_and_known(tmp_path, karpathy, split):
    with pytest.raises(ValueError, match=r"split=.*\['restval', 'test', 'train'\]"):
        COCOCaption(karpathy, str(tmp_path), split=split)


def test_coco_file_has_no_splits(tmp_path, captions):
    with pytest.raises(ValueError, match="split='test' needs Karpathy's layout"):
        COCOCaption(captions(), str(tmp_path), split='test')


def test_image_info_file_gives_no_references(tmp_path, write_json):
    name = write_json('image_info.json', {'images': [{'id': 1, 'file_name': 'a.jpg'}]})
    assert COCOCaption(name, str(tmp_path)).get_data_info(0)['gt_caption'] == []


def test_images_without_captions_are_left_out(tmp_path, captions):
    path = tmp_path / captions(count=3)
    content = json.loads(path.read_text())
    content['images'].append({'id': 99, 'file_name': '99.jpg'})
    path.write_text(json.dumps(content))
    assert len(COCOCaption(str(path))) == 3


def test_missing_file_names_path_and_root(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        COCOCaption('annotations/none.json', str(tmp_path))
    assert f"'{tmp_path}/annotations/none.json' does not exist" in str(error.value)
    assert f"data_root='{tmp_path}'" in str(error.value)
    assert 'correct data_root or ann_file' in str(error.value)


def test_no_file_given():
    with pytest.raises(ValueError, match='needs ann_file'):
        COCOCaption()


def test_broken_json(tmp_path):
    (tmp_path / 'a.json').write_text('{"images": [')
    with pytest.raises(ValueError, match=r"a\.json' is not valid JSON"):
        COCOCaption('a.json', str(tmp_path))


IMAGE = {'id': 1, 'file_name': 'a.jpg'}


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ([], 'lists no images'),
        ({}, 'lists no images'),
        ({'images': [], 'annotations': []}, 'lists no images'),
        ({'images': [IMAGE], 'annotations': []}, '1 images but no annotations'),
        (
            {'images': [IMAGE, IMAGE], 'annotations': [{'image_id': 1, 'caption': 'a'}]},
            '1 of 1 image ids come more than once: 1',
        ),
        (
            {'images': [IMAGE], 'annotations': [{'id': 5, 'image_id': 1, 'caption': 'a'}] * 2},
            '1 of 1 annotation ids come more than once: 5',
        ),
        (
            {'images': [IMAGE], 'annotations': [{'image_id': 2, 'caption': 'a'}]},
            'annotations name 1 image ids that are not among its 1 images: 2',
        ),
        ({'images': [{'id': 1}]}, r'entry 0 \(id 1\): file_name is missing, it must be a text'),
        (
            {'images': [IMAGE], 'annotations': [{'image_id': 1}]},
            r'entry 0 \(image_id 1\): caption is missing, it must be a text',
        ),
    ],
)
def test_bad_files_are_explained(tmp_path, write_json, content, message):
    with pytest.raises(ValueError, match=message):
        COCOCaption(write_json('bad.json', content), str(tmp_path))
