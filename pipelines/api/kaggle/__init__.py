"""To Kaggle and back: files, uploads, and what public scores say."""
