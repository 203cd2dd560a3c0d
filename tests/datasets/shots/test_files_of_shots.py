"""Files of listed shots and of image features."""

import math

import pytest
import torch

from mmflamingo.datasets import FlamingoEvalCOCOVQA, ImageFeatures


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'10': 'abc'}, r"\['10'\] is 'abc', it must be a list"),
        ({'10': [20, None]}, r"\['10'\]\[1\] is null, it must be an id"),
        ([1], r'is \[1\], it must be a JSON object'),
    ],
)
def test_files_of_listed_shots(content, message, tmp_path, write_json, vqa):
    path = str(tmp_path / write_json('lists.json', content))
    with pytest.raises(ValueError, match=r'shot_selector.file: .*lists.json.*\n  the object: .*' + message):
        FlamingoEvalCOCOVQA(**vqa(), data_root=str(tmp_path), shot_selector={'type': 'listed', 'file': path})


def test_ids_of_listed_shots_are_numbers_as_those_of_questions(tmp_path, write_json, vqa):
    def listed(ids):
        selector = {'type': 'listed', 'file': str(tmp_path / write_json('lists.json', {'10': ids}))}
        return FlamingoEvalCOCOVQA(**vqa(), data_root=str(tmp_path), num_shots=2, shot_selector=selector)

    assert [shot['sample_id'] for shot in listed([20.0, 30]).get_data_info(0)['shots']] == [20, 30]
    with pytest.raises(
        ValueError, match="2 support ids are numbers in one place and texts in another, such as 20 and '20'"
    ):
        listed(['20', '30'])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'image_ids': 'ab'}, "the value is 'ab', it must be a list"),
        ({'image_ids': [1, 1.5]}, r'\[1\] is 1.5, it must be an id'),
        ({'image_ids': [1, 1]}, '1 of 1 image ids come more than once'),
        ({'image_ids': [1]}, r'vectors is \(2, 2\), it must be \(1, D\)'),
        ({'vectors': [[1.0, 0.0]]}, 'vectors is list'),
        ({'vectors': 'nan'}, r'it must be \(2, D\) finite numbers'),
        ({'backbone': 3}, 'the value is 3, it must be a text'),
    ],
)
def test_files_of_image_features(change, message, tmp_path):
    content = {'image_ids': [1, 2], 'vectors': torch.eye(2), 'backbone': 'x'} | change
    if isinstance(content['vectors'], str):
        content['vectors'] = torch.full((2, 2), math.nan)
    torch.save(content, tmp_path / 'f.pt')
    with pytest.raises(ValueError, match=r'f\.pt.*' + message):
        ImageFeatures.load(tmp_path / 'f.pt')


def test_a_file_of_features_that_is_cut_off(tmp_path):
    ImageFeatures([1, 2], torch.eye(2), 'x').save(tmp_path / 'f.pt')
    whole = (tmp_path / 'f.pt').read_bytes()
    for size in range(1, len(whole), len(whole) // 7):
        (tmp_path / 'f.pt').write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r'f\.pt'):
            ImageFeatures.load(tmp_path / 'f.pt')
