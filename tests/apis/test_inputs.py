"""The Python API is strict: what it is given counts, or is an error before any work (A17, P13, A23, kind 10)."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmflamingo.apis import FlamingoInferencer, get_model, inference_model
from mmflamingo.apis.inference import CALL
from mmflamingo.apis.inputs import records_of
from mmflamingo.engine.errors import ConfigError
from mmflamingo.prompts import PromptTemplate

PICTURE = Path(__file__).parents[2] / 'demo' / 'cat-dog.png'
QUESTION = 'What color is the background?'
SHOT = {'image': PICTURE, 'question': 'What is it?', 'answer': 'cat'}
PROMPT = PromptTemplate('<image>Q:{question} A:{answer}<|endofchunk|>', '<image>Q:{question} A:', 'answer')


@pytest.fixture
def ask(answerer, monkeypatch):
    """Asks the model, which must not run."""

    def run(batch):
        raise AssertionError('the model ran')

    monkeypatch.setattr(answerer.model, 'test_step', run)
    return lambda images=PICTURE, question=QUESTION, **kwargs: answerer(images, question=question, **kwargs)


class TestShots:
    @pytest.mark.parametrize(
        ('change', 'message'),
        [
            ({'img': PICTURE}, r"shots\[1\] has the key 'img'\. Did you mean 'image'\?"),
            ({'img_path': PICTURE}, r"shots\[1\] has the key 'img_path'"),
            ({'images': PICTURE}, "Did you mean 'image'"),
            ({'anwser': 'cat'}, "Did you mean 'answer'"),
            ({'caption': 'a cat'}, r"shots\[1\] has the key 'caption'\. It takes image, question, answer\."),
            ({'ocr': 'x'}, "has the key 'ocr'"),
            ({7: 'x'}, 'has the key 7'),
            ({'answer': None}, r"shots\[1\]\['answer'\] is None: it must be a text"),
            ({'answer': 2}, r"shots\[1\]\['answer'\] is 2: it must be a text"),
            ({'answer': ['cat']}, 'it must be a text'),
            ({'question': b'who'}, 'it must be a text'),
        ],
    )
    def test_what_would_be_lost_is_an_error(self, ask, change, message):
        with pytest.raises(ValueError, match=message):
            ask(shots=[SHOT, {**SHOT, **change}])

    def test_a_shot_without_its_text(self, ask):
        for name in ('question', 'answer'):
            shot = {key: value for key, value in SHOT.items() if key != name}
            with pytest.raises(ValueError, match=rf"shots\[0\]\['{name}'\] is missing"):
                ask(shots=[shot])

    def test_of_a_captioner(self, captioner):
        with pytest.raises(ValueError, match=r"has the key 'question'\. It takes image, caption"):
            captioner(PICTURE, shots=[SHOT])

    @pytest.mark.parametrize('shots', [SHOT, 'cat', 7, [7], [[SHOT], 7], [SHOT, [SHOT]], {1, 2}])
    def test_what_are_not_shots(self, ask, shots):
        with pytest.raises(ValueError):
            ask([PICTURE] * 2, shots=shots)

    def test_none_and_text_only(self, answerer):
        assert answerer(PICTURE, question=QUESTION, shots=None) == answerer(PICTURE, question=QUESTION)
        text_only = answerer(PICTURE, question=QUESTION, shots=[{**SHOT, 'image': None}])
        assert text_only['prompt'].count('<image>') == 1

    @settings(max_examples=100, deadline=None, derandomize=True)
    @given(
        st.lists(
            st.dictionaries(
                st.sampled_from(['image', 'question', 'answer', 'img', 'Answer', '']),
                st.none() | st.text(max_size=3) | st.integers(),
                max_size=4,
            ),
            max_size=3,
        )
    )
    def test_any_shots_are_kept_whole_or_refused(self, shots):
        good = all(
            shot.keys() <= {'image', 'question', 'answer'}
            and all(isinstance(shot.get(name), str) for name in ('question', 'answer'))
            for shot in shots
        )
        try:
            (record,) = records_of(['query.png'], 'Q', shots, PROMPT)
        except ValueError as error:
            assert not good and 'shots[' in str(error)
        else:
            assert good and len(record['shots']) == len(shots)
            shown = [shot['image'] for shot in shots if shot.get('image') is not None]
            assert record['img_path'] == [*shown, 'query.png']


class TestArguments:
    @pytest.mark.parametrize(
        ('arguments', 'message'),
        [
            ({'quesiton': 'Who?'}, "no argument 'quesiton'. Did you mean 'question'"),
            ({'shot': [SHOT]}, "no argument 'shot'. Did you mean 'shots'"),
            ({'choice': ['a', 'b']}, "Did you mean 'choices'"),
            ({'batchsize': 2}, "Did you mean 'batch_size'"),
            ({'num_beam': 2}, "Did you mean 'num_beams'"),
            ({'max_length': 5}, 'max_length cannot be used'),
            ({'num_beams': 0}, 'num_beams is 0'),
            ({'num_beams': '3'}, "num_beams is '3'"),
            ({'batch_size': 0}, 'batch_size=0 must be a positive integer'),
            ({'batch_size': -1}, 'batch_size=-1'),
            ({'batch_size': 2.0}, 'batch_size=2.0'),
            ({'batch_size': True}, 'batch_size=True'),
            (
                {'choices': ['a', 'b'], 'ranking': {'normalise': True}},
                "ranking has 'normalise'. Did you mean 'normalize'",
            ),
            ({'choices': ['a', 'b'], 'ranking': {'normalize': 'no'}}, "ranking\\['normalize'\\] is 'no'"),
            ({'choices': ['a', 'b'], 'ranking': {'permutations': True}}, 'must be of type int'),
            ({'choices': ['a', 'b'], 'ranking': {'permutations': 0}}, 'a whole number from 1'),
            ({'choices': ['a', 'b'], 'ranking': 'calibrate'}, 'give a dict'),
            ({'choices': {'a', 'b'}}, 'lists of choices: give a list'),
            ({'choices': 'ab'}, 'give a list of texts'),
            ({'choices': ['a', 'a ']}, 'more than once'),
            ({'choices': ['a', 7]}, 'choices'),
            ({'question': 7}, 'give a list'),
            ({'question': [7]}, 'question 0 is 7, it must be a text'),
            ({'question': {'text': 'Who?'}}, 'give a list'),
        ],
    )
    def test_an_error_before_any_work(self, ask, arguments, message):
        with pytest.raises(ValueError, match=message):
            ask(**arguments)

    def test_values_are_never_printed_whole(self, ask):
        for arguments in (
            {'choices': ['x' * 10**6, '']},
            {'choices': [str(n) for n in range(10**5)] * 2},
            {'question': ['x' * 10**6] * 3},
            {'shots': [{**SHOT, 'answer': ['x'] * 10**5}]},
            {'shots': [{**SHOT, 'x' * 10**5: 1}]},
            {'images': np.zeros((5, 1000, 1000), np.uint8)},
            {'images': torch.rand(3, 500, 500)},
            {'images': 'x' * 10**5},
        ):
            with pytest.raises((ValueError, FileNotFoundError)) as error:
                ask(**arguments)
            assert len(str(error.value)) < 2000

    def test_missing_files_are_listed_before_any_work(self, ask, tmp_path):
        paths = [PICTURE, *(str(tmp_path / f'{n}.png') for n in range(7)), tmp_path / '0.png']
        with pytest.raises(FileNotFoundError, match=r'7 of 8 files do not exist: .*4\.png., \.\.\.'):
            ask(paths)
        with pytest.raises(FileNotFoundError, match='1 of 2 files'):
            ask(shots=[{**SHOT, 'image': 'gone.png'}])

    @pytest.mark.parametrize(
        'image', [None, 7, b'x', {'img': 1}, {1}, [PICTURE], torch.zeros(3, 8, 8), np.zeros((0, 4, 3), np.uint8)]
    )
    def test_what_is_not_a_picture(self, ask, image):
        with pytest.raises(ValueError):
            ask([image])

    def test_no_pictures(self, ask):
        assert ask([]) == []


class TestPictures:
    @pytest.mark.parametrize('kind', ['16 bits', 'transparent', 'turned', 'grey', '1 bit', 'palette'])
    def test_the_same_by_path_pil_and_array(self, captioner, tmp_path, kind):
        scene = Image.open(PICTURE)
        exif, options = Image.Exif(), {}
        if kind == '16 bits':
            image = Image.fromarray(np.asarray(scene.convert('L')).astype(np.uint16) * 257)
        elif kind == 'transparent':
            image = scene.convert('RGBA')
            image.putalpha(scene.convert('L').point(lambda value: 255 * (value > 100)))
        elif kind == 'turned':
            image, exif[0x0112] = scene.rotate(90, expand=True), 6
            options = {'exif': exif}
        else:
            image = scene.convert({'grey': 'L', '1 bit': '1', 'palette': 'P'}[kind])
        image.save(tmp_path / 'a.png', **options)
        array = np.asarray(scene if kind == 'turned' else image if kind != 'palette' else image.convert('RGB'))
        array = array[..., [2, 1, 0, 3][: array.shape[2]]] if array.ndim == 3 else array
        by_path, by_pil, by_array = captioner([tmp_path / 'a.png', Image.open(tmp_path / 'a.png'), array])
        assert by_path == by_pil == by_array
        if kind in ('turned', '16 bits'):
            assert by_path == captioner(scene if kind == 'turned' else scene.convert('L'))

    def test_a_file_that_changes_is_read_again(self, captioner, tmp_path):
        Image.open(PICTURE).save(tmp_path / 'a.png')
        first = captioner(tmp_path / 'a.png')
        Image.new('RGB', (64, 64), 'red').save(tmp_path / 'a.png')
        second = captioner(tmp_path / 'a.png')
        assert first == captioner(PICTURE) and second == captioner(Image.new('RGB', (64, 64), 'red')) != first

    def test_a_bad_picture_is_an_error_whatever_the_config_says(self, captioner, tmp_path):
        loader = next(t for t in captioner.pipeline.transforms[0].transforms.transforms if hasattr(t, 'on_bad_image'))
        assert loader.on_bad_image == 'error'
        (tmp_path / 'a.png').write_bytes(b'nothing')
        with pytest.raises(ValueError, match=r"a\.png' is not a readable image"):
            captioner(tmp_path / 'a.png')
        assert CALL not in captioner.model.prompts


class TestFreePrompts:
    def test_a_list_of_texts(self, captioner):
        texts = ['<image>Output:', '<image>Output:a cat<|endofchunk|><image>Output:']
        together = captioner([PICTURE, [PICTURE, PICTURE]], text=texts)
        assert together == [captioner(PICTURE, text=texts[0]), captioner([PICTURE] * 2, text=texts[1])]
        assert captioner(PICTURE, text=texts[:1]) == together[:1], 'a list for a list'
        assert captioner(PICTURE, text=[texts[0], '<image>A']) == captioner([PICTURE] * 2, text=[texts[0], '<image>A'])
        assert captioner([], text=[]) == []

    @pytest.mark.parametrize(
        ('images', 'text', 'message'),
        [
            ([PICTURE], ['<image>', '<image>'], 'got 2 texts but 1 pictures'),
            ([PICTURE] * 3, ['<image>', '<image>'], 'got 2 texts but 3 pictures'),
            ([PICTURE] * 2, ['<image>', '<image><image>'], 'text 1 has 1 images, but its prompt has 2 <image> marks'),
            ([[PICTURE] * 2, PICTURE], ['<image>', '<image>'], 'text 0 has 2 images, but its prompt has 1'),
            (PICTURE, 'no mark', 'has 1 images, but its prompt has 0'),
            ([], 'no mark', 'has no images'),
            (PICTURE, ['<image>', 7], 'text 1 is 7, it must be a text'),
            (PICTURE, 7, 'text 0 is 7'),
        ],
    )
    def test_what_does_not_match(self, captioner, monkeypatch, images, text, message):
        monkeypatch.setattr(captioner.model, 'test_step', None)
        with pytest.raises(ValueError, match=message):
            captioner(images, text=text)


def test_white_space_of_questions_is_that_of_shots(answerer):
    """A23: the same rule for both."""
    untidy = {**SHOT, 'question': ' What\nis  it? ', 'answer': 'cat\n'}
    tidy = answerer(PICTURE, question='What is it?', shots=[SHOT])
    assert answerer(PICTURE, question='What \n is it?\n', shots=[untidy]) == tidy


class TestModels:
    def test_dtype_by_name(self):
        model = get_model('flamingo-tiny_zeroshot_caption', pretrained=False, dtype='bfloat16')
        assert {p.dtype for p in model.parameters()} == {torch.bfloat16}

    def test_dtype_of_the_config(self, tmp_path):
        base = Path(__file__).parents[2] / 'configs' / 'flamingo' / 'flamingo-tiny_zeroshot_caption.py'
        (tmp_path / 'c.py').write_text(f"_base_ = {str(base)!r}\ndtype = 'bfloat16'\n")
        assert next(get_model(tmp_path / 'c.py', pretrained=False).parameters()).dtype == torch.bfloat16

    @pytest.mark.parametrize(
        ('arguments', 'message'),
        [
            ({'dtype': 'bfloat'}, r"dtype is 'bfloat', it must be one of .* Did you mean 'bfloat16'"),
            ({'dtype': torch.int8}, r'dtype is torch\.int8'),
            ({'dtype': 16}, 'dtype is 16'),
            ({'device': 'gpu'}, "device is 'gpu', which cannot be used"),
            ({'device': 'cuda:99'}, "device is 'cuda:99', which cannot be used"),
            ({'pretrained': None}, 'pretrained is None'),
            ({'pretrained': ''}, "pretrained is ''"),
            ({'pretrained': {}}, 'pretrained is {}'),
        ],
    )
    def test_a_sentence_before_the_weights_are_read(self, arguments, message, monkeypatch):
        monkeypatch.setattr('mmflamingo.apis.model_zoo.read_checkpoint', None)
        with pytest.raises(ConfigError, match=message):
            get_model('flamingo-tiny_zeroshot_caption', **arguments)

    def test_arguments_beside_a_model_are_not_ignored(self, captioner, monkeypatch):
        for arguments in ({'dtype': 'bfloat16'}, {'device': 'cpu'}, {'pretrained': 'a.pth'}):
            with pytest.raises(ValueError, match='built already'):
                FlamingoInferencer(captioner.model, **arguments)
        monkeypatch.delattr(captioner.model, 'cfg')
        with pytest.raises(ValueError, match='take one of `get_model`'):
            inference_model(captioner.model, PICTURE)
        with pytest.raises(ConfigError, match='No model is named by a SimpleNamespace'):
            FlamingoInferencer(SimpleNamespace(much='x' * 10**5))


@pytest.mark.parametrize('image', [[], ['a.png'], ()])
def test_a_shot_has_one_image(answerer, image):
    with pytest.raises(ValueError, match=r"shots\[0\]\['image'\] is .*: give one picture"):
        answerer(PICTURE, question='What?', shots=[{'image': image, 'question': 'What?', 'answer': 'dog'}])
