"""The paper's claims, tried again at a size that two cores carry, through this program's own parts.

    world        families of problems in words, and an oracle that remarks on one part at a time
    chats        what the base model is pretrained on: a web in which few listen
    toy_model    a small Llama with a tokenizer of words, as an ordinary model folder
    pretraining  from nothing to the base model, in minutes
    scale        how much of everything a replication plays
    toy          where its parts lie, and the settings that its runs share
    trainings    what it plays to learn from, and what it learns
    stages       its steps, each resumable
    summary      its page: the reports, two figures more, the table of claims
    study        the same on a real model: smollm2.toml, gpu.toml
    numbers      a teacher by rule for whole numbers
    claims       the paper's claims, our figures, and a verdict on each

A toy shows a mechanism, and nothing about large models: the teacher is an oracle, and what is
learnt is a habit that pretraining left latent.
"""
