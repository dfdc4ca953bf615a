"""Reading what a competition came in: archives, tables, cells, ids; nothing is hidden."""
