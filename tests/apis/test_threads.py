"""One model in many threads: the same predictions as in one (A18)."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from mmflamingo.apis import inference_model
from mmflamingo.apis.inference import CALL

PICTURE = Path(__file__).parents[2] / 'demo' / 'cat-dog.png'
QUESTIONS = ['What color is the background?', 'How many things are in the picture?', 'Is there a cat?']
COLOURS = ['red', 'green', 'blue']


@pytest.fixture
def calls(answerer):
    """Calls that differ in prompt, shots, choices, settings and pictures."""
    shots = [{'image': PICTURE, 'question': 'What is it?', 'answer': 'cat'}]
    red = Image.new('RGB', (64, 64), 'red')
    lazy = Image.open(PICTURE)
    return [
        *(lambda q=q: answerer(PICTURE, question=q) for q in QUESTIONS),
        lambda: answerer(PICTURE, question=QUESTIONS[0], shots=shots),
        lambda: answerer(PICTURE, question=QUESTIONS[0], choices=COLOURS),
        lambda: answerer(PICTURE, question=QUESTIONS[0], choices=COLOURS, ranking={'normalize': False}),
        lambda: answerer([PICTURE, red], question=QUESTIONS[0], num_beams=1, batch_size=1),
        lambda: answerer(lazy, text='<image>Question:What is it? Short answer:', max_new_tokens=2),
        lambda: inference_model(answerer.model, red, QUESTIONS[0]),
    ]


def test_four_threads_predict_what_one_does(answerer, calls):
    expected = [call() for call in calls]
    assert len({str(prediction) for prediction in expected}) > 5
    with ThreadPoolExecutor(4) as pool:
        futures = [(number, pool.submit(calls[number])) for _ in range(3) for number in range(len(calls))]
        for number, future in futures:
            assert future.result() == expected[number]
    assert CALL not in answerer.model.prompts


def test_a_thread_that_fails_does_not_disturb_the_others(answerer, calls, tmp_path):
    expected = calls[0]()
    with ThreadPoolExecutor(4) as pool:
        bad = [pool.submit(answerer, str(tmp_path), question=QUESTIONS[0]) for _ in range(8)]
        good = [pool.submit(calls[0]) for _ in range(8)]
        assert all(future.result() == expected for future in good)
        assert all(isinstance(future.exception(), ValueError) for future in bad)
    assert CALL not in answerer.model.prompts
