"""How a text that a person wrote becomes typed values, or a list of what is wrong with it and where.

`document` reads YAML 1.2 with the place of every value, `convert` gives it a type, `fields` holds the types that people
write in a special way (durations, sizes, secrets, paths, matchers). Settings and topology files are read by it.
"""
