import pickle

import torch

from mmflamingo.structures import FlamingoDataSample

RECORD = {
    'task': 'vqa',
    'sample_id': 11,
    'img_path': ['a.jpg', 'b.jpg'],
    'question': 'What?',
    'gt_answer': ['a cat'],
    'shots': [{'sample_id': 3, 'img_path': 'a.jpg', 'question': 'Who?', 'answer': 'me'}],
}


def test_fields_are_attributes_and_travel_in_to_dict():
    sample = FlamingoDataSample.from_record(RECORD, meta_keys=('task', 'sample_id', 'img_path'))

    assert sample.metainfo_keys() and set(sample.metainfo) == {'task', 'sample_id', 'img_path'}
    assert set(sample.keys()) == {'question', 'gt_answer', 'shots'}
    assert sample.question == 'What?'
    assert sample.get('gt_caption') is None
    assert 'output' not in sample
    assert sample.to_dict() == RECORD


def test_predictions_are_added_and_survive_copies():
    sample = FlamingoDataSample.from_record(RECORD, meta_keys=('sample_id',))
    sample.pred_text = ' a cat Question:'
    sample.pred_answer = 'a cat'
    for copy in (
        sample.clone(),
        sample.to('cpu'),
        sample.cpu(),
        pickle.loads(pickle.dumps(sample)),
    ):
        assert isinstance(copy, FlamingoDataSample)
        assert copy.to_dict() == sample.to_dict()
        assert copy.pred_answer == 'a cat'


def test_tensors_move():
    sample = FlamingoDataSample.from_record({'feature': torch.zeros(2)})
    assert sample.to(torch.float16).feature.dtype == torch.float16
