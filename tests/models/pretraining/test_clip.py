import pytest
import torch
import torch.nn.functional as F

from mmflamingo.registry import MODELS
from mmflamingo.structures import FlamingoDataSample

CAPTIONS = ['A cat', 'A dog on mat', 'red mat', 'what is it']


@pytest.fixture
def model_of(tokenizer_folder):
    def build(**changes):
        torch.manual_seed(0)
        cfg = {
            'type': 'CLIPPretraining',
            'vision_backbone': {
                'type': 'CLIPVisionTransformer',
                'arch': {'embed_dims': 12, 'depth': 1, 'heads': 2},
                'img_size': 8,
                'patch_size': 4,
            },
            'tokenizer': {'type': 'FlamingoTokenizer', 'pretrained': tokenizer_folder},
            'embed_dims': 16,
            'text_depth': 1,
            'decoder_depth': 1,
            'heads': 2,
            'caption_loss_weight': 2.0,
            'data_preprocessor': {'type': 'mmflamingo.PictureDataPreprocessor', 'mean': [0.0] * 3, 'std': [1.0] * 3},
        }
        return MODELS.build({**cfg, **changes})

    return build


def batch():
    torch.manual_seed(1)
    samples = [FlamingoDataSample(output=caption) for caption in CAPTIONS]
    return {'inputs': torch.randn(4, 3, 8, 8), 'data_samples': samples}


def test_contrastive_loss_is_the_mean_cross_entropy_of_both_directions(model_of):
    model = model_of(caption_loss_weight=0)
    image, text = model(**batch())
    torch.testing.assert_close(image.norm(dim=-1), torch.ones(4))
    similarity = image @ text.T * model.logit_scale.exp()
    own = torch.arange(4)
    expected = (F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own)) / 2
    torch.testing.assert_close(model(**batch(), mode='loss')['loss'], expected)


def test_a_caption_is_read_causally_and_written_from_the_picture(model_of):
    model = model_of()
    ids = model._tokenize(CAPTIONS)
    changed = ids.clone()
    changed[:, 2:] = 5
    torch.testing.assert_close(model._read(ids)[:, :2], model._read(changed)[:, :2])
    states, memory = model._read(ids), torch.randn(4, 3, 16)
    assert (model._write(states, memory) - model._write(states, memory + 1)).abs().max() > 1e-4


@pytest.mark.parametrize('resampler', [None, {'type': 'PerceiverResampler', 'depth': 1, 'num_latents': 3, 'heads': 2}])
def test_the_captioning_loss_trains_what_lies_before_it(model_of, resampler):
    model = model_of(resampler=resampler)
    losses = model(**batch(), mode='loss')
    assert set(losses) == {'clip_loss', 'caption_loss'}
    losses['caption_loss'].backward()
    parts = [model.vision_backbone.patch_embed.weight, *([model.resampler.latents] if resampler else [])]
    assert all(part.grad.abs().max() > 0 for part in parts)


def test_flamingo_starts_from_its_parts(model_of, flamingo_of, config_of, tokenizer_folder, tmp_path):
    cfg = config_of(tokenizer_folder)
    backbone, resampler = cfg['vision_backbone'], cfg['resampler']
    path = str(tmp_path / 'coca.pth')
    trained = model_of(vision_backbone=backbone, resampler=resampler)
    torch.save({'state_dict': trained.state_dict()}, path)
    model = flamingo_of(vision_backbone={**backbone, 'pretrained': path}, resampler={**resampler, 'pretrained': path})
    for part in ('vision_backbone', 'resampler'):
        theirs = getattr(trained, part).state_dict()
        for key, value in getattr(model, part).state_dict().items():
            torch.testing.assert_close(value, theirs[key])


def test_rank_of_the_own_caption(model_of):
    model = model_of()
    image, text = model(**batch())
    similarity = image @ text.T
    expected = [(row > row[i]).sum().item() for i, row in enumerate(similarity)]
    assert model(**batch(), mode='predict') == expected


def test_pictures_are_turned_to_rgb_and_normalised(model_of):
    preprocess = model_of(
        data_preprocessor={
            'type': 'mmflamingo.PictureDataPreprocessor',
            'mean': [1.0, 2.0, 3.0],
            'std': [2.0, 4.0, 5.0],
        }
    ).data_preprocessor
    bgr = torch.tensor([33, 22, 11], dtype=torch.uint8).view(1, 1, 3, 1, 1)
    inputs = preprocess({'inputs': [bgr], 'data_samples': []})['inputs']
    assert inputs.flatten().tolist() == [5.0, 5.0, 6.0]
