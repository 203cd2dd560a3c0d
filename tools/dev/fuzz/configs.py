"""Configs of the material: a small Flamingo, and what it is tested and trained on."""

SIZE = 32  # pixels of a picture's edge

CONFIG = """
_base_ = ['{root}/configs/_base_/default_runtime.py']
model = dict(
    type='Flamingo',
    vision_backbone=dict(type='CLIPVisionTransformer', arch=dict(embed_dims=32, depth=1, heads=2), img_size={size}, patch_size=16, act='gelu'),
    resampler=dict(type='PerceiverResampler', depth=1, dim_head=16, heads=2, num_latents=4),
    language_model=dict(
        type='FlamingoLMAdapter',
        config=dict(model_type='llama', vocab_size=1024, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=2, max_position_embeddings=512, bos_token_id=0, eos_token_id=1, pad_token_id=4, tie_word_embeddings=True),
        xattn_every=1, dim_head=16, heads=2, media_index='preceding',
    ),
    tokenizer=dict(type='FlamingoTokenizer', pretrained='{root}/checkpoints/flamingo-tiny/tokenizer', vocab_size=1024),
    prompts=dict(
        vqa=dict(type='PromptTemplate', shot='<image>Question:{{question}} Answer:{{answer}}<|endofchunk|>', query='<image>Question:{{question}} Answer:',
            output='answer', stop=('Question',), generation=dict(num_beams=1, max_new_tokens=3)),
        caption=dict(type='PromptTemplate', shot='<image>Output:{{caption}}<|endofchunk|>', query='<image>Output:', output='caption',
            stop=('Output',), generation=dict(num_beams=1, max_new_tokens=3)),
    ),
    data_preprocessor=dict(type='FlamingoDataPreprocessor', mean=[122.8, 116.7, 104.1], std=[68.5, 66.6, 70.3]),
)
"""
QUESTIONS = """
test_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='FlamingoEvalCOCOVQA', data_root='{data}', question_file='questions.json', ann_file='annotations.json',
        data_prefix=dict(img_path='pictures'), img_name='{{image_id}}.png',
        support_question_file='support_questions.json', support_ann_file='support_annotations.json',
        support_data_prefix=dict(img_path='pictures'), support_img_name='{{image_id}}.png', num_shots=1, seed=0,
        pipeline=[
            dict(type='AddChoices', choices=['no', 'yes']),
            dict(type='ApplyToList', scatter_key='img_path', transforms=[dict(type='LoadImageFromFile'),
                dict(type='ResizeEdge', scale={size}), dict(type='CenterCrop', crop_size={size})], collate_keys=['img']),
            dict(type='PackInputs'),
        ],
    ),
)
test_cfg = dict(type='TestLoop')
test_evaluator = [dict(type='VQAAcc'), dict(type='ChoiceAccuracy', prefix='ranked')]
"""
CAPTIONS = """
test_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='FlamingoEvalCOCOCaption', data_root='{data}', ann_file='captions.json', data_prefix=dict(img_path='pictures'),
        support_ann_file='support_captions.json', support_data_prefix=dict(img_path='pictures'), num_shots=1, seed=0,
        pipeline=[
            dict(type='ApplyToList', scatter_key='img_path', transforms=[dict(type='LoadImageFromFile'),
                dict(type='ResizeEdge', scale={size}), dict(type='CenterCrop', crop_size={size})], collate_keys=['img']),
            dict(type='PackInputs'),
        ]),
)
test_cfg = dict(type='TestLoop')
test_evaluator = dict(type='COCOCaption', metrics=['CIDEr', 'ROUGE_L'])
"""
VIDEO = """
test_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='FlamingoEvalMSVDQA', data_root='{data}', ann_file='video_questions.json', data_prefix=dict(img_path='videos'),
        video_name='{{video_id}}.mp4', support_ann_file='support_video_questions.json', num_shots=0, seed=0,
        pipeline=[
            dict(type='AddChoices', choices=['no', 'yes']),
            dict(type='ApplyToList', scatter_key='img_path', transforms=[dict(type='LoadVideoFrames', num_frames=4),
                dict(type='ApplyToList', scatter_key='img', transforms=[dict(type='ResizeEdge', scale={size}),
                    dict(type='CenterCrop', crop_size={size})], collate_keys=['img'])], collate_keys=['img']),
            dict(type='PackInputs'),
        ],
    ),
)
test_cfg = dict(type='TestLoop')
test_evaluator = dict(type='AnswerMatch')
"""
TRAINING = """
train_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='EpochSampler', shuffle=True), collate_fn=dict(type='pseudo_collate'),
    dataset=dict(type='InterleavedDataset', sources=[dict(dataset=dict(type='COCOCaption', data_root='{data}', ann_file='captions.json',
        data_prefix=dict(img_path='pictures')))], num_shots=(1,), length=8,
        pipeline=[
            dict(type='ApplyToList', scatter_key='img_path', transforms=[dict(type='LoadImageFromFile'),
                dict(type='ResizeEdge', scale={size}), dict(type='CenterCrop', crop_size={size})], collate_keys=['img']),
            dict(type='PackInputs'),
        ]),
)
train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3))
default_hooks = dict(checkpoint=dict(interval=2, by_epoch=False), logger=dict(interval=1))
randomness = dict(seed=0)
load_from = '{root_of_case}/checkpoint.pth'
"""
