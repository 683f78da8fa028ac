"""Does it teach? Figures of played dialogues, derived only from their rows.

rates       a dialogue's contribution to each rate, such as the share of repeated attempts scores
solved by turn and tokens by turn, for each seed and problem lift        the difference of two
conditions on the same problems: by turn, by area, at equal tokens
"""
