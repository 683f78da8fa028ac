"""A local page over runs: to browse, search, filter, read dialogues, compare, and mark.

    rows       the runs as one table that pages, sorts, counts and finds quickly
    flags      what of a trail shows in a list
    playing    what a run that is not published has so far
    tokens     sampled tokens as text, with their log-probabilities
    marks      keep and drop, and the filter that they make
    app        the server: loopback only, a token in the address
    static     a page of a sample, in one file
    page/      what the browser gets; Preact and htm as they are published, with their licences

What models and corpora say is data for the page, never markup. Not here: anything that changes a
run; marks become a condition for `tutelage filter`.
"""
