"""The shipped models, loaded once."""

import pytest

from mmflamingo.apis import FlamingoInferencer


@pytest.fixture(scope='session')
def captioner():
    return FlamingoInferencer('flamingo-tiny_zeroshot_caption')


@pytest.fixture(scope='session')
def answerer():
    return FlamingoInferencer('flamingo-tiny_zeroshot_vqa')
