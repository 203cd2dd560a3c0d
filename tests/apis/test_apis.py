from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmflamingo.apis import FlamingoInferencer, get_model, inference_model, list_models, model_zoo
from mmflamingo.engine.errors import CheckpointError, ConfigError, MissingFilesError
from mmflamingo.engine.loading.fit import state_dict_for
from mmflamingo.engine.loading.safe import read_checkpoint
from mmflamingo.models.checkpoints.fit import keys_without_source
from mmflamingo.models.language.quantization import QuantizedLinear

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / 'demo' / 'cat-dog.png'
QUESTION = 'What color is the background?'
COLOURS = ['red', 'blue', 'yellow']


def test_models_by_pattern():
    assert 'flamingo_3rdparty-zeroshot_caption' in list_models()
    assert list_models('flamingo-tiny_*shot_vqa') == ['flamingo-tiny_fewshot_vqa', 'flamingo-tiny_zeroshot_vqa']
    assert list_models('no such') == []
    assert len(list_models('openflamingo-*_vqav2')) == 5
    assert set(list_models('flamingo-tiny*')) < set(list_models()), 'of every metafile, sorted'
    assert list_models() == sorted(list_models())


def test_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prediction = inference_model('flamingo-tiny_zeroshot_caption', str(PICTURE))
    assert set(prediction) == {'prompt', 'pred_caption'}
    assert prediction['prompt'] and prediction['pred_caption']


def test_a_config_path_or_a_model_instead_of_a_name(captioner):
    expected = captioner(PICTURE)
    assert inference_model(captioner.model, PICTURE) == expected
    assert inference_model(str(ROOT / 'configs/flamingo/flamingo-tiny_zeroshot_caption.py'), PICTURE) == expected


def test_pictures_from_anywhere_give_the_same(captioner):
    pil = Image.open(PICTURE)
    array = np.asarray(pil.convert('RGB'))[..., ::-1]
    from_file, *others = captioner([str(PICTURE), PICTURE, pil, array, PICTURE.as_uri()], batch_size=2)
    assert others == [from_file] * 4


def test_questions(answerer):
    pictures = [PICTURE] * 2
    questions = [QUESTION, 'How many things are in the picture?']
    together = answerer(pictures, question=questions)
    assert together == [answerer(picture, question=asked) for picture, asked in zip(pictures, questions, strict=True)]
    assert all(set(prediction) == {'prompt', 'pred_answer'} and prediction['pred_answer'] for prediction in together)


def test_shots_and_the_same_as_a_free_prompt(answerer):
    shots = [{'image': PICTURE, 'question': 'What is it?', 'answer': 'cat'}, {'question': 'Who?', 'answer': 'dog'}]
    prediction = answerer(PICTURE, question='What is it?', shots=shots)
    assert prediction['prompt'].startswith('<image>Question:What is it? Short answer:cat<|endofchunk|>Question:Who?')
    free = answerer([PICTURE, PICTURE], text=prediction['prompt'])
    assert free['prompt'] == prediction['prompt']
    assert free['pred_text'].startswith(prediction['pred_answer'])


def test_shots_of_each_picture(answerer):
    one = [{'image': PICTURE, 'question': 'What is it?', 'answer': 'cat'}]
    other = [{'question': 'What is it?', 'answer': 'dog'}] * 2
    together = answerer([PICTURE] * 2, question='What is it?', shots=[one, other])
    assert together == [answerer(PICTURE, question='What is it?', shots=shots) for shots in (one, other)]
    assert [prediction['prompt'].count('<image>') for prediction in together] == [2, 1]


def test_the_likeliest_choice(answerer):
    prediction = answerer(PICTURE, question=QUESTION, choices=COLOURS)
    assert set(prediction) == {'prompt', 'pred_answer', 'choice_scores'}
    scores = prediction['choice_scores']
    assert list(scores) == COLOURS
    assert prediction['pred_answer'] == max(scores, key=scores.get)
    assert all(score < 0 for score in scores.values()), 'means of log-likelihoods'
    turned = answerer(PICTURE, question=QUESTION, choices=COLOURS[::-1])
    assert turned['choice_scores'] == pytest.approx(scores, abs=1e-5)
    assert inference_model(answerer.model, PICTURE, QUESTION, choices=COLOURS) == prediction


def test_what_the_model_writes_by_itself_is_likelier_than_nonsense(answerer):
    written = answerer(PICTURE, question=QUESTION, num_beams=1)['pred_answer']
    nonsense = f'{written} {written} {written}'
    scores = answerer(PICTURE, question=QUESTION, choices=[nonsense, written], ranking={'normalize': False})
    assert scores['pred_answer'] == written


def test_choices_of_each_picture_and_of_other_prompts(answerer, captioner):
    sets = [COLOURS, ['yes', 'no']]
    together = answerer([PICTURE] * 2, question=QUESTION, choices=sets)
    for prediction, choices in zip(together, sets, strict=True):
        alone = answerer(PICTURE, question=QUESTION, choices=choices)
        assert prediction['choice_scores'] == pytest.approx(alone['choice_scores'], abs=1e-5)
    free = answerer(PICTURE, text=together[0]['prompt'], choices=COLOURS)
    assert free['pred_text'] == together[0]['pred_answer']
    assert free['choice_scores'] == pytest.approx(together[0]['choice_scores'], abs=1e-5)
    assert captioner(PICTURE, choices=['a cat', 'a bus'])['pred_caption'] in ('a cat', 'a bus')


def test_ranking_of_one_call(answerer):
    plain = answerer(PICTURE, question=QUESTION, choices=COLOURS)['choice_scores']
    calibrated = answerer(PICTURE, question=QUESTION, choices=COLOURS, ranking={'calibrate': True})['choice_scores']
    assert calibrated != plain
    assert answerer(PICTURE, question=QUESTION, choices=COLOURS)['choice_scores'] == plain, 'it was for that call'


@pytest.mark.parametrize(
    'choices, message',
    [
        ([], 'give a list of texts'),
        ('red', 'give a list of texts'),
        (['red', ['blue']], 'got 1 pictures but 2 lists of choices'),
        ([[]], 'give a list of texts'),
        (['red', ' '], 'one of them is empty'),
        (['red', 'blue', 'red'], r"\['red'\] are there more than once"),
    ],
)
def test_choices_that_are_none(answerer, choices, message):
    with pytest.raises(ValueError, match=message):
        answerer(PICTURE, question=QUESTION, choices=choices)


def test_what_does_not_go_with_choices(answerer):
    with pytest.raises(ValueError, match=r"nothing is generated: leave out \['num_beams'\]"):
        answerer(PICTURE, question=QUESTION, choices=COLOURS, num_beams=2)
    with pytest.raises(ValueError, match='`ranking` compares choices'):
        answerer(PICTURE, question=QUESTION, ranking={'calibrate': True})
    with pytest.raises(ValueError, match='got 2 pictures but 3 lists of shots'):
        answerer([PICTURE] * 2, question=QUESTION, shots=[[], [], []])


def test_generation_settings_of_one_call(captioner):
    short = captioner(PICTURE, max_new_tokens=1, num_beams=2)
    usual = captioner(PICTURE)
    assert len(short['pred_caption']) < len(usual['pred_caption'])


def test_errors_say_what_to_do(captioner, answerer):
    with pytest.raises(ConfigError, match='Did you mean flamingo-tiny_zeroshot_caption'):
        get_model('flamingo-tiny_zeroshot_captoin')
    with pytest.raises(MissingFilesError, match='nowhere.pth'):
        get_model('flamingo-tiny_zeroshot_caption', pretrained='nowhere.pth')
    with pytest.raises(MissingFilesError, match='llama-7b'):
        get_model('flamingo_3rdparty-zeroshot_caption')
    with pytest.raises(ValueError, match='give a `question`'):
        answerer(PICTURE)
    with pytest.raises(ValueError, match='leave out `question`'):
        captioner(PICTURE, question='Why?')
    with pytest.raises(ValueError, match='got 2 pictures but 1 questions'):
        answerer([PICTURE, PICTURE], question=['Who?'])
    with pytest.raises(ValueError, match='1 images, but its prompt has 2'):
        captioner(PICTURE, text='<image>Output:a<|endofchunk|><image>Output:')
    with pytest.raises(FileNotFoundError, match='no-picture.png'):
        captioner('no-picture.png')


def test_random_weights_and_dtype():
    model = get_model('flamingo-tiny_zeroshot_caption', pretrained=False, dtype=torch.bfloat16)
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    assert not model.training
    assert isinstance(FlamingoInferencer(model)(PICTURE, max_new_tokens=1)['pred_caption'], str)


def test_wrong_weights(tmp_path):
    path = tmp_path / 'other.pth'
    torch.save({'state_dict': {'a.b': torch.zeros(1)}}, path)
    with pytest.raises(CheckpointError, match='a.b'):
        get_model('flamingo-tiny_zeroshot_caption', pretrained=path)


@pytest.mark.parametrize('name', ['int8', 'nf4'])
def test_a_quantised_language_model(captioner, tmp_path, name):
    """Its layers are quantised after the checkpoint came; the trained one still says much the same."""
    base = ROOT / 'configs' / 'flamingo' / 'flamingo-tiny_zeroshot_caption.py'
    weights = ROOT / 'checkpoints' / 'flamingo-tiny' / 'flamingo-tiny_emoji-scenes.pth'
    config = tmp_path / 'quantised.py'
    config.write_text(f'_base_ = {str(base)!r}\nmodel = dict(language_model=dict(quantization={name!r}))\n')
    quantised = FlamingoInferencer(str(config), pretrained=str(weights), dtype=torch.bfloat16)
    layers = [m for m in quantised.model.language_model.lm.model.layers.modules() if isinstance(m, QuantizedLinear)]
    assert {layer.name for layer in layers} == {name} and len(layers) == 6 * 7
    texts = ['a cat and a dog.', 'a red bus in front of a blue wall.']
    scores, plain = (captions(PICTURE, choices=texts)['choice_scores'] for captions in (quantised, captioner))
    assert scores != plain and scores == pytest.approx(plain, abs=0.5)
    assert quantised(PICTURE)['pred_caption']


@pytest.mark.parametrize(
    'name',
    [
        'flamingo-tiny_zeroshot_caption',
        pytest.param('flamingo-smollm2-135m_zeroshot_caption', marks=pytest.mark.slow),
    ],
)
def test_a_model_with_weights_is_the_one_that_is_initialised_and_then_loaded(name):
    try:
        model = get_model(name)
    except MissingFilesError as missing:  # of a language model that a tool fetches
        pytest.skip(str(missing))
    reference = get_model(name, pretrained=False)
    weights = next(entry.weights for entry in model_zoo._zoo().values() if entry.name == name)
    state_dict = state_dict_for(reference, read_checkpoint(weights), weights)
    assert not keys_without_source(reference, state_dict)
    reference.load_state_dict(state_dict, strict=False)
    for kind in ('named_parameters', 'named_buffers'):
        own, wanted = (dict(getattr(m, kind)(remove_duplicate=False)) for m in (model, reference))
        assert list(own) == list(wanted)
        for key, value in wanted.items():
            assert torch.equal(own[key], value) and own[key].dtype == value.dtype, key
    lm, wanted = model.language_model.lm, reference.language_model.lm
    tied = [m.get_input_embeddings().weight is m.get_output_embeddings().weight for m in (lm, wanted)]
    assert tied == [True, True]
    assert [p.requires_grad for p in model.parameters()] == [p.requires_grad for p in reference.parameters()]
