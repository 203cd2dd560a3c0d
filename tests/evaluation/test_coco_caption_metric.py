import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge

from mmflamingo.evaluation import COCOCaption, caption_scorers, coco_caption
from mmflamingo.evaluation.java_tokenizer import tokenize_with_java
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


# Every character of the Basic Multilingual Plane, four to a caption, halves of others, and some beyond.
ODD = [
    f'dog{n} {"".join(map(chr, range(code, code + 4)))} cat{n}'
    for n, code in enumerate([*range(0, 0x10000, 4), 0x1F436, 0x10FFFC, 0xE0020])
]


def test_no_character_shifts_the_captions_without_java(no_java):
    for n in range(0, len(ODD), 37):
        tokens = tokenize(coco_caption.clean(ODD[n])).split(' ')
        assert (tokens[0], tokens[-1]) == (f'dog{n}', f'cat{n}')


@needs_java
def test_no_character_shifts_the_captions_in_java():
    tokens = tokenize_with_java([coco_caption.clean(caption) for caption in ODD])
    assert len(tokens) == len(ODD)
    shifted = [n for n, text in enumerate(tokens) if not (f'dog{n}' in text and text.endswith(f'cat{n}'))]
    assert shifted == []


@pytest.mark.slow
@needs_java
def test_no_character_shifts_the_scores_of_meteor(log):
    samples = [
        {'sample_id': n, 'image_id': n, 'gt_caption': [ODD[n], '||| SCORE ||| a'], 'pred_caption': ODD[n]}
        for n in range(0, len(ODD), 211)
    ]
    for sample in samples[1::2]:
        sample['pred_caption'] = 'EVAL ||| zebra |||'
    _, of_samples = evaluate(samples, metrics=['METEOR'])
    right = [of_samples[sample['sample_id']]['METEOR'] > 50 for sample in samples]
    assert right == [n % 2 == 0 for n in range(len(samples))]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), min_size=2, max_size=6), st.randoms())
def test_odd_captions_in_any_order_have_the_same_scores_within_their_range(pairs, rng):
    samples = [
        {'sample_id': f's{n}', 'image_id': n, 'pred_caption': text, 'gt_caption': [reference, text, 'a dog']}
        for n, (text, reference) in enumerate(pairs)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PATH', '')
        scores, of_samples = evaluate(samples, metrics=WITHOUT_JAVA)
        shuffled, of_shuffled = evaluate(rng.sample(samples, len(samples)), metrics=WITHOUT_JAVA)
    assert scores == pytest.approx(shuffled, abs=1e-9)
    for sample_id, own in of_samples.items():
        assert own == pytest.approx(of_shuffled[sample_id], abs=1e-9)
    for name, value in scores.items():
        assert 0 <= value <= (1000 if name == 'CIDEr' else 100 + 1e-9)


def test_the_only_image_is_said_to_have_no_cider(no_java, log):
    assert evaluate(caption_samples()[:1], metrics='CIDEr')[0] == {'CIDEr': 0}
    assert any('CIDEr of a single image is 0' in text for text in log)


@pytest.mark.parametrize(
    ('annotations', 'text'),
    [
        ([{'image_id': 1}], r'1 of 1 annotations lack .*annotations\[0\]'),
        ([{'image_id': 1, 'caption': 'a'}, {'image_id': 1.5, 'caption': 'a'}], r'1 of 2 .*annotations\[1\]'),
        ([{'image_id': None, 'caption': 'a'}, 3, {'image_id': 2, 'caption': ['a']}], r'3 of 3 .*annotations\[0\]'),
        ('abc', "no 'annotations'"),
        ({'image_id': 1}, "no 'annotations'"),
    ],
)
def test_annotations_are_read_by_type(tmp_path, annotations, text):
    path = tmp_path / 'captions.json'
    path.write_text(json.dumps({'annotations': annotations}))
    with pytest.raises(ValueError, match=text):
        COCOCaption('CIDEr', ann_file=str(path))


@pytest.mark.parametrize('content', ['{', '[' * 100_000, '\ud83d'])
def test_a_broken_annotation_file_is_named(tmp_path, content):
    path = tmp_path / 'captions.json'
    path.write_bytes(content.encode('utf-8', 'surrogatepass'))
    with pytest.raises(ValueError, match='captions.json is not valid JSON'):
        COCOCaption('CIDEr', ann_file=str(path))


def test_whole_floats_of_an_annotation_file_are_ints(no_java, log, tmp_path):
    path = tmp_path / 'captions.json'
    path.write_text(
        json.dumps({'annotations': [{'image_id': 1.0, 'caption': 'a dog'}, {'image_id': 2, 'caption': 'a'}]})
    )
    samples = [{'sample_id': n, 'image_id': n, 'pred_caption': 'a dog'} for n in (1, 2.0)]
    assert evaluate(samples, metrics='ROUGE_L', ann_file=str(path))[1][1] == {'ROUGE_L': 100}
