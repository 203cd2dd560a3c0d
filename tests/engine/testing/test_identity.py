"""What a prediction depends on is known by its content."""

import json
import shutil

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import ConcatDataset
from PIL import Image
from safetensors.torch import save_file

from mmflamingo.datasets import FlamingoEvalCOCOCaption
from mmflamingo.datasets.shots.controls import ShuffledPictures
from mmflamingo.engine.errors import CheckpointError, RunError
from mmflamingo.engine.testing import protocol
from mmflamingo.engine.testing.identity import digest_checkpoint, digest_media, digest_named_files, digest_records


@pytest.fixture
def data(tmp_path):
    """A folder with ten pictures and their captions, and a second one of the same pictures."""
    folder = tmp_path / 'data'
    folder.mkdir()
    for i in range(10):
        Image.new('RGB', (8, 8), (20 * i, 0, 0)).save(folder / f'{i}.png')
    images = [{'id': i, 'file_name': f'{i}.png'} for i in range(10)]
    captions = [{'id': i, 'image_id': i, 'caption': f'red {i}'} for i in range(10)]
    (folder / 'captions.json').write_text(json.dumps({'images': images, 'annotations': captions}))
    return folder


def dataset(folder, **settings):
    sizes = {'num_support_examples': 5, 'num_query_examples': 5, 'num_shots': 2, 'serialize_data': False} | settings
    return FlamingoEvalCOCOCaption('captions.json', str(folder), **sizes)


def config(folder, model, **settings):
    """A config with a part of every kind that names files, as `describe` takes it."""
    return Config(
        {
            'model': model,
            'test_dataloader': {
                'dataset': {
                    'type': 'FlamingoEvalCOCOCaption',
                    'ann_file': 'captions.json',
                    'data_root': str(folder),
                    **settings,
                }
            },
        }
    )


def repaint(path):
    Image.new('RGB', (8, 8), (0, 0, 200)).save(path)


class TestData:
    @pytest.mark.parametrize('name', range(10))
    def test_r6_each_picture_of_queries_and_supports_counts(self, data, name):
        before = digest_media(dataset(data))
        repaint(data / f'{name}.png')
        assert digest_media(dataset(data)) != before

    def test_pictures_that_nobody_sees_do_not_count(self, data):
        shown = dataset(data, num_shots=0)
        before = digest_media(shown)
        repaint(shown.get_support(0)['img_path'])
        assert digest_media(shown) == before

    def test_a_copy_with_other_times_is_the_same(self, data, tmp_path):
        shutil.copytree(data, tmp_path / 'copy', copy_function=shutil.copyfile)
        copy = dataset(tmp_path / 'copy')
        assert digest_media(copy) == digest_media(dataset(data))
        assert digest_records(copy) == digest_records(dataset(data))

    def test_exchanged_pictures_differ(self, data):
        before = digest_media(dataset(data))
        (data / '1.png').rename(data / 'other.png')
        (data / '2.png').rename(data / '1.png')
        (data / 'other.png').rename(data / '2.png')
        assert digest_media(dataset(data)) != before

    @pytest.mark.parametrize('wrap', [ShuffledPictures, lambda own: ConcatDataset([own, own])])
    def test_wrapped_sets(self, data, wrap):
        before = digest_media(wrap(dataset(data))), digest_records(wrap(dataset(data)))
        assert None not in before
        repaint(data / '3.png')
        text = (data / 'captions.json').read_text()
        (data / 'captions.json').write_text(text.replace('red 4', 'green 4'))
        after = digest_media(wrap(dataset(data))), digest_records(wrap(dataset(data)))
        assert before[0] != after[0] and before[1] != after[1]

    def test_sets_of_other_kinds_have_none(self):
        assert digest_records([1, 2]) is None and digest_media([1, 2]) is None


class TestNamedFiles:
    @pytest.fixture
    def files(self, data, tmp_path):
        """A config that names files of every kind, and where they lie."""
        for name in ('tokenizer/tokenizer.json', 'lm/model-1.safetensors', 'lm/config.json', 'clip/vit.pth'):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(name)
        for name in ('shots.json', 'choices.txt', 'features.pt'):
            (tmp_path / name).write_text(name)
        model = {
            'tokenizer': {'type': 'HFTokenizer', 'pretrained': str(tmp_path / 'tokenizer')},
            'language_model': {'pretrained': str(tmp_path / 'lm')},
            'vision_backbone': {'pretrained': str(tmp_path / 'clip' / 'vit.pth'), 'init': [{'a': 1}]},
        }
        settings = {
            'shot_selector': {
                'type': 'listed',
                'file': str(tmp_path / 'shots.json'),
                'features': str(tmp_path / 'features.pt'),
            },
            'pipeline': [{'type': 'AddChoices', 'choices_file': str(tmp_path / 'choices.txt')}],
        }
        return config(data, model, **settings)

    @pytest.mark.parametrize(
        ('name', 'key'),
        [
            ('tokenizer/tokenizer.json', 'model.tokenizer.pretrained.tokenizer.json'),
            ('lm/model-1.safetensors', 'model.language_model.pretrained.model-1.safetensors'),
            ('lm/config.json', 'model.language_model.pretrained.config.json'),
            ('lm/added.json', 'model.language_model.pretrained.added.json'),
            ('clip/vit.pth', 'model.vision_backbone.pretrained'),
            ('shots.json', 'dataset.shot_selector.file'),
            ('features.pt', 'dataset.shot_selector.features'),
            ('choices.txt', r'dataset.pipeline.0.choices_file'),
            ('data/captions.json', 'dataset.ann_file'),
        ],
    )
    def test_f9_r6_contents_count(self, files, data, tmp_path, name, key):
        before = protocol.describe(files, None, dataset(data))
        assert protocol.check_same(before, protocol.describe(files, None, dataset(data))) == []
        with (tmp_path / name).open('a') as file:
            file.write(' ')
        after = protocol.describe(files, None, dataset(data))
        with pytest.raises(RunError, match=f'Cannot resume: .*\n  files.{key}: '):
            protocol.check_same(before, after)
        assert protocol.digest(before) != protocol.digest(after)

    def test_where_they_lie_does_not(self, files, data, tmp_path):
        before = protocol.describe(files, None, dataset(data))
        (tmp_path / 'tokenizer').rename(tmp_path / 'moved')
        files.model.tokenizer.pretrained = str(tmp_path / 'moved')
        after = protocol.describe(files, None, dataset(data))
        assert protocol.check_same(before, after) == [] and protocol.digest(before) == protocol.digest(after)

    def test_most_strings_are_not_files(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        (tmp_path / 'random').mkdir()
        (tmp_path / 'Toy').write_text('')
        (tmp_path / 'out.json').write_text('')
        node = {
            'type': 'Toy',
            'selector': 'random',
            'file_path': 'out.json',
            'text': 'x' * 9999,
            'number': 3,
            'no': None,
        }
        assert digest_named_files(node) == {}

    def test_the_hub_cache(self, monkeypatch, tmp_path):
        monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path))
        folder = tmp_path / 'models--org--name'
        (folder / 'snapshots' / 'abc').mkdir(parents=True)
        (folder / 'snapshots' / 'abc' / 'config.json').write_text('{}')
        assert digest_named_files({'pretrained': 'hf://org/name'}) == {}
        (folder / 'refs').mkdir()
        (folder / 'refs' / 'main').write_text('abc')
        assert list(digest_named_files({'pretrained': 'hf://org/name'})['pretrained']) == ['config.json']


class TestCheckpoints:
    @pytest.fixture
    def shards(self, tmp_path):
        folder = tmp_path / 'sharded'
        folder.mkdir()
        for name in 'ab':
            save_file({name: torch.ones(2)}, folder / f'{name}.safetensors')
        weight_map = {'weight_map': {name: f'{name}.safetensors' for name in 'ab'}}
        (folder / 'model.safetensors.index.json').write_text(json.dumps(weight_map))
        return folder

    def test_a5_r6_a_folder_of_shards(self, shards):
        before = digest_checkpoint(str(shards))
        assert list(before) == ['model.safetensors.index.json', 'a.safetensors', 'b.safetensors']
        assert digest_checkpoint(str(shards / 'model.safetensors.index.json')) == before
        save_file({'b': torch.zeros(2)}, shards / 'b.safetensors')
        after = digest_checkpoint(str(shards))
        assert [name for name in before if before[name] != after[name]] == ['b.safetensors']

    def test_one_file(self, shards):
        single = digest_checkpoint(str(shards / 'a.safetensors'))
        (shards / 'model.safetensors.index.json').unlink()
        (shards / 'b.safetensors').unlink()
        assert len(single) == 64 and digest_checkpoint(str(shards)) == single

    def test_errors(self, shards, tmp_path):
        assert digest_checkpoint(None) is None
        assert digest_checkpoint('https://nowhere.invalid/never-downloaded.pth') is None
        with pytest.raises(FileNotFoundError, match='absent.pth does not exist'):
            digest_checkpoint(str(tmp_path / 'absent.pth'))
        (shards / 'a.safetensors').unlink()
        with pytest.raises(CheckpointError, match='1 of its 2 files'):
            digest_checkpoint(str(shards))


class TestProtocol:
    def test_a_run_from_before_files_were_noted_is_compared_without_them(self, data):
        present = protocol.describe(config(data, {}), None, dataset(data))
        former = {name: part for name, part in present.items() if name != 'files'}
        former['data'] = {name: present['data'][name] for name in ('samples', 'sha256')} | {'features_sha256': None}
        assert protocol.check_same(former, present) == []
        with pytest.raises(RunError, match='data.sha256: the queries or supports differ'):
            protocol.check_same(former | {'data': former['data'] | {'sha256': '0' * 64}}, present)

    def test_pictures_are_named_as_what_differs(self, data):
        before = protocol.describe(config(data, {}), None, dataset(data))
        repaint(data / '0.png')
        with pytest.raises(RunError, match='data.media_sha256: pictures or videos of the set have other contents'):
            protocol.check_same(before, protocol.describe(config(data, {}), None, dataset(data)))

    @pytest.mark.parametrize('former', [{}, {'files': 3}, {'config': []}, {'data': 'x'}, {'files': {}, 'data': [[]]}])
    def test_a_protocol_that_no_test_writes_is_refused(self, data, former):
        with pytest.raises(RunError, match='Cannot resume'):
            protocol.check_same(former, protocol.describe(config(data, {}), None, dataset(data)))
