"""The programs of an exported folder, which are copied into it as they are.

They know nothing of `pipelines`: see `pipelines.api.export.folder` for what writes the folder.
"""
