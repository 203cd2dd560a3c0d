import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from mmflamingo.models.tokenizers import FlamingoTokenizer
from mmflamingo.prompts import Prompt, PromptTemplate
from mmflamingo.registry import TOKENIZERS

# ids of the tokenizer in conftest.py
OUTPUT, COLON, A, CAT, DOG = 3, 4, 9, 10, 11
V = 25
EOC, IMAGE, PAD = V, V + 1, V + 2
TEMPLATE = PromptTemplate('<image>Output:{caption}<|endofchunk|>', '<image>Output:', 'caption')


@pytest.fixture
def tokenizer(tokenizer_folder):
    return TOKENIZERS.build({'type': 'FlamingoTokenizer', 'pretrained': tokenizer_folder})


@pytest.fixture(scope='module')
def bpe_folder(tmp_path_factory):
    """A byte-level BPE tokenizer that joins what often stands together."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=['<|endoftext|>'],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(['Output:A cat on a mat. Short answer: a red dog </s> <image>'] * 9, trainer)
    folder = tmp_path_factory.mktemp('bpe')
    PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token='<|endoftext|>', eos_token='<|endoftext|>').save_pretrained(
        folder
    )
    return str(folder)


def test_new_tokens_get_the_next_ids_in_order(tokenizer, vocabulary):
    assert [vocabulary[i] for i in (OUTPUT, COLON, A, CAT, DOG)] == [
        'Output',
        ':',
        'A',
        'cat',
        'dog',
    ]
    assert tokenizer.base_vocab_size == V and len(tokenizer) == V + 3
    ids = tokenizer.end_of_chunk_token_id, tokenizer.image_token_id, tokenizer.pad_token_id
    assert ids == (EOC, IMAGE, PAD)
    assert tokenizer.hf.convert_ids_to_tokens(list(ids)) == ['<|endofchunk|>', '<image>', '<PAD>']


def test_tokens_that_are_there_keep_their_ids(tokenizer, tmp_path):
    tokenizer.hf.save_pretrained(tmp_path)
    again = FlamingoTokenizer(str(tmp_path))
    assert len(again) == again.base_vocab_size == V + 3
    assert (again.end_of_chunk_token_id, again.image_token_id, again.pad_token_id) == (
        EOC,
        IMAGE,
        PAD,
    )


def test_words_of_the_vocabulary_become_special_tokens(vocabulary, write_tokenizer, tmp_path):
    """A language model trained with the marks in its texts."""
    folder = write_tokenizer(tmp_path, [*vocabulary, '<image>', '<|endofchunk|>'])
    tokenizer = FlamingoTokenizer(folder)
    assert (tokenizer.image_token_id, tokenizer.end_of_chunk_token_id) == (V, V + 1)
    prompt = TEMPLATE.render({'shots': [{'img_path': 'a', 'caption': 'A <image>'}]})
    assert tokenizer.tokenize(prompt).ids.count(V) == 2


def test_labels_and_padding_by_hand(tokenizer):
    few = TEMPLATE.render({'shots': [{'img_path': 'a', 'caption': 'A cat'}], 'output': 'dog'})
    zero = TEMPLATE.render({'output': 'cat'})
    batch = tokenizer.encode([few, zero], train=True)
    _ = -100
    assert batch['input_ids'].tolist() == [
        [1, IMAGE, OUTPUT, COLON, A, CAT, EOC, IMAGE, OUTPUT, COLON, DOG, EOC],
        [1, IMAGE, OUTPUT, COLON, CAT, EOC, PAD, PAD, PAD, PAD, PAD, PAD],
    ]
    assert batch['attention_mask'].tolist() == [[1] * 12, [1] * 6 + [0] * 6]
    assert batch['labels'].tolist() == [
        [_, _, _, _, A, CAT, EOC, _, _, _, DOG, EOC],
        [_, _, _, _, CAT, EOC, _, _, _, _, _, _],
    ]
    assert tokenizer.encode([few, zero], train=True, loss_on='all')['labels'].tolist() == [
        [_, _, OUTPUT, COLON, A, CAT, EOC, _, OUTPUT, COLON, DOG, EOC],
        [_, _, OUTPUT, COLON, CAT, EOC, _, _, _, _, _, _],
    ]


def test_prompts_to_continue_are_padded_on_the_left(tokenizer):
    few = TEMPLATE.render({'shots': [{'img_path': 'a', 'caption': 'A'}]})
    batch = tokenizer.encode([few, TEMPLATE.render({})], train=False)
    assert set(batch) == {'input_ids', 'attention_mask'}
    assert batch['input_ids'].tolist() == [
        [1, IMAGE, OUTPUT, COLON, A, EOC, IMAGE, OUTPUT, COLON],
        [PAD, PAD, PAD, PAD, PAD, 1, IMAGE, OUTPUT, COLON],
    ]
    assert batch['attention_mask'].tolist() == [[1] * 9, [0] * 5 + [1] * 4]


def test_a_token_that_reaches_into_the_output_counts(bpe_folder):
    tokenizer = FlamingoTokenizer(bpe_folder)
    prompt = TEMPLATE.render({'output': 'A cat'})
    tokens = tokenizer.tokenize(prompt)
    written = [i for i, is_output in zip(tokens.ids, tokens.is_output, strict=True) if is_output]
    assert tokenizer.hf.decode(written).removeprefix(':') == 'A cat<|endofchunk|>'
    assert tokens.ids == [tokenizer.hf.bos_token_id, *tokenizer.hf.encode(prompt.text)]


@pytest.mark.parametrize('kind', ['words', 'bpe'])
@pytest.mark.parametrize(
    'text',
    [
        '<image>',
        'A <image><image> cat <|endofchunk|>',
        '</s>',
        '<s> A </s> <PAD> <unk>',
        '<|endoftext|>',
        '<ima<image>ge>',
        '<|endof<|endofchunk|>chunk|>',
        '<',
        '',
    ],
)
def test_user_text_adds_no_special_token(tokenizer, bpe_folder, kind, text):
    tokenizer = tokenizer if kind == 'words' else FlamingoTokenizer(bpe_folder)
    template = PromptTemplate(
        '<image>Question:{question} answer:{answer}<|endofchunk|>',
        '<image>Question:{question} answer:',
        'answer',
    )
    shot = {'img_path': 'a', 'question': text, 'answer': text}
    special = {i for i, token in tokenizer.hf.added_tokens_decoder.items() if token.special}
    special -= {0} if kind == 'words' else set()  # <unk> stands for unknown words too
    ids = tokenizer.tokenize(template.render({'shots': [shot], 'question': text})).ids
    expected = [
        tokenizer.hf.bos_token_id,
        tokenizer.image_token_id,
        tokenizer.end_of_chunk_token_id,
        tokenizer.image_token_id,
    ]
    assert [i for i in ids if i in special] == expected


def test_user_text_that_completes_a_mark_of_the_template(tokenizer):
    """Breaking up each text alone can't prevent this, so it must not pass."""
    template = PromptTemplate('<image>{caption}>', '<image>', 'caption')
    with pytest.raises(ValueError, match='text of the data formed one with what is beside it'):
        tokenizer.tokenize(template.render({'output': '<image'}))


def test_only_special_tokens_are_broken_up(tokenizer):
    text = 'The sign says <stop> & "image" | 1 < 2'
    assert tokenizer.defuse(text) == text
    assert tokenizer.defuse('a <image> b') == 'a < image> b'


def test_too_long(tokenizer):
    with pytest.raises(ValueError, match='A prompt has 4 tokens, max_length is 3'):
        tokenizer.encode([TEMPLATE.render({})], train=False, max_length=3)


def test_decode_drops_special_tokens(tokenizer):
    assert tokenizer.decode(torch.tensor([[A, CAT, EOC, PAD], [DOG, EOC, PAD, PAD]])) == [
        'A cat',
        'dog',
    ]


def test_missing_folder():
    message = "model.tokenizer.pretrained = 'data/nowhere': no such folder.*hf://"
    with pytest.raises(FileNotFoundError, match=message):
        FlamingoTokenizer('data/nowhere')


def test_folder_without_tokenizer(tmp_path):
    with pytest.raises(
        ValueError, match='No tokenizer of the class AutoTokenizer could be read from model.tokenizer.pretrained = '
    ):
        FlamingoTokenizer(str(tmp_path))


def test_the_silent_vocabulary_of_three_tokens(tmp_path):
    """What LlamaTokenizer makes of a folder without tokenizer.model."""
    (tmp_path / 'tokenizer_config.json').write_text('{"tokenizer_class": "LlamaTokenizer"}')
    with pytest.raises(ValueError, match='knows only 3 special tokens: its vocabulary file is missing'):
        FlamingoTokenizer(str(tmp_path), hf_class='LlamaTokenizer', legacy=True)


def test_vocabulary_of_another_model(tokenizer_folder):
    with pytest.raises(ValueError, match=f'has {V} tokens, model.tokenizer.vocab_size is 32000'):
        FlamingoTokenizer(tokenizer_folder, vocab_size=32000)
    assert FlamingoTokenizer(tokenizer_folder, vocab_size=V)


def test_no_bos_token(tokenizer_folder):
    with pytest.raises(ValueError, match='has no beginning-of-sequence token: .*add_bos=False'):
        FlamingoTokenizer(tokenizer_folder, bos_token=None)
    tokenizer = FlamingoTokenizer(tokenizer_folder, bos_token=None, add_bos=False)
    assert tokenizer.tokenize(TEMPLATE.render({})).ids == [IMAGE, OUTPUT, COLON]


def test_unknown_class(tokenizer_folder):
    with pytest.raises(ValueError, match="hf_class = 'LLaMATokenizer' is not a tokenizer"):
        FlamingoTokenizer(tokenizer_folder, hf_class='LLaMATokenizer')


def test_prompts_of_unknown_words_are_fine(tokenizer):
    assert tokenizer.tokenize(TEMPLATE.render({'output': 'zebra'})).ids[-2:] == [0, EOC]
    assert isinstance(TEMPLATE.render({}), Prompt)


@pytest.mark.parametrize(('padding', 'is_banned'), [(None, True), ('mat', True), ('</s>', False), ('<unk>', False)])
def test_padding_is_unwritable_unless_it_means_something_else(tmp_path, write_tokenizer, padding, is_banned):
    options = {} if padding is None else {'pad_token': padding}
    tokenizer = FlamingoTokenizer(write_tokenizer(tmp_path), **options)
    expected = [tokenizer.image_token_id, tokenizer.pad_token_id] if is_banned else [tokenizer.image_token_id]
    assert tokenizer.unwritable_token_ids == expected
