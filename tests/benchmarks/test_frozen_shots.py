"""Every set draws the shots that it has always drawn: frozen_shots.json holds them by set, seed and query.

After a change of protocol that is meant, `MMFLAMINGO_FREEZE=1 pytest tests/benchmarks/test_frozen_shots.py` writes the
file anew; CHANGELOG's Scores must then say why.
"""

import json
import os
from pathlib import Path

import image_layouts
import pytest
import video_layouts
from mmengine.config import Config
from scenes import read_scenes

from mmflamingo.registry import DATASETS

ROOT = Path(__file__).parents[2]
FROZEN = Path(__file__).with_name('frozen_shots.json')
# Clips are composed by a tool first; the others have the readers of emoji-scenes_caption and emoji-scenes_vqa.
WITHOUT_FILES = {'emoji-clips', 'coco_caption', 'vqav2', 'vqav2_train-val'}
NAMES = sorted({path.stem for path in (ROOT / 'configs/_base_/datasets').glob('*.py')} - WITHOUT_FILES)
NUM_SHOTS, NUM_QUERIES = 3, 8
SEEDS = (0, 1)


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """A folder with the files of all benchmarks, in `data`."""
    folder = tmp_path_factory.mktemp('files')
    scenes = read_scenes('val', NUM_QUERIES), read_scenes('support', 12)
    writers = {**vars(image_layouts), **vars(video_layouts)}
    for name in NAMES:
        if writer := writers.get(name.replace('-', '_')):
            writer(folder / name / 'data', *scenes)
    return folder


def shots_of(name, files, seed):
    """Ids and texts of the shots of the first queries, by query."""
    folder = files / name if (files / name).exists() else ROOT
    dataset = Config.fromfile(ROOT / f'configs/_base_/datasets/{name}.py').test_dataloader.dataset
    inner = dataset
    while 'dataset' in inner:  # ShuffledPictures and the like
        inner = inner.dataset
    inner.update(num_shots=NUM_SHOTS, num_text_only_shots=0, seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        built = DATASETS.build(dataset)
        records = [built.get_data_info(i) for i in range(min(NUM_QUERIES, len(built)))]
    return {
        str(record['sample_id']): [[shot['sample_id'], text(shot)] for shot in record['shots']] for record in records
    }


def text(shot):
    return shot.get('caption', shot.get('answer'))


@pytest.mark.parametrize('name', NAMES)
def test_shots_are_the_frozen_ones(name, files):
    found = {str(seed): shots_of(name, files, seed) for seed in SEEDS}
    if os.environ.get('MMFLAMINGO_FREEZE'):
        frozen = json.loads(FROZEN.read_text()) if FROZEN.exists() else {}
        FROZEN.write_text(json.dumps(frozen | {name: found}, indent=0, sort_keys=True))
    assert found == json.loads(FROZEN.read_text())[name]
    assert (found['0'] == found['1']) == (name == 'emoji-scenes_binding'), (
        'another seed draws other shots, unless they are listed'
    )
