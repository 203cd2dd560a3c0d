"""Close-ended benchmarks: each one's config on files of its layout, flamingo-tiny's choices, the set's own metric."""

import pytest

SETS = ['hateful_memes', 'imagenet', 'scienceqa', 'aokvqa']
MAIN = {'hateful_memes': 'roc_auc'}
NAMES = {'imagenet': {'acc_top5'}, 'scienceqa': {'acc/natural science'}}


@pytest.mark.parametrize('name', SETS)
def test_from_files_to_score(name, benchmark, predict, score):
    config, ids = benchmark(name, num_shots=2)
    samples = predict(config)
    assert sorted(sample['sample_id'] for sample in samples) == sorted(ids)
    for sample in samples:
        assert len(sample['shots']) == 2 and len(sample['choice_scores']) == len(sample['choices'])
        assert sample['pred_text'] == sample['choices'][sample['pred_choice']]
    for alone, sample in zip(predict(config, batch_size=1), samples, strict=True):
        assert alone['choice_scores'] == pytest.approx(sample['choice_scores'], abs=1e-4)

    main = MAIN.get(name, 'acc')
    assert {main} | NAMES.get(name, set()) <= set(score(config, samples))
    for is_right, expected in (True, 100), (False, 0):
        said = [sample | {'choice_scores': scores_for(sample, is_right)} for sample in samples]
        assert score(config, said)[main] == expected


def scores_for(sample, is_right):
    """Scores with which the right choice comes first, or last."""
    return [float((place == sample['gt_choice']) == is_right) for place in range(len(sample['choices']))]


def test_shots_are_finished_examples(benchmark, predict):
    config, _ = benchmark('hateful_memes', num_shots=1)
    (shot,) = predict(config)[0]['shots']
    assert shot['answer'] in ('yes', 'no') and shot['ocr']
    prompt = predict(config)[0]['prompt']
    assert f"<image>is an image with: '{shot['ocr']}' written on it. Is it hateful? Answer:{shot['answer']}" in prompt


def test_direct_answers_of_aokvqa_are_generated(benchmark, predict, score):
    config, _ = benchmark('aokvqa', multiple_choice=False)
    config.test_evaluator = {'type': 'AnswerMatch', 'full_credit': 3}
    samples = predict(config)
    assert all(sample['pred_answer'] and 'choices' not in sample for sample in samples)
    assert score(config, samples)['acc'] > 0


def test_open_questions_can_be_answered_from_a_list(benchmark, predict, score):
    config, _ = benchmark('textvqa', num_shots=1)
    config.test_dataloader.dataset.pipeline.insert(0, {'type': 'AddChoices', 'choices': ['one', 'two', 'xyzzy']})
    samples = predict(config)
    assert {sample['pred_answer'] for sample in samples} <= {'one', 'two', 'xyzzy'}
    assert 'acc' in score(config, samples)
