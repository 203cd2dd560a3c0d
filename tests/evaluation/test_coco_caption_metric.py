import json
import shutil

import pytest
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

from mmflamingo.evaluation import coco_caption
from mmflamingo.registry import METRICS

REFERENCES = {
    1: ['A dog runs over the green grass.', "The dog's running (fast), isn't it?"],
    2: ['Two men ride a red bike down the street', 'Men on a bicycle.'],
    'c': ['A café table with 2 cups of coffee - empty!'],
}
PREDICTIONS = {1: 'A dog runs over grass', 2: 'Two men ride down the road.', 'c': 'a café table'}
WITHOUT_JAVA = ['BLEU', 'ROUGE_L', 'CIDEr']


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
    monkeypatch.setattr(coco_caption.shutil, 'which', lambda name: None)


def test_equal_to_the_scorers_of_pycocoevalcap(no_java, capsys, log):
    scores, sample_scores = evaluate(caption_samples())
    assert capsys.readouterr().out == ''
    references = coco_caption.tokenize_captions(REFERENCES)
    predictions = coco_caption.tokenize_captions({k: [v] for k, v in PREDICTIONS.items()})
    bleu, bleu_per_image = Bleu(4).compute_score(references, predictions, verbose=0)
    rouge, rouge_per_image = Rouge().compute_score(references, predictions)
    cider, cider_per_image = Cider().compute_score(references, predictions)
    expected = {'CIDEr': cider, 'ROUGE_L': rouge, **{f'BLEU-{n + 1}': bleu[n] for n in range(4)}}
    assert scores == pytest.approx({name: 100 * value for name, value in expected.items()})
    assert list(sample_scores) == ['s1', 's2', 'sc']
    for i, found in enumerate(sample_scores.values()):
        assert found['CIDEr'] == pytest.approx(100 * cider_per_image[i])
        assert found['ROUGE_L'] == pytest.approx(100 * rouge_per_image[i])
        assert found['BLEU-4'] == pytest.approx(100 * bleu_per_image[3][i])


def test_without_java_our_tokenizer_and_no_meteor(no_java, log):
    scores, _ = evaluate(caption_samples())
    assert 'METEOR' not in scores
    assert any('own PTB tokenizer' in text for text in log)
    assert any('METEOR is left out' in text for text in log)


def test_broken_java_falls_back(monkeypatch, log):
    def broken(captions):
        raise OSError('no JVM')

    monkeypatch.setattr(coco_caption.shutil, 'which', lambda name: '/bin/java')
    monkeypatch.setattr(coco_caption, 'tokenize_with_java', broken)
    scores, _ = evaluate(caption_samples(), metrics=WITHOUT_JAVA)
    assert scores['CIDEr'] > 0
    assert any('no JVM' in text for text in log)
    assert any('own PTB tokenizer' in text for text in log)


@pytest.mark.skipif(shutil.which('java') is None, reason='needs Java')
def test_java_tokens_are_those_of_pycocoevalcap_and_ours():
    official = PTBTokenizer().tokenize(
        {key: [{'caption': text} for text in texts] for key, texts in REFERENCES.items()}
    )
    assert coco_caption.tokenize_with_java(REFERENCES) == official
    assert coco_caption.tokenize_captions(REFERENCES) == official


def test_a_failing_scorer_costs_only_itself(no_java, monkeypatch, log):
    def failing(references, predictions):
        raise RuntimeError('out of memory')

    monkeypatch.setitem(coco_caption.SCORERS, 'BLEU', failing)
    scores, sample_scores = evaluate(caption_samples(), metrics=WITHOUT_JAVA)
    assert set(scores) == {'ROUGE_L', 'CIDEr'}
    assert set(sample_scores['s1']) == {'ROUGE_L', 'CIDEr'}
    assert any('BLEU failed' in text and 'out of memory' in text for text in log)


def test_line_ends_inside_captions(no_java, log):
    samples = caption_samples()
    expected, _ = evaluate(samples, metrics=WITHOUT_JAVA)
    samples[0]['pred_caption'] = 'A dog\rruns\x0bover\u2028grass\x85'
    assert evaluate(samples, metrics=WITHOUT_JAVA)[0] == expected


def test_references_of_a_file(no_java, log, tmp_path):
    path = tmp_path / 'captions.json'
    annotations = [
        {'image_id': key, 'caption': text} for key, texts in REFERENCES.items() for text in texts
    ]
    path.write_text(json.dumps({'annotations': annotations}))
    samples = caption_samples()
    expected, _ = evaluate(samples, metrics=WITHOUT_JAVA)
    for sample in samples:
        del sample['gt_caption']
    assert evaluate(samples, metrics=WITHOUT_JAVA, ann_file=str(path))[0] == expected
    samples[0]['image_id'] = 9
    with pytest.raises(ValueError, match="sample 's1' has no 'gt_caption'.*image 9"):
        evaluate(samples, ann_file=str(path))


def test_errors():
    samples = caption_samples()
    with pytest.raises(ValueError, match=r"\['SPICE'\] unknown. Choose from"):
        evaluate(samples, metrics=['SPICE'])
    with pytest.raises(ValueError, match='more than one prediction for image_id 1'):
        evaluate([*samples, {**samples[0], 'sample_id': 'other'}])
    with pytest.raises(ValueError, match="sample 's1' has no 'pred_caption'"):
        evaluate([{**samples[0], 'pred_caption': None}])
    with pytest.raises(ValueError, match="sample 's1' has no 'gt_caption'"):
        evaluate([{**samples[0], 'gt_caption': []}])
