import json
import shutil

import pytest
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge

from mmflamingo.evaluation import caption_scorers, coco_caption
from mmflamingo.evaluation.ptb_tokenizer import tokenize
from mmflamingo.registry import METRICS

REFERENCES = {
    1: ['A dog runs over the green grass.', "The dog's running (fast), isn't it?"],
    2: ['Two men ride a red bike down the street', 'Men on a bicycle.'],
    'c': ['A café table with 2 cups of coffee - empty!'],
}
PREDICTIONS = {1: 'A dog runs over grass', 2: 'Two men ride down the road.', 'c': 'a café table'}
WITHOUT_JAVA = ['BLEU', 'ROUGE_L', 'CIDEr']

needs_java = pytest.mark.skipif(shutil.which('java') is None, reason='needs Java')


def caption_samples():
    return [
        {
            'sample_id': f's{key}',
            'image_id': key,
            'pred_caption': PREDICTIONS[key],
            'gt_caption': texts,
        }
        for key, texts in REFERENCES.items()
    ]


def evaluate(samples, **kwargs):
    metric = METRICS.build({'type': 'mmflamingo.COCOCaption', **kwargs})
    metric.process(None, samples)
    return metric.evaluate(len(samples)), metric.sample_scores


@pytest.fixture
def log(monkeypatch):
    messages = []
    monkeypatch.setattr(coco_caption, 'print_log', lambda text, **kwargs: messages.append(text))
    return messages


@pytest.fixture
def no_java(monkeypatch):
    """No program is found on an empty PATH, neither by us nor by pycocoevalcap."""
    monkeypatch.setenv('PATH', '')


def official(scorer, **kwargs):
    """What a scorer of pycocoevalcap gives for our tokens, straight from the library."""
    references = {key: list(map(tokenize, texts)) for key, texts in REFERENCES.items()}
    predictions = {key: [tokenize(text)] for key, text in PREDICTIONS.items()}
    return scorer.compute_score(references, predictions, **kwargs)


def test_equal_to_the_scorers_of_pycocoevalcap(no_java, capsys, log):
    scores, sample_scores = evaluate(caption_samples())
    assert capsys.readouterr().out == ''
    bleu, bleu_per_image = official(Bleu(4), verbose=0)
    rouge, rouge_per_image = official(Rouge())
    cider, cider_per_image = official(Cider())
    expected = {'CIDEr': cider, 'ROUGE_L': rouge, **{f'BLEU-{n + 1}': bleu[n] for n in range(4)}}
    assert scores == pytest.approx({name: 100 * value for name, value in expected.items()})
    assert list(sample_scores) == ['s1', 's2', 'sc']
    for i, found in enumerate(sample_scores.values()):
        assert found['CIDEr'] == pytest.approx(100 * cider_per_image[i])
        assert found['ROUGE_L'] == pytest.approx(100 * rouge_per_image[i])
        assert found['BLEU-4'] == pytest.approx(100 * bleu_per_image[3][i])


@needs_java
def test_meteor_where_java_is(log):
    scores, sample_scores = evaluate(caption_samples(), metrics=['METEOR'])
    meteor, per_image = official(Meteor())
    assert scores == {'METEOR': pytest.approx(100 * meteor)}
    assert [found['METEOR'] for found in sample_scores.values()] == pytest.approx([100 * score for score in per_image])
    assert any("Stanford's PTB tokenizer" in text for text in log)


def test_without_java_our_tokenizer_and_no_meteor(no_java, log):
    scores, _ = evaluate(caption_samples())
    assert set(scores) == {'CIDEr', 'ROUGE_L', 'BLEU-1', 'BLEU-2', 'BLEU-3', 'BLEU-4'}
    assert any('own PTB tokenizer' in text for text in log)
    assert any('METEOR is left out' in text for text in log)


@pytest.mark.parametrize('script', ['exit 1', 'echo too few lines', 'kill $$'])
def test_broken_java_costs_no_other_score(monkeypatch, tmp_path, log, script):
    expected, _ = evaluate(caption_samples(), metrics=WITHOUT_JAVA)
    java = tmp_path / 'java'
    java.write_text(f'#!/bin/sh\n{script}\n')
    java.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path))
    log.clear()
    assert evaluate(caption_samples())[0] == expected
    assert any('tokenizer in Java failed' in text for text in log)
    assert any('own PTB tokenizer' in text for text in log)
    assert any('METEOR failed' in text for text in log)


def test_a_failing_scorer_costs_only_itself(no_java, monkeypatch, log):
    def failing(references, predictions, seconds):
        raise RuntimeError('out of memory')

    monkeypatch.setitem(caption_scorers.SCORERS, 'BLEU', failing)
    scores, sample_scores = evaluate(caption_samples(), metrics=WITHOUT_JAVA)
    assert set(scores) == {'ROUGE_L', 'CIDEr'}
    assert set(sample_scores['s1']) == {'ROUGE_L', 'CIDEr'}
    assert any('BLEU failed' in text and 'out of memory' in text for text in log)


def test_empty_predictions(no_java, log):
    samples = [{**sample, 'pred_caption': ''} for sample in caption_samples()]
    scores, _ = evaluate(samples)
    assert scores == pytest.approx(dict.fromkeys(scores, 0))


@needs_java
def test_one_empty_prediction_with_java(log):
    samples = caption_samples()
    samples[1]['pred_caption'] = ''
    scores, sample_scores = evaluate(samples)
    assert {'METEOR', 'CIDEr'} < set(scores)
    assert sample_scores['s2']['METEOR'] == 0


@pytest.mark.parametrize('java', ['with', 'without'])
def test_line_ends_and_half_characters_inside_captions(java, request, log):
    if java == 'without':
        request.getfixturevalue('no_java')
    samples = caption_samples()
    expected, _ = evaluate(samples, metrics=WITHOUT_JAVA)
    samples[0]['pred_caption'] = 'A dog\rruns\x0bover\u2028\x1e\n\ngrass\x85'
    assert evaluate(samples, metrics=WITHOUT_JAVA)[0] == expected
    samples[0]['pred_caption'] = 'A dog runs over grass \ud83d'
    assert evaluate(samples, metrics=WITHOUT_JAVA)[0] == expected


def test_references_of_a_file(no_java, log, tmp_path):
    path = tmp_path / 'captions.json'
    annotations = [{'image_id': key, 'caption': text} for key, texts in REFERENCES.items() for text in texts]
    path.write_text(json.dumps({'annotations': annotations}))
    samples = caption_samples()
    expected, _ = evaluate(samples, metrics=WITHOUT_JAVA)
    for sample in samples:
        del sample['gt_caption']
    assert evaluate(samples, metrics=WITHOUT_JAVA, ann_file=str(path))[0] == expected
    samples[0]['image_id'] = 9
    with pytest.raises(ValueError, match="sample 's1' has no 'gt_caption'.*captions of 1, 2.*9"):
        evaluate(samples, ann_file=str(path))


def test_bad_annotation_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.json.*does not exist'):
        evaluate([], ann_file=str(tmp_path / 'none.json'))
    path = tmp_path / 'list.json'
    path.write_text('[]')
    with pytest.raises(ValueError, match="list.json: no 'annotations'"):
        evaluate([], ann_file=str(path))


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('pred_caption', None),
        ('pred_caption', ['a list']),
        ('gt_caption', None),
        ('gt_caption', []),
        ('gt_caption', 'not a list'),
        ('image_id', None),
    ],
)
def test_missing_fields_are_named(field, value):
    samples = [{**caption_samples()[0], field: value}]
    with pytest.raises(ValueError, match=f"sample 's1' has (no )?'{field}'"):
        evaluate(samples)


def test_errors():
    samples = caption_samples()
    with pytest.raises(ValueError, match=r"\['WUPS'\] unknown. Choose from"):
        evaluate(samples, metrics=['WUPS'])
    with pytest.raises(ValueError, match="more than one prediction for image_id 1, 'c'. "):
        evaluate([*samples, samples[2], samples[0]])
    with pytest.raises(ValueError, match='no predictions'):
        evaluate([])


def test_padding_of_the_last_batch_is_cut_off(no_java, log):
    samples = caption_samples()
    metric = METRICS.build({'type': 'mmflamingo.COCOCaption', 'metrics': 'CIDEr'})
    metric.process(None, [*samples, samples[0]])
    assert metric.evaluate(len(samples)) == evaluate(samples, metrics='CIDEr')[0]


def test_groups_get_the_means_of_their_images(log):
    samples = [sample | {'domain': 'near' if n else 'in'} for n, sample in enumerate(caption_samples())]
    scores, per_sample = evaluate(samples, metrics='CIDEr', by='domain')
    one, *others = (per_sample[sample['sample_id']]['CIDEr'] for sample in samples)
    assert scores['CIDEr/in'] == pytest.approx(one)
    assert scores['CIDEr/near'] == pytest.approx(sum(others) / 2)
    assert scores['CIDEr'] == pytest.approx((one + sum(others)) / 3)
