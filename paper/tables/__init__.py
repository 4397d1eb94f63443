"""The tables of the reproduction: what was published beside ours, each made of saved results alone."""
