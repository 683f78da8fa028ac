"""Does it teach? Figures of played dialogues, each derived from the rows alone.

rates       one dialogue -> what it adds to a share, such as repeats of later attempts
scores      dialogues -> solved by turn and tokens by turn, for each seed and problem
lift        one condition less another on the same problems: by turn, by area, at equal tokens
"""
