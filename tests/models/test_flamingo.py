import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper

from mmflamingo.registry import MODELS
from mmflamingo.structures import FlamingoDataSample

LLAMA_7B = {
    'model_type': 'llama',
    'hidden_size': 4096,
    'num_hidden_layers': 32,
    'num_attention_heads': 32,
    'intermediate_size': 11008,
    'vocab_size': 32000,
}


def sample(num_shots=0, task='caption', **fields):
    shot = {'img_path': 'a.png', 'caption': 'A cat', 'question': 'what is it', 'answer': 'cat'}
    record = {'task': task, 'sample_id': 7, 'shots': [shot] * num_shots, **fields}
    return FlamingoDataSample.from_record(record, meta_keys=['task', 'sample_id'])


def data_of(*samples, seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs = [
        torch.randint(256, (len(s.shots) + 1, 1, 3, 8, 8), dtype=torch.uint8, generator=generator) for s in samples
    ]
    return {'inputs': inputs, 'data_samples': list(samples)}


def train_data():
    return data_of(
        sample(2, output='A dog on mat'),
        sample(0, output='A cat'),
        sample(1, task='vqa', question='is it red', output='red'),
    )


def snapshot(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def test_the_seeds_model_has_exactly_its_parameters(vocabulary, write_tokenizer, config_of, tmp_path):
    """OpenFlamingo 9B v1: LLaMA-7B with 3 added tokens in both embeddings, CLIP ViT-L/14 without
    ln_post and projection, a resampler of depth 6 and a block before every 4th layer."""
    words = [*vocabulary, *(f'w{i}' for i in range(32000 - len(vocabulary)))]
    config = config_of(
        write_tokenizer(tmp_path, words),
        vision_backbone={
            'type': 'CLIPVisionTransformer',
            'arch': 'l',
            'img_size': 224,
            'patch_size': 14,
        },
        resampler={'type': 'PerceiverResampler'},
        language_model={'type': 'FlamingoLMAdapter', 'config': LLAMA_7B, 'xattn_every': 4},
    )
    with torch.device('meta'):
        model = MODELS.build(config)

    def count(module):
        return sum(parameter.numel() for parameter in module.parameters())

    assert count(model.language_model.lm) == 6_738_415_616 + 2 * 3 * 4096
    assert count(model.vision_backbone) == 303_177_728
    assert count(model.resampler) == 63_019_008
    assert count(model.language_model.gated_cross_attn_layers) == 8 * 139_476_994
    assert count(model) == 8_220_452_880


def test_tensor_mode_and_loss_by_hand(flamingo_of):
    model = flamingo_of()
    batch = model.data_preprocessor(train_data(), training=True)
    logits = model(**batch, mode='tensor')
    assert logits.shape == (*batch['input_ids'].shape, len(model.tokenizer))
    losses = []
    for row, labels in enumerate(batch['labels']):
        for position in range(1, len(labels)):
            if labels[position] != -100:
                losses.append(F.cross_entropy(logits[row, position - 1], labels[position]))
    assert len(losses) == 5 + 2 * 3 + 3 + 2 * 2
    torch.testing.assert_close(model(**batch, mode='loss')['loss'], torch.stack(losses).mean())


def test_unknown_mode(flamingo_of):
    model = flamingo_of()
    with pytest.raises(ValueError, match="mode is 'train', it must be"):
        model(**model.data_preprocessor(data_of(sample())), mode='train')


def test_predictions_are_written_into_the_samples(flamingo_of):
    model = flamingo_of().eval()
    data = data_of(sample(1), sample(0))
    predicted = model.test_step(data)
    assert predicted == data['data_samples']
    for data_sample in predicted:
        assert data_sample.pred_caption == model.prompts['caption'].parse(data_sample.pred_text)
        assert 'pred_answer' not in data_sample
    answers = model.test_step(data_of(sample(1, task='vqa', question='is it red')))
    assert isinstance(answers[0].pred_answer, str) and 'pred_caption' not in answers[0]
    assert len(answers[0].pred_text.split()) <= 2, "the task's own generation settings"


def test_a_batch_predicts_what_its_samples_predict_alone(flamingo_of):
    """Different numbers of shots, so both media and text are padded."""
    model = flamingo_of().eval()
    with torch.no_grad():
        for parameter in model.language_model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.3, generator=torch.Generator().manual_seed(1))
    data = data_of(sample(3), sample(0), sample(1))
    together = [s.pred_text for s in model.test_step(data)]
    alone = [
        model.test_step({'inputs': [images], 'data_samples': [sample(n)]})[0].pred_text
        for images, n in zip(data['inputs'], (3, 0, 1), strict=True)
    ]
    assert together == alone
    assert len(set(together)) > 1


def test_more_shots_than_the_language_model_has_positions_for(flamingo_of):
    """A12: of 30 shots of 6 tokens, those stay that 64 positions hold together with the query and 5 new tokens."""
    model = flamingo_of().eval()
    many, few = sample(30), sample(9)
    model.test_step(data_of(many))
    assert many.dropped_shots == 21
    data = data_of(sample(30))
    model.test_step({'inputs': [data['inputs'][0][21:]], 'data_samples': [few]})
    assert 'dropped_shots' not in few
    assert many.pred_text == few.pred_text and many.prompt == few.prompt


@pytest.mark.parametrize('generation', [{'max_new_tokens': '5'}, {'num_beams': 0}, {'min_length': 3}, {'beams': 3}])
def test_settings_of_generation_from_python_are_checked_too(flamingo_of, generation):
    model = flamingo_of().eval()
    model.prompts['caption'].generation = generation
    with pytest.raises(ValueError, match=f'^generation.{next(iter(generation))} '):
        model.test_step(data_of(sample(1)))


def test_sampling_does_not_depend_on_the_batch(flamingo_of):
    model = flamingo_of().eval()
    model.prompts['caption'].generation = {'do_sample': True, 'max_new_tokens': 5, 'seed': 3}
    ids = range(6)
    together = model.test_step(data_of(*(sample(n % 3, sample_id=n) for n in ids)))
    inputs = data_of(*(sample(n % 3, sample_id=n) for n in ids))['inputs']
    for n in reversed(ids):
        (alone,) = model.test_step({'inputs': [inputs[n]], 'data_samples': [sample(n % 3, sample_id=n)]})
        assert alone.pred_text == together[n].pred_text
    assert len({done.pred_text for done in together}) > 3


def test_one_task_a_batch(flamingo_of):
    model = flamingo_of()
    data = data_of(sample(), sample(task='vqa', question='is it red'))
    with pytest.raises(ValueError, match=r"has the tasks \['caption', 'vqa'\]; predict one"):
        model.test_step(data)


def test_media_are_encoded_once_and_padding_never(flamingo_of):
    model = flamingo_of()
    batch = model.data_preprocessor(data_of(sample(2), sample(0)))
    sizes = []
    model.vision_backbone.register_forward_hook(lambda module, args, _: sizes.append(len(args[0])))
    with torch.no_grad():
        visual_tokens = model.encode_media(batch['images'], batch['num_media'])
        alone = model.encode_media(batch['images'][1:, :1], batch['num_media'][1:])
    assert sizes == [4, 1]
    assert visual_tokens.shape == (2, 3, 3, 16)
    assert visual_tokens[1, 1:].eq(0).all()
    torch.testing.assert_close(visual_tokens[1:, :1], alone)


def test_video_frames_belong_to_one_medium(flamingo_of):
    model = flamingo_of(resampler={'type': 'PerceiverResampler', 'depth': 1, 'num_latents': 3, 'max_frames': 4})
    images = torch.randn(2, 2, 4, 3, 8, 8)
    visual_tokens = model.encode_media(images, torch.tensor([2, 1]))
    features = model.vision_backbone(images[0].flatten(0, 1)).unflatten(0, (1, 2, 4))
    torch.testing.assert_close(visual_tokens[:1], model.resampler(features))


def test_frozen_parts_have_no_gradients_and_stay_in_evaluation_mode(flamingo_of):
    model = flamingo_of().train()
    assert not model.vision_backbone.training and not model.language_model.lm.training
    assert model.resampler.training and model.language_model.gated_cross_attn_layers.training
    recorded = []
    model.vision_backbone.register_forward_hook(lambda *_: recorded.append(torch.is_grad_enabled()))
    model(**model.data_preprocessor(train_data(), True), mode='loss')['loss'].backward()
    assert recorded == [False]
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert trained == {n for n, p in model.named_parameters() if p.grad is not None}
    assert {n.split('.')[0] + '.' + n.split('.')[1] for n in trained} == {
        'resampler.latents',
        'resampler.layers',
        'resampler.norm',
        'language_model.gated_cross_attn_layers',
    }


def test_closed_gates_train_only_the_gates_at_first(flamingo_of):
    model = flamingo_of(open_gates=False)
    model(**model.data_preprocessor(train_data(), True), mode='loss')['loss'].backward()
    moved = {n for n, p in model.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
    blocks = 'language_model.gated_cross_attn_layers'
    assert moved == {f'{blocks}.{n}.{gate}' for n in (1, 3) for gate in ('attn_gate', 'ff_gate')}


@pytest.mark.parametrize('train_token_embeddings', [False, True])
def test_frozen_weights_are_the_same_after_training_steps(flamingo_of, train_token_embeddings):
    """Weight decay is on: it must not reach them either."""
    model = flamingo_of(train_token_embeddings=train_token_embeddings).train()
    before = snapshot(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    losses = [model.train_step(train_data(), OptimWrapper(optimizer))['loss'] for _ in range(5)]
    assert losses[-1] < losses[0]
    after = snapshot(model)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    frozen = {n for n in before if n.startswith(('vision_backbone.', 'language_model.lm.'))}
    assert changed == set(before) - frozen
    assert ('language_model.token_rows.weight' in changed) == train_token_embeddings


def test_everything_trains_if_nothing_is_frozen(flamingo_of):
    model = flamingo_of(freeze_vision_backbone=False, freeze_language_model=False).train()
    assert all(module.training for module in model.modules())
    model(**model.data_preprocessor(train_data(), True), mode='loss')['loss'].backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_init_weights_leaves_the_language_model_alone(flamingo_of):
    """mmengine's runner calls it before training."""
    model = flamingo_of()
    before = snapshot(model.language_model)
    model.init_weights()
    assert all(torch.equal(before[n], v) for n, v in model.language_model.state_dict().items())


def test_parts_with_files_of_their_own(flamingo_of, tmp_path):
    model = flamingo_of()
    assert model.loaded_prefixes() == {}
    model.language_model.lm.save_pretrained(tmp_path)
    language_model = {'type': 'FlamingoLMAdapter', 'pretrained': str(tmp_path)}
    loaded = flamingo_of(language_model=language_model)
    assert loaded.loaded_prefixes() == {'language_model.lm': str(tmp_path)}
    for name, value in model.language_model.lm.state_dict().items():
        assert torch.equal(loaded.language_model.lm.state_dict()[name], value)


def test_a_config_is_left_as_it_was(config_of, tokenizer_folder):
    config = config_of(tokenizer_folder)
    MODELS.build(config)
    assert config == config_of(tokenizer_folder)


def test_a_model_in_bfloat16_predicts_and_normalises_as_one_in_float32(flamingo_of):
    data, model = data_of(sample(1), sample(0)), flamingo_of().eval()
    pixels = model.data_preprocessor(data)['images']
    images = model.data_preprocessor.normalise(pixels)
    model.to(torch.bfloat16)
    assert torch.equal(model.data_preprocessor.normalise(pixels), images)
    assert all(isinstance(s.pred_caption, str) for s in model.test_step(data))
