import re
from contextlib import contextmanager

import pytest
import torch
from mmengine.logging import MMLogger

from mmflamingo.models.language.context import ContextLimit
from mmflamingo.registry import MODELS, PROMPTS, TOKENIZERS
from mmflamingo.structures import FlamingoDataSample

PROMPT = {
    'type': 'PromptTemplate',
    'shot': '<image>Output:{caption}<|endofchunk|>',
    'query': '<image>Output:',
    'output': 'caption',
    'generation': {'max_new_tokens': 5},
}


@pytest.fixture
def build(tokenizer_folder):
    def build(**kwargs):
        return MODELS.build(
            {
                'type': 'FlamingoDataPreprocessor',
                'tokenizer': TOKENIZERS.build({'type': 'FlamingoTokenizer', 'pretrained': tokenizer_folder}),
                'prompts': {'caption': PROMPTS.build(PROMPT)},
                'mean': [10.0, 20.0, 30.0],
                'std': [1.0, 2.0, 4.0],
                **kwargs,
            }
        )

    return build


def sample(num_shots=0, **fields):
    shots = [{'img_path': f'{i}.png', 'caption': 'A cat'} for i in range(num_shots)]
    record = {'task': 'caption', 'sample_id': 7, 'shots': shots, **fields}
    return FlamingoDataSample.from_record(record, meta_keys=['task', 'sample_id'])


def pixels(num_media, blue=30, green=20, red=10, frames=1, size=2):
    colour = torch.tensor([blue, green, red], dtype=torch.uint8).view(3, 1, 1)
    return colour.expand(num_media, frames, 3, size, size).contiguous()


def test_normalisation_and_padding(build):
    data = {
        'inputs': [pixels(1, blue=34, green=26, red=12), pixels(3, frames=1)],
        'data_samples': [sample(0), sample(2)],
    }
    preprocessor = build()
    batch = preprocessor(data)
    assert batch['images'].shape == (2, 3, 1, 3, 2, 2)
    assert batch['images'].dtype == torch.uint8, 'a fourth of the memory'
    assert batch['images'][0, 1:].eq(0).all()
    normalised = preprocessor.normalise(batch['images'])
    assert normalised.dtype == torch.float32
    assert normalised[0, 0, 0, :, 0, 0].tolist() == [2.0, 3.0, 1.0], 'red, green, blue'
    assert normalised[1].eq(0).all(), 'pixels of the mean'
    assert torch.equal(batch['images'][1], data['inputs'][1]), 'left as they are'
    assert batch['num_media'].tolist() == [1, 3]
    assert batch['data_samples'] is data['data_samples']
    assert 'labels' not in batch
    assert batch['attention_mask'].sum(1).tolist() == [4, 4 + 2 * 6]
    assert batch['attention_mask'][0, :-4].eq(0).all(), 'left padding'


def test_bgr_may_stay(build):
    data = {'inputs': [pixels(1, blue=12, green=26, red=34)], 'data_samples': [sample()]}
    preprocessor = build(to_rgb=False)
    normalised = preprocessor.normalise(preprocessor(data)['images'])
    assert normalised[0, 0, 0, :, 0, 0].tolist() == [2.0, 3.0, 1.0]


def test_training_batch_has_labels(build):
    data = {'inputs': [pixels(2)], 'data_samples': [sample(1, output='dog')]}
    output = build()(data, training=True)['labels']
    everything = build(loss_on='all')(data, training=True)['labels']
    assert (output != -100).sum() == 5, 'A, cat, dog and two ends'
    assert (everything != -100).sum() == 9, 'and Output and : twice'


@contextmanager
def logged(caplog):
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield
    logger.removeHandler(caplog.handler)


def test_a_long_prompt_loses_its_first_shots_and_their_images(build, caplog):
    images = torch.cat([pixels(1, red=10 + i) for i in range(4)])
    data = {'inputs': [images], 'data_samples': [sample(3)]}
    with logged(caplog):
        batch = build(max_length=12)(data)
    assert batch['input_ids'].shape == (1, 10)
    assert batch['num_media'].tolist() == [2]
    assert batch['images'][0, :, 0, 2, 0, 0].tolist() == [12, 13], 'the last shot and the query'
    assert batch['data_samples'][0].dropped_shots == 2
    assert 'Prompts longer than 12 tokens lose their first shots: sample 7 2 of 3' in caplog.text


def test_shortened_prompts_are_counted_and_not_logged_one_by_one(build, caplog):
    preprocessor = build(max_length=12)
    with logged(caplog):
        for _ in range(25):
            preprocessor({'inputs': [pixels(4)], 'data_samples': [sample(3)]})
    assert [line.partition('so far: ')[2] for line in caplog.text.splitlines() if 'so far' in line] == ['1).', '10).']


def test_a_prompt_that_fits_drops_nothing(build):
    preprocessor = build(max_length=22)
    (done,) = preprocessor({'inputs': [pixels(4)], 'data_samples': [sample(3)]})['data_samples']
    assert 'dropped_shots' not in done


@pytest.mark.parametrize(
    ('tokens', 'num_shots'),
    # A query has 4 tokens, a shot 6; 5 more are generated.
    [(None, 3), (27, 3), (26, 2), (21, 2), (20, 1), (15, 1), (14, 0), (9, 0)],
)
@pytest.mark.parametrize('is_hard', [True, False])
def test_the_language_models_context_is_the_default_of_max_length(build, tokens, num_shots, is_hard):
    preprocessor = build()
    preprocessor.context_limit = ContextLimit(tokens, is_hard)
    batch = preprocessor({'inputs': [pixels(4)], 'data_samples': [sample(3)]})
    assert batch['num_media'].tolist() == [num_shots + 1]
    assert batch['data_samples'][0].get('dropped_shots', 0) == 3 - num_shots
    assert preprocessor.prompt_size(sample(3))[0] <= (tokens or 99) - 5


@pytest.mark.parametrize(('is_hard', 'num_shots'), [(True, 1), (False, 3)])
def test_max_length_may_be_longer_where_positions_go_on(build, is_hard, num_shots):
    preprocessor = build(max_length=100)
    preprocessor.context_limit = ContextLimit(16, is_hard)
    assert preprocessor({'inputs': [pixels(4)], 'data_samples': [sample(3)]})['num_media'].tolist() == [num_shots + 1]


def test_training_leaves_no_room_for_what_is_written(build):
    preprocessor = build()
    preprocessor.context_limit = ContextLimit(24)
    data = {'inputs': [pixels(4)], 'data_samples': [sample(3, output='dog')]}
    assert preprocessor(data, training=True)['num_media'].tolist() == [4], 'four times 6 tokens'
    preprocessor.context_limit = ContextLimit(23)
    assert preprocessor(data, training=True)['num_media'].tolist() == [3]


@pytest.mark.parametrize(('choices', 'num_shots'), [(['cat', 'dog'], 2), (['cat', 'a red cat on a mat ' * 2], 0)])
def test_choices_need_room_too(build, choices, num_shots):
    preprocessor = build()
    preprocessor.context_limit = ContextLimit(4 + 2 * 6 + 1)
    done = sample(3)
    done.choices = choices
    assert preprocessor({'inputs': [pixels(4)], 'data_samples': [done]})['num_media'].tolist() == [num_shots + 1]


def test_a_query_that_is_too_long_alone(build):
    data = {'inputs': [pixels(2)], 'data_samples': [sample(1)]}
    with pytest.raises(ValueError, match=r'Sample 7 has 4 tokens without any shot; .*max_length is 3\.'):
        build(max_length=3)(data)
    preprocessor = build()
    preprocessor.context_limit = ContextLimit(8)
    message = (
        'Sample 7 has 4 tokens without any shot; the language model reads 8 tokens, 5 of which are for what is written'
    )
    with pytest.raises(ValueError, match=message):
        preprocessor(data)
    assert re.search(message, preprocessor.find_excess(sample(1)))
    preprocessor.context_limit = ContextLimit(9)
    assert preprocessor.find_excess(sample(1)) is None


@pytest.mark.parametrize('num_images', [0, 1, 3])
def test_images_and_marks_must_agree(build, num_images):
    data = {'inputs': [pixels(num_images)], 'data_samples': [sample(1)]}
    message = f'Sample 7 has {num_images} images, but its prompt has 2 <image> marks: .<image>Output'
    with pytest.raises(ValueError, match=message):
        build()(data)


def test_unknown_task(build):
    data = {'inputs': [pixels(1)], 'data_samples': [sample(task='ocr')]}
    with pytest.raises(ValueError, match=r"the task 'ocr', model.prompts has \['caption'\]"):
        build()(data)


def test_training_needs_an_output(build):
    data = {'inputs': [pixels(1)], 'data_samples': [sample()]}
    with pytest.raises(ValueError, match='Sample 7 has no `output` to learn'):
        build()(data, training=True)


def test_media_of_two_sizes(build):
    data = {'inputs': [pixels(1), pixels(1, size=4)], 'data_samples': [sample(), sample()]}
    with pytest.raises(ValueError, match=r'\(1, 3, 2, 2\), \(1, 3, 4, 4\).* resize and crop'):
        build()(data)


def test_unknown_loss(build):
    with pytest.raises(ValueError, match=r"loss_on is 'text', it must be one of \['output', 'all'\]"):
        build(loss_on='text')


@pytest.mark.parametrize(('max_length', 'expected'), [(None, [4, 4 + 3 * 6]), (12, [4, 12])])
def test_the_size_of_a_prompt_is_known_without_pixels(build, max_length, expected):
    generation = {'num_beams': 3, 'max_new_tokens': 20}
    preprocessor = build(
        prompts={'caption': PROMPTS.build({**PROMPT, 'generation': generation})}, max_length=max_length
    )
    samples = [sample(0), sample(3)]
    assert [preprocessor.prompt_size(own) for own in samples] == [(length, 60) for length in expected]
    assert preprocessor.prompt_size({'task': 'caption', 'shots': []}) == (4, 60)
    if max_length is None:
        batch = preprocessor({'inputs': [pixels(1), pixels(4)], 'data_samples': samples})
        assert batch['attention_mask'].sum(1).tolist() == expected
