"""EmojiScenes: what the scenes are made of (`vocabulary`), how they look (`scenes`) and what is said of them."""
