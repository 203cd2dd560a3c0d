import json
import os
from urllib.error import HTTPError, URLError

import pytest
import torch
from mmengine.config import Config

from mmflamingo.datasets import COCOCaption
from mmflamingo.engine.config import preflight
from mmflamingo.engine.config.preflight import check_files, check_media, find_missing
from mmflamingo.engine.errors import MissingFilesError
from mmflamingo.engine.loading.cache import cached_path
from mmflamingo.engine.testing.identity import digest_named_files
from mmflamingo.paths import below

URL = 'https://example.com/weights/a.pth'


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    """A machine without network and with an empty cache."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    monkeypatch.setattr(torch.hub, '_hub_dir', None)
    asked = []

    def refuse(request, timeout):
        asked.append(request.full_url)
        raise URLError('Name or service not known')

    monkeypatch.setattr(preflight, 'urlopen', refuse)
    preflight._unreachable.cache_clear()
    yield asked
    preflight._unreachable.cache_clear()


def make_cfg(root):
    return Config(
        dict(
            model=dict(
                type='Flamingo',
                vision_backbone=dict(pretrained=f'{root}/clip.pth'),
                language_model=dict(pretrained=f'{root}/llama'),
                tokenizer=dict(pretrained=f'{root}/llama'),
            ),
            test_dataloader=dict(
                dataset=dict(
                    data_root=f'{root}/coco',
                    ann_file='annotations/val.json',
                    question_file='questions.json',
                    data_prefix=dict(img_path='val2014'),
                    support_ann_file=None,
                )
            ),
            how_to_get_data={f'{root}/coco': 'Unpack coco.zip.', 'data': 'Elsewhere.'},
            how_to_get_weights={'model.language_model.pretrained': 'Ask for LLaMA.'},
        )
    )


def test_everything_missing_is_listed_at_once(tmp_path):
    with pytest.raises(MissingFilesError) as caught:
        check_files(make_cfg(tmp_path), URL)
    message = str(caught.value)
    assert message.startswith('6 things are missing')
    for path, key in [
        ('clip.pth', 'model.vision_backbone.pretrained'),
        ('llama', 'model.language_model.pretrained'),
        ('coco/annotations/val.json', 'test_dataloader.dataset.ann_file'),
        ('coco/questions.json', 'test_dataloader.dataset.question_file'),
        ('coco/val2014', 'test_dataloader.dataset.data_prefix.img_path'),
    ]:
        assert f'  {tmp_path}/{path}\n      {key}: does not exist\n' in message
    assert message.count('-> Unpack coco.zip.') == 1
    assert '-> Ask for LLaMA.' in message
    assert f'  {URL}\n      CHECKPOINT: https://example.com cannot be reached (Name or' in message
    assert str(cached_path(URL)) in message


def test_nothing_missing(tmp_path):
    for folder in ('llama', 'coco/annotations', 'coco/val2014', 'cache/hub/checkpoints'):
        (tmp_path / folder).mkdir(parents=True)
    for file in ('clip.pth', 'coco/annotations/val.json', 'coco/questions.json'):
        (tmp_path / file).touch()
    cached_path(URL).touch()
    assert find_missing(make_cfg(tmp_path), URL) == []


def test_a_host_is_asked_once(tmp_path, no_network):
    cfg = Config(dict(model=dict(a=dict(pretrained=URL), b=dict(pretrained=f'{URL}2'))))
    assert len(find_missing(cfg, f'{URL}3')) == 3
    assert no_network == ['https://example.com']


def test_a_host_that_answers_is_there(monkeypatch):
    def answer(request, timeout):
        raise HTTPError(request.full_url, 403, 'Forbidden', {}, None)

    monkeypatch.setattr(preflight, 'urlopen', answer)
    assert find_missing(Config(), URL) == []


def test_hub_names_need_the_hub_or_its_cache(tmp_path):
    cfg = Config(dict(model=dict(tokenizer=dict(pretrained='hf://nobody/nothing'))))
    (missing,) = find_missing(cfg)
    assert missing.key == 'model.tokenizer.pretrained'
    assert 'https://huggingface.co cannot be reached' in missing.reason


def test_missing_checkpoint_file():
    (missing,) = find_missing(Config(), 'nowhere.pth')
    assert (missing.key, missing.reason) == ('CHECKPOINT', 'does not exist')


class Pictures:
    def __init__(self, paths):
        self.media_paths = lambda: paths


def test_missing_pictures_are_counted_and_ten_are_named(tmp_path):
    (tmp_path / 'there.mp4').touch()
    names = [str(tmp_path / f'{n:02d}.jpg') for n in range(12)]
    with pytest.raises(MissingFilesError) as caught:
        check_media(Pictures([*names, f'{tmp_path}/there.mp4#t=1,2']))
    message = str(caught.value)
    assert message.startswith('12 of 13 images or videos are missing:')
    assert names[9] in message and names[10] not in message
    assert 'and 2 more' in message and "data_prefix['img_path']" in message


def test_pictures_that_are_there_or_elsewhere_or_unknown_pass(tmp_path):
    (tmp_path / 'a.jpg').touch()
    check_media(Pictures([str(tmp_path / 'a.jpg'), 'https://example.com/b.jpg']))
    check_media(object())


class TestPaths:
    """A path means the same in the check of files and in the readers; F10: files of shots and choices are checked too."""

    @pytest.mark.parametrize(
        ('dataset', 'key'),
        [
            (dict(shot_selector=dict(type='rices', features='{}/none.pt')), 'shot_selector.features'),
            (dict(shot_selector=dict(type='listed', file='{}/none.json')), 'shot_selector.file'),
            (dict(pipeline=[dict(type='AddChoices', choices_file='{}/none.txt')]), 'pipeline[0].choices_file'),
            (dict(data_root='{}', class_file='none.txt'), 'class_file'),
            (dict(data_root='{}', map_file='none.json'), 'map_file'),
            (dict(dataset=dict(data_root='{}', support_ann_file='none.json')), 'dataset.support_ann_file'),
            (
                dict(datasets=[dict(data_root='{}', data_prefix=dict(img_path='none'))]),
                'datasets[0].data_prefix.img_path',
            ),
            (dict(data_root='~/data', ann_file='none.json'), 'ann_file'),
            (dict(ann_file='~/none.json'), 'ann_file'),
        ],
    )
    @pytest.mark.parametrize('section', ['test_dataloader', 'val_dataloader', 'train_dataloader'])
    def test_what_is_missing_is_named(self, tmp_path, monkeypatch, section, dataset, key):
        monkeypatch.setenv('HOME', str(tmp_path))

        def filled(node):
            if isinstance(node, dict):
                return {name: filled(value) for name, value in node.items()}
            if isinstance(node, list):
                return [filled(value) for value in node]
            return node.format(tmp_path)

        (missing,) = find_missing(Config({section: {'dataset': filled(dataset)}}))
        assert missing.key == f'{section}.dataset.{key}'
        assert missing.path.startswith(str(tmp_path)) and missing.reason == 'does not exist'

    def test_shots_of_absolute_paths_and_urls(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / 'a.pt').touch()
        selector = dict(type='rices', features='a.pt')
        dataset = dict(data_root='elsewhere', shot_selector=selector, ann_file=str(tmp_path / 'a.pt'))
        assert find_missing(Config(dict(test_dataloader=dict(dataset=dataset)))) == []
        (missing,) = find_missing(Config(dict(test_dataloader=dict(dataset=dict(data_root='x', ann_file=URL)))))
        assert missing.path == URL and 'cannot be reached' in missing.reason

    def test_a_pipe_is_no_file(self, tmp_path):
        os.mkfifo(tmp_path / 'pipe')
        (missing,) = find_missing(Config(), str(tmp_path / 'pipe'))
        assert missing.reason == 'is neither a file nor a folder'

    def test_readers_and_digests_join_as_the_check_does(self, tmp_path, monkeypatch):
        monkeypatch.setenv('HOME', str(tmp_path))
        (tmp_path / 'data/val').mkdir(parents=True)
        annotation = {'id': 1, 'image_id': 1, 'caption': 'a'}
        content = {'images': [{'id': 1, 'file_name': 'a.jpg'}], 'annotations': [annotation]}
        (tmp_path / 'data/ann.json').write_text(json.dumps(content))
        arguments = dict(ann_file='ann.json', data_root='~/data', data_prefix=dict(img_path='val'))
        record = COCOCaption(**arguments).get_query(0)
        assert record['img_path'] == str(tmp_path / 'data/val/a.jpg')
        assert find_missing(Config(dict(test_dataloader=dict(dataset=arguments)))) == []
        assert digest_named_files(arguments).keys() == {'ann_file'}
        assert digest_named_files({'ann_file': '~/data/ann.json'}).keys() == {'ann_file'}
        monkeypatch.chdir(tmp_path / 'data')
        assert COCOCaption('ann.json', data_prefix=dict(img_path='val')).get_query(0)['img_path'] == 'val/a.jpg'


@pytest.mark.parametrize(
    ('folder', 'path', 'file'),
    [
        (None, 'a', 'a'),
        ('', 'a', 'a'),
        ('d', 'a', 'd/a'),
        ('d/', '', 'd/'),
        ('d', '/a', '/a'),
        ('d', '~/a', '/home/me/a'),
        ('~/d', 'a', '/home/me/d/a'),
        ('d', 'https://x.org/a', 'https://x.org/a'),
        ('https://x.org/d', 'a', 'https://x.org/d/a'),
        ('d', './~a', 'd/./~a'),
    ],
)
def test_which_file_a_path_means(folder, path, file, monkeypatch):
    monkeypatch.setenv('HOME', '/home/me')
    assert below(folder, path) == file
