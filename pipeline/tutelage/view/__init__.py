"""A local web page for browsing runs: search, filter, read, compare and mark dialogues.

    rows       the runs as one table that is quick to page, sort, count and search
    search     the rows with a text in their messages
    flags      the facts in a trail that the list of dialogues shows
    playing    the rows of a run that may not be published yet
    tokens     sampled tokens as text, with their log-probabilities
    marks      the marks keep and drop, and the filter that they make
    app        the server: loopback only, with a token in the URL
    static     a page with a sample of dialogues, in one file
    page/      the files for the browser; Preact and htm as published, with their licences

Text of models and corpora is data for the page, never markup. Nothing here changes a run; marks
become a condition for `tutelage filter`.
"""
