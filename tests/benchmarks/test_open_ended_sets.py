"""Open-ended benchmarks: each one's config on files of its layout, flamingo-tiny's answers, the set's own metric."""

import json

import pytest

CAPTIONS = ['coco_karpathy', 'flickr30k', 'nocaps']
QUESTIONS = ['okvqa', 'textvqa', 'vizwiz', 'gqa']
NAMES = {'nocaps': {'CIDEr/in-domain'}, 'vizwiz': {'acc/other'}, 'gqa': {'acc/query'}}


@pytest.mark.parametrize('name', CAPTIONS + QUESTIONS)
def test_from_files_to_score(name, benchmark, predict, score):
    config, ids = benchmark(name, num_shots=1)
    samples = predict(config)
    assert sorted(sample['sample_id'] for sample in samples) == sorted(ids)
    output = 'caption' if name in CAPTIONS else 'answer'
    assert all(sample[f'pred_{output}'] and len(sample['shots']) == 1 for sample in samples)
    alone = predict(config, batch_size=1)
    assert [sample['pred_text'] for sample in alone] == [sample['pred_text'] for sample in samples]

    scores = score(config, samples)
    main = 'CIDEr' if output == 'caption' else 'acc'
    assert {main} | NAMES.get(name, set()) <= set(scores)
    said = [sample | {f'pred_{output}': sample[f'gt_{output}'][0]} for sample in samples]
    silent = [sample | {f'pred_{output}': 'xyzzy'} for sample in samples]
    assert score(config, silent)[main] == 0
    assert score(config, said)[main] >= scores[main] > 0


def test_test_dev_answers_become_a_file_for_the_server(benchmark, predict, score):
    config, ids = benchmark('vqav2_test-dev', num_shots=2)
    samples = predict(config)
    assert score(config, samples) == {}
    answers = json.loads(open('work_dirs/vqav2_test-dev.json').read())
    assert {answer['question_id']: answer['answer'] for answer in answers} == {
        sample['sample_id']: sample['pred_answer'] for sample in samples
    }
    assert sorted(ids) == sorted(answer['question_id'] for answer in answers)
