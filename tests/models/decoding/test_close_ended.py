"""Choices of samples: scores by hand, orders of shots, calibration, and what can't be ranked."""

from itertools import chain

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from mmflamingo.models.decoding.close_ended import shot_orders
from mmflamingo.models.tokenizers import FlamingoTokenizer
from mmflamingo.prompts import Prompt, Segment
from mmflamingo.structures import FlamingoDataSample

CHOICES = ['cat', 'dog', 'a red cat', 'red mat']
SHOT = {'question': 'is it red ?', 'answer': 'cat', 'img_path': 'x.jpg'}


def with_ranking(config_of, folder, **ranking):
    prompts = config_of(folder)['prompts']
    return {'prompts': {**prompts, 'vqa': {**prompts['vqa'], 'ranking': ranking}}}


def data(num_shots=0, choices=CHOICES, question='what is it ?', count=1, seed=0, **fields):
    words = ['cat', 'dog', 'red', 'mat', 'a']
    shots = [{**SHOT, 'answer': words[k]} for k in range(num_shots)]
    generator = torch.Generator().manual_seed(seed)
    pixels = [
        torch.randint(0, 256, (num_shots + 1, 1, 3, 8, 8), dtype=torch.uint8, generator=generator) for _ in range(count)
    ]
    samples = [
        FlamingoDataSample.from_record(
            {'task': 'vqa', 'sample_id': n, 'question': question, 'shots': shots, 'choices': choices, **fields},
            ['task', 'sample_id'],
        )
        for n in range(count)
    ]
    return {'inputs': pixels, 'data_samples': samples}


@pytest.fixture
def model_of(flamingo_of, config_of, tokenizer_folder):
    def build(**ranking):
        return flamingo_of(**with_ranking(config_of, tokenizer_folder, **ranking)).eval()

    return build


def loss_of(model, batch, answer):
    """The training loss of an answer is minus its mean log-likelihood, `<|endofchunk|>` included."""
    batch = {**batch, 'data_samples': [s.clone() for s in batch['data_samples']]}
    for sample in batch['data_samples']:
        sample.output = answer
    prepared = model.data_preprocessor(batch, training=True)
    del prepared['prompts']
    prepared['labels'][:, : -len(model.tokenizer.hf(answer)['input_ids']) - 1] = -100
    return model(**prepared, mode='loss')['loss']


def test_a_score_is_minus_the_loss_that_training_gives_the_choice(model_of):
    model = model_of(with_end=True)
    (sample,) = model.test_step(data(num_shots=2))
    with torch.no_grad():
        expected = [-loss_of(model, data(num_shots=2), choice).item() for choice in CHOICES]
    assert sample.choice_scores == pytest.approx(expected, abs=1e-5)
    assert sample.pred_answer == CHOICES[sample.pred_choice]


def test_the_sum_is_the_mean_times_the_number_of_tokens(model_of):
    (mean,) = model_of().test_step(data())
    (total,) = model_of(normalize=False).test_step(data())
    lengths = [1, 1, 3, 2]
    assert total.choice_scores == pytest.approx(
        [m * n for m, n in zip(mean.choice_scores, lengths, strict=True)], abs=1e-5
    )


def test_scores_do_not_depend_on_the_batch(model_of):
    model = model_of(permutations=3, calibrate=True)
    both = data(num_shots=3, count=2)
    long = data(num_shots=1, count=1, question='is it a red cat on a red mat ?')
    alone = [
        model.test_step({'inputs': [pixels], 'data_samples': [sample.clone()]})[0].choice_scores
        for source in (both, long)
        for pixels, sample in zip(source['inputs'], source['data_samples'], strict=True)
    ]
    merged = {key: both[key] + long[key] for key in both}
    together = [sample.choice_scores for sample in model.test_step(merged)]
    for one, other in zip(alone, together, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_permutations_average_over_orders_of_shots_with_their_pictures(model_of):
    model = model_of(permutations=2)
    (sample,) = model.test_step(data(num_shots=2))
    scores = []
    for order in (0, 1), (1, 0):
        own = data(num_shots=2)
        (query,) = own['data_samples']
        query.shots = [query.shots[shot] for shot in order]
        own['inputs'] = [own['inputs'][0][[*order, 2]]]
        scores.append(model_of().test_step(own)[0].choice_scores)
    assert scores[0] != pytest.approx(scores[1], abs=1e-5)
    assert sample.choice_scores == pytest.approx([sum(pair) / 2 for pair in zip(*scores, strict=True)], abs=1e-6)


def test_calibration_subtracts_what_a_query_about_nothing_gets(model_of):
    (sample,) = model_of(calibrate=True).test_step(data())
    (plain,) = model_of().test_step(data())
    model = model_of()
    (nothing,) = data(question='N/A')['data_samples']
    batch = model.data_preprocessor({'inputs': data()['inputs'], 'data_samples': [nothing]})
    batch['images'] = torch.zeros_like(batch['images'], dtype=torch.float32)  # normalised: grey
    (empty,) = model(**batch, mode='predict')
    expected = [a - b for a, b in zip(plain.choice_scores, empty.choice_scores, strict=True)]
    assert sample.choice_scores == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(('num_shots', 'count', 'expected'), [(0, 6, 1), (1, 6, 1), (2, 6, 2), (3, 4, 4), (32, 6, 6)])
def test_orders_are_different_and_the_same_in_every_run(num_shots, count, expected):
    orders = shot_orders(num_shots, count, 'q7')
    assert len(set(orders)) == len(orders) == expected
    assert orders == shot_orders(num_shots, count, 'q7')
    assert orders[0] == tuple(range(num_shots))


@pytest.mark.parametrize(
    ('choices', 'message'),
    [
        (['cat', ''], "Sample 0: The choice '' has no tokens"),
        (['zebra', 'yak'], "'zebra' and 'yak' have the same tokens"),  # both unknown to the tokenizer
    ],
)
def test_choices_that_can_not_be_told_apart_are_an_error(model_of, choices, message):
    with pytest.raises(ValueError, match=message):
        model_of().test_step(data(choices=choices))


@pytest.mark.parametrize('twin', ['cat', ' cat', 'cat\n'])
@pytest.mark.parametrize('normalize', [True, False])
def test_p3_equal_choices_get_equal_scores(model_of, twin, normalize):
    model = model_of(normalize=normalize)
    (sample,) = model.test_step(data(choices=['dog', 'a red cat', 'cat', twin, 'red mat']))
    (single,) = model.test_step(data(choices=['dog', 'a red cat', 'cat', 'red mat']))
    assert sample.choice_scores[2] == sample.choice_scores[3]
    assert sample.choice_scores[:3] + sample.choice_scores[4:] == pytest.approx(single.choice_scores, abs=1e-6)
    assert sample.pred_choice != 3  # the first of equal ones, as argmax of the official script has it


def test_special_tokens_in_a_choice_mean_nothing(model_of):
    (sample,) = model_of().test_step(data(choices=['cat', '<image>cat']))
    assert len(sample.choice_scores) == 2


def test_samples_with_and_without_choices_are_not_predicted_together(model_of):
    mixed = data(count=2)
    del mixed['data_samples'][1].choices
    with pytest.raises(ValueError, match='with and without `choices`'):
        model_of().test_step(mixed)


def test_an_unknown_setting_names_the_known(model_of):
    with pytest.raises(ValueError, match=r"\['ensemble'\]; it takes \['normalize', 'with_end'"):
        model_of(ensemble=6)


def test_equal_choices_are_read_once_and_get_equal_scores(model_of):
    model = model_of(with_end=True, permutations=2)
    rows = []
    model.language_model.lm.register_forward_pre_hook(
        lambda module, args, kwargs: rows.append(tuple(kwargs['input_ids'].shape)), with_kwargs=True
    )
    (once,) = model.test_step(data(num_shots=2))
    read_once, rows[:] = list(rows), []
    (twice,) = model.test_step(data(num_shots=2, choices=[*CHOICES, CHOICES[2], CHOICES[0]]))
    assert rows == read_once
    assert twice.choice_scores == [*once.choice_scores, once.choice_scores[2], once.choice_scores[0]]
    assert twice.pred_choice == once.pred_choice


# P6: OpenFlamingo tokenises a class name alone


@pytest.fixture
def with_spaces(tmp_path):
    """A tokenizer that begins every text with a space, as LLaMA's do: 'no' alone is '▁no', after a colon 'no'."""
    pieces = ['<unk>', '<s>', '</s>', '▁', ':', 'no', 'yes', '▁no', '▁yes', '▁Answer', 'Answer']
    tokenizer = Tokenizer(models.Unigram([(piece, -float(len(pieces) - n)) for n, piece in enumerate(pieces)], 0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme='first')
    tokenizer.decoder = decoders.Metaspace(prepend_scheme='first')
    special = {'unk_token': '<unk>', 'bos_token': '<s>', 'eos_token': '</s>'}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(tmp_path)
    return FlamingoTokenizer(str(tmp_path))


def test_tokens_of_a_choice_in_context_and_alone(with_spaces):
    prompt = Prompt([Segment('Answer:')])
    names = [
        with_spaces.hf.convert_ids_to_tokens(
            list(chain(*with_spaces.tokenize_choices(prompt, ['no', 'yes'], **options)))
        )
        for options in ({}, {'in_context': False}, {'in_context': False, 'with_end': True})
    ]
    assert names == [['no', 'yes'], ['▁no', '▁yes'], ['▁no', '<|endofchunk|>', '▁yes', '<|endofchunk|>']]


def test_in_context_is_a_setting_of_ranking(model_of, monkeypatch):
    given = []
    tokenize = FlamingoTokenizer.tokenize_choices

    def note(self, prompt, choices, with_end=False, in_context=True):
        given.append((with_end, in_context))
        return tokenize(self, prompt, choices, with_end, in_context)

    monkeypatch.setattr(FlamingoTokenizer, 'tokenize_choices', note)
    model_of(in_context=False).test_step(data())
    assert given == [(False, False)]
