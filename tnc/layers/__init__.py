"""Generated weights of layers, for any framework: templates, patterns of names, files of cores."""
