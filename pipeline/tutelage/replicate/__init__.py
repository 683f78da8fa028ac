"""Replicates the paper's claims at a scale that two cores can run, with this program's own parts.

    world        families of worded problems, and an oracle that remarks on one part at a time
    chats        the base model's pretraining data: a web on which few students listen
    toy_model    a small Llama with a word tokenizer, as an ordinary model folder
    pretraining  from random weights to the base model, in minutes
    scale        sizes of all parts of a replication
    toy          the folders, and the settings that all its runs share
    trainings    training data and trainings
    stages       the resumable steps
    summary      the page: the reports, two further figures, the table of claims
    study        the same on a real model: smollm2.toml, gpu.toml
    numbers      a rule-based teacher for whole numbers
    claims       the paper's claims, our figures, and a verdict on each

A toy shows a mechanism, and nothing about large models: the teacher is an oracle, and training
brings out a habit that is latent after pretraining.
"""
