# Flamingo-9B as OpenFlamingo v1 built it and mmpretrain serves it: CLIP ViT-L/14, LLaMA-7B, gated cross-attention
# before every fourth decoder layer, 8.22 G parameters. White space of texts is kept, as there.
_base_ = ['./clip-vit-large.py']

model = dict(
    type='Flamingo',
    vision_backbone=dict(pretrained='checkpoints/vit-large-p14_clip-openai-pre_3rdparty_20230517-95e2af0b.pth'),
    language_model=dict(
        type='FlamingoLMAdapter',
        pretrained='checkpoints/llama-7b-hf',
        dtype='float32',
        xattn_every=4,
        media_index='following',
    ),
    tokenizer=dict(
        type='FlamingoTokenizer',
        pretrained='checkpoints/llama-7b-hf',
        hf_class='LlamaTokenizer',
        vocab_size=32000,
        legacy=True,
        add_bos_token=True,
        bos_token='<s>',
        eos_token='</s>',
        unk_token='<unk>',
    ),
    prompts=dict(
        caption=dict(
            type='PromptTemplate',
            shot='<image>Output:{caption}<|endofchunk|>',
            query='<image>Output:',
            output='caption',
            stop=('Output',),
            drop='"',
            white_space='keep',
            text_only_examples=[
                dict(caption='A child holding a flowered umbrella and petting a yak.'),
                dict(caption='The child is holding a brush close to his mouth.'),
            ],
            generation=dict(num_beams=3, max_new_tokens=20, length_penalty=-2.0, length_penalty_over='whole'),
            ranking=dict(in_context=False),
        ),
        vqa=dict(
            type='PromptTemplate',
            shot='<image>Question:{question} Short Answer:{answer}<|endofchunk|>',
            query='<image>Question:{question} Short Answer:',
            output='answer',
            stop=('Question', 'Answer'),
            white_space='keep',
            text_only_examples=[
                dict(question='What is this photo taken looking through?', answer='pitcher'),
                dict(question='How many people are wearing shorts in the forefront of this photo?', answer='4'),
            ],
            generation=dict(num_beams=3, max_new_tokens=5, length_penalty=-2.0, length_penalty_over='whole'),
            ranking=dict(in_context=False),
        ),
    ),
)

how_to_get_weights = {
    'checkpoints/llama-7b-hf': 'LLaMA-7B in the Hugging Face layout (config.json, weights, tokenizer.model); '
    "ask Meta for the weights and convert them with transformers' convert_llama_weights_to_hf.py.",
    'checkpoints/vit-large-p14_clip-openai-pre_3rdparty_20230517-95e2af0b.pth': 'download '
    'https://download.openmmlab.com/mmclassification/v0/clip/'
    'vit-large-p14_clip-openai-pre_3rdparty_20230517-95e2af0b.pth',
}
