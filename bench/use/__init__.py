"""An index in use: loaded in batches, added to, patched and deleted from; beside the same index after its build."""
