"""Long work in a process of its own: start, poll, cancel; its other end; what it can do; volumes to and fro in parts."""
