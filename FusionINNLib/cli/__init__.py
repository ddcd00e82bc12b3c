"""The command `fusioninn`: the parser in `__main__.py`, what each command does in a file of its own."""
