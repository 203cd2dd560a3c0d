import json

import pytest
import torch
from mmengine.dataset import ConcatDataset, RepeatDataset, pseudo_collate
from torch import nn
from torch.utils.data import ConcatDataset as TorchConcatDataset
from torch.utils.data import DataLoader, Subset

from mmflamingo.datasets import FlamingoEvalCOCOCaption, ImageFeatures
from mmflamingo.datasets.shots.controls import ShuffledPictures
from mmflamingo.engine.errors import RunError
from mmflamingo.engine.testing.identity import digest_features
from mmflamingo.engine.testing.shot_features import compute_features, provide_features
from mmflamingo.structures import FlamingoDataSample


class MeanColour(nn.Module):
    """A backbone of one weight; its features are the mean colour, in 4 patches."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, images):
        return (images.mean((2, 3)) * self.scale)[:, None].expand(-1, 4, -1)


class Preprocessor:
    """Pixels stay as they are."""

    calls = 0

    def __call__(self, batch, training):
        self.calls += 1
        return {'images': torch.stack(batch['inputs'])}

    def normalise(self, pixels):
        return pixels.float()


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.vision_backbone = MeanColour()
        self.data_preprocessor = Preprocessor()


def load(record):
    """Image i has the colour (i, 40 - i, 0); it is a stack of one medium of one frame."""
    (path,) = record['img_path']
    number = int(path.split('/')[-1].removesuffix('.jpg'))
    pixels = torch.tensor([number, 40 - number, 0], dtype=torch.uint8)[None, None, :, None, None].expand(1, 1, 3, 2, 2)
    return {'inputs': pixels, 'data_samples': FlamingoDataSample.from_record(record)}


@pytest.fixture
def make_loader(tmp_path):
    images = [{'id': i, 'file_name': f'{i}.jpg'} for i in range(1, 31)]
    captions = [{'id': i, 'image_id': i, 'caption': 'text'} for i in range(1, 31)]
    (tmp_path / 'captions.json').write_text(json.dumps({'images': images, 'annotations': captions}))

    def make(batch_size=4, num_workers=0, **kwargs):
        dataset = FlamingoEvalCOCOCaption(
            *('captions.json', str(tmp_path)),
            **dict(num_support_examples=20, num_query_examples=5, num_shots=3, pipeline=[load]),
            **{'shot_selector': dict(type='rices', features_dir=str(tmp_path / 'features'))} | kwargs,
        )
        return DataLoader(dataset, batch_size, num_workers=num_workers, collate_fn=pseudo_collate)

    return make


def test_features_are_unit_means_of_patches(make_loader):
    features = compute_features(Model(), make_loader())
    assert len(features.image_ids) == 25 and features.backbone.startswith('MeanColour ')
    number = features.image_ids[7]
    expected = torch.nn.functional.normalize(torch.tensor([number, 40.0 - number, 0]), dim=0)
    torch.testing.assert_close(features.vectors[7], expected)


@pytest.mark.parametrize('settings', [{'batch_size': 1}, {'batch_size': 7, 'num_workers': 2}])
def test_shots_do_not_depend_on_batches_and_workers(make_loader, settings):
    chosen = []
    for loader in (make_loader(), make_loader(**settings)):
        provide_features(Model(), loader)
        chosen.append([loader.dataset.get_data_info(i)['shots'] for i in range(5)])
    assert chosen[0] == chosen[1]


def test_computed_once_for_the_same_weights(make_loader, tmp_path):
    first, second, other = Model(), Model(), Model()
    other.vision_backbone.scale.data *= 2
    for model in (first, second, other):
        provide_features(model, make_loader())
    assert [model.data_preprocessor.calls for model in (first, other, second)] == [7, 7, 0]
    assert len(list((tmp_path / 'features').glob('*.pt'))) == 2


@pytest.mark.parametrize(
    'wrap',
    [
        ShuffledPictures,
        lambda dataset: ConcatDataset([dataset, dataset]),
        lambda dataset: RepeatDataset(dict(type='ShuffledPictures', dataset=dataset, _scope_='mmflamingo'), 2),
        lambda dataset: Subset(TorchConcatDataset([dataset]), [0, 1, 2, 3, 4]),
    ],
)
def test_wrapped_sets_get_their_features_too(make_loader, wrap):
    """A19: the shots are those of the set itself."""
    plain, inner = make_loader(), make_loader().dataset
    wrapped = DataLoader(wrap(inner), 4, collate_fn=pseudo_collate)
    for loader in (plain, wrapped):
        provide_features(Model(), loader)
    for index in range(5):
        shots = plain.dataset.get_data_info(index)['shots']
        assert inner.get_data_info(index)['shots'] == shots


def test_each_of_several_sets_gets_its_own(make_loader, tmp_path):
    first, second = make_loader().dataset, make_loader(seed=1).dataset
    provide_features(Model(), DataLoader(ConcatDataset([first, second]), 4, collate_fn=pseudo_collate))
    assert first.get_data_info(0)['shots'] and second.get_data_info(0)['shots']
    assert len(list((tmp_path / 'features').glob('*.pt'))) == 2


def test_a9_other_contents_under_the_same_names_are_computed_anew(make_loader, tmp_path):
    model = Model()
    for contents in ('red', 'blue', 'red'):
        for number in range(1, 31):
            (tmp_path / f'{number}.jpg').write_text(f'{contents} {number}')
        provide_features(model, make_loader())
    assert model.data_preprocessor.calls == 14 and len(list((tmp_path / 'features').glob('*.pt'))) == 2


def test_other_pixels_of_the_same_files_are_computed_anew(make_loader, tmp_path):
    model = Model()
    for mean in (0, 127):
        model.data_preprocessor.pixel_settings = ((mean,) * 3, (1,) * 3, True)
        provide_features(model, make_loader())
    assert model.data_preprocessor.calls == 14


class TestFeaturesOfOtherImages:
    @pytest.fixture
    def pictures(self, tmp_path):
        for number in range(1, 31):
            (tmp_path / f'{number}.jpg').write_text(f'picture {number}')
        return tmp_path

    def test_a9_a_file_of_features_whose_pictures_have_changed(self, make_loader, pictures):
        features = compute_features(Model(), make_loader())
        features.save(pictures / 'features.pt')
        selector = dict(type='rices', features=str(pictures / 'features.pt'))
        provide_features(Model(), make_loader(shot_selector=selector))
        changed = features.image_ids[3]
        (pictures / f'{changed}.jpg').write_text('another picture')
        with pytest.raises(RunError, match=rf'1 of 25 images have other contents .* \(image ids {changed}\): extract'):
            provide_features(Model(), make_loader(shot_selector=selector))
        features.contents = None  # from before contents were kept
        features.save(pictures / 'features.pt')
        provide_features(Model(), make_loader(shot_selector=selector))

    def test_a_file_of_another_model_in_the_place_of_the_own(self, make_loader, pictures):
        provide_features(Model(), make_loader())
        (path,) = (pictures / 'features').glob('*.pt')
        other = ImageFeatures.load(path)
        other.backbone = 'AnotherViT 0123'
        other.save(path)
        with pytest.raises(RunError, match='holds features of AnotherViT 0123, not of MeanColour'):
            provide_features(Model(), make_loader())

    def test_r6_other_vectors_are_another_protocol(self, make_loader, pictures):
        first, second = make_loader(), make_loader()
        assert digest_features(first.dataset) is None
        provide_features(Model(), first)
        (path,) = (pictures / 'features').glob('*.pt')
        other = ImageFeatures.load(path)
        other.vectors[0] *= -1
        other.save(path)
        provide_features(Model(), second)
        assert digest_features(first.dataset) != digest_features(second.dataset)

    def test_r8_a_flipped_bit(self, make_loader, pictures):
        provide_features(Model(), make_loader())
        (path,) = (pictures / 'features').glob('*.pt')
        content = bytearray(path.read_bytes())
        vectors = ImageFeatures.load(path).vectors.numpy().tobytes()
        content[content.index(vectors)] ^= 1
        path.write_bytes(content)
        with pytest.raises(ValueError, match='is damaged'):
            provide_features(Model(), make_loader())


def test_sets_without_a_selector_are_left_alone():
    model = Model()
    provide_features(model, DataLoader([1, 2]))
    assert model.data_preprocessor.calls == 0
