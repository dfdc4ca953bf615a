"""The programs of an exported folder, which are copied into it as they are.

They know nothing of `pipelines`: see `pipelines.api.exporting_models` for what writes the folder.
"""
