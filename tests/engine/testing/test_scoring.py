"""Scores of records: what fails is recorded, and costs nothing else."""

from mmflamingo.engine.testing.scoring import score
from mmflamingo.evaluation import COCOCaption, VQAAcc, caption_scorers

RECORDS = [
    {'sample_id': n, 'image_id': n, 'output': 'caption', 'prediction': f'a dog {n}', 'references': ['a dog', 'a cat']}
    for n in range(3)
]


def test_a_scorer_that_fails_inside_a_metric_is_among_the_failures(monkeypatch):
    """R16: METEOR was missing from the table, and `failed_metrics` was empty."""

    def failing(references, predictions, seconds):
        raise RuntimeError('Java ended early')

    monkeypatch.setattr('mmflamingo.evaluation.coco_caption.has_java', lambda: False)
    monkeypatch.setattr('mmflamingo.evaluation.coco_caption.why_not', lambda metric: None)
    monkeypatch.setitem(caption_scorers.SCORERS, 'METEOR', failing)
    totals, failures = score(RECORDS, [COCOCaption(['CIDEr', 'METEOR'])])
    assert failures == {'METEOR': 'Java ended early'}
    assert set(totals) == {'CIDEr'} and all(set(record['scores']) == {'CIDEr'} for record in RECORDS)


def test_all_that_fails_is_recorded(monkeypatch):
    monkeypatch.setitem(caption_scorers.SCORERS, 'CIDEr', None)
    totals, failures = score(RECORDS, [COCOCaption('CIDEr'), VQAAcc()])
    assert totals == {}
    assert set(failures) == {'CIDEr', 'COCOCaption', 'VQAAcc'}
    assert "no 'pred_answer'" in failures['VQAAcc']
